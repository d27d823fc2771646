"""How often the intervals of a value bridge's parts hold what is true.

A population of known outcomes is planned, another is realised; samples of both are bridged again
and again, and each part's interval is held against the bridge of the populations themselves.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.stats.clusters import Clusters
from assay.stats.estimate import Estimate
from assay.value.bridge import PARTS, Bridge, bridge
from assay.value.bridge_sides import Side
from assay.value.valuation import Valuation, valuation

RUNS = 1000
SCORES = np.linspace(0.05, 0.6, 8)
AMOUNTS = (0.5, 1.0, 3.0)
FINE = 64  # cells enough that each score has its own
DESIGNS = ((150, 100, 1), (400, 300, 1), (2000, 300, 1), (2000, 1000, 1), (400, 300, 4))
"""Planned cases, realised cases, and how many of them share an entity."""


def main() -> None:
    """Print the coverage of each part's 95% interval, by sizes of the sides."""
    plan = _population(_bank(9, 0.15), [16, 12, 10, 8, 8, 4, 4, 2], [2, 6, 9, 14, 18, 22, 26, 30])
    came = _population(_bank(7, 0.25), [8] * 8, [2, 5, 7, 11, 15, 20, 22, 25])
    came = replace(came, volume=900.0, fixed_costs=150.0)
    truth = bridge(plan, came, seed=0, cells=FINE)
    names = (*PARTS, "planned", "realised", "difference")
    print(f"{'planned/realised/together':<27}{'  '.join(f'{name:>11}' for name in names)}")
    for sizes in DESIGNS:
        held = _coverage((plan, came), truth, sizes)
        label = "/".join(str(size) for size in sizes)
        print(f"{label:<27}{'  '.join(f'{share:>11.3f}' for share in held)}")
    rows = [_drawn(side, 50_000, 1, np.random.default_rng(1)) for side in (plan, came)]
    start = time.perf_counter()
    bridge(*rows, seed=0)
    print(f"a bridge of 2 x 50,000 cases takes {time.perf_counter() - start:.2f} s")


def _bank(gain: float, at: float) -> Valuation:
    model = {
        "currency": "EUR",
        "actions": {"call": {"yes": f"{gain} * amount", "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
        "policy": {"kind": "threshold", "action": "call", "at": at},
    }
    data = Data(source="bank.csv", outcome="y", positive="yes")
    return valuation(ValueModel.model_validate(model), data)


def _population(valued: Valuation, weights: list[int], yes: list[int]) -> Side:
    """Return a side where `yes` of each fifty cases of a score say yes, whatever the amount."""
    per = [np.repeat(score, 150 * weight) for score, weight in zip(SCORES, weights, strict=True)]
    said = [
        np.tile(np.repeat(np.arange(50) < count, 3), weight)
        for count, weight in zip(yes, weights, strict=True)
    ]
    score, outcomes = np.concatenate(per), np.concatenate(said).astype(np.int64)
    amount = np.tile(AMOUNTS, len(score) // 3)
    forecast = np.column_stack([1 - score, score])
    return Side(valued, forecast, outcomes, {"amount": amount}, 1000.0, 100.0)


def _drawn(side: Side, n: int, together: int, rng: np.random.Generator) -> Side:
    """Draw cases; where some share an entity, half of them are the entity's one case again."""
    rows = rng.integers(0, len(side), n)
    clusters = None
    if together > 1:
        entity = np.arange(n) // together
        rows = np.where(rng.random(n) < 0.5, rows[entity * together], rows)
        clusters = Clusters(entity, "entity")
    return replace(
        side,
        forecast=side.forecast[rows],
        outcomes=side.outcomes[rows],
        columns={"amount": side.columns["amount"][rows]},
        clusters=clusters,
    )


def _coverage(
    of: tuple[Side, Side], truth: Bridge, sizes: tuple[int, int, int]
) -> NDArray[np.float64]:
    rng = np.random.default_rng(sizes)
    true = [one.mean for one in _figures(truth)]
    held = np.zeros(len(true))
    for _ in range(RUNS):
        one, two = (_drawn(side, sizes[j], sizes[2], rng) for j, side in enumerate(of))
        found = _figures(bridge(one, two, seed=0, cells=FINE, resamples=500))
        held += [each.low <= mean <= each.high for each, mean in zip(found, true, strict=True)]
    return held / RUNS


def _figures(found: Bridge) -> list[Estimate]:
    return [*found.parts.values(), found.planned, found.realised, found.difference]


if __name__ == "__main__":
    main()
