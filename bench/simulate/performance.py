"""Whether intervals of performance hold what they say, and how soon concept drift is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
from tests.watched_cases import counted, drawn, watched

from assay.monitor.concept import concept_drift
from assay.monitor.performance import performance_after_labels, performance_before_labels

RUNS = 150
TRUTH_CASES = 200_000
SETTINGS = ((5_000, 1_000, 0.0), (5_000, 20_000, 0.0), (20_000, 1_000, 0.7), (20_000, 20_000, -1.0))


def covered(labels: int, n: int, shift: float, runs: int = RUNS) -> tuple[Counter[str], ...]:
    """Count how often intervals before labels hold what labels show, and those after the law."""
    before, after = Counter[str](), Counter[str]()
    for seed in range(runs):
        model = watched(seed, labels, rows=2000, windows=10)
        rng = np.random.default_rng([seed, 1])
        table = counted(model, *drawn(rng, n, shift))
        law = performance_after_labels(counted(model, *drawn(rng, TRUTH_CASES, shift)), model)
        seen = performance_after_labels(table, model)
        for name, one in performance_before_labels(table, model).items():
            before[name] += one.low <= seen[name].mean <= one.high
            after[name] += seen[name].low <= law[name].mean <= seen[name].high
    return before, after


def delay(n: int, drift: float, runs: int = 20, most: int = 15) -> tuple[float, int]:
    """Return the median windows until a drift in log odds is told, after twenty good windows.

    And in how many runs of those twenty windows something was told.
    """
    delays, wrong = [], 0
    for seed in range(runs):
        model = watched(seed, rows=2000, windows=10)
        rng = np.random.default_rng([seed, 1])
        good = [counted(model, *drawn(rng, n)) for _ in range(20)]
        wrong += concept_drift(model, good).drifting
        off = [counted(model, *drawn(rng, n, drift=drift)) for _ in range(most)]
        told = (k + 1 for k in range(most) if concept_drift(model, [*good, *off[: k + 1]]).drifting)
        delays.append(next(told, most + 1))
    return float(np.median(delays)), wrong


def main() -> None:
    """Print coverage of 95 % intervals, and delays."""
    for labels, n, shift in SETTINGS:
        for when, hits in zip(("before", "after"), covered(labels, n, shift), strict=True):
            told = ", ".join(f"{name} {count / RUNS:.2f}" for name, count in hits.items())
            print(f"{when} labels, {labels} to calibrate, window {n}, shift {shift:+g}: {told}")
    for n in (1_000, 10_000):
        for drift in (0.2, 0.4, 1.0):
            windows, wrong = delay(n, drift)
            print(f"odds moved by {drift}, windows of {n}: told after {windows:g}; {wrong} wrong")
