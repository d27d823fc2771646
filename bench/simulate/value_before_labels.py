"""Whether value before labels, and realised, hold what they say: coverage, and staleness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from itertools import product
from operator import add
from zlib import crc32

import numpy as np
from bench.simulate.traffic import Traffic, bank

from assay.monitor.pricing import Pricing, pricing
from assay.monitor.table_gaps import table_gaps
from assay.monitor.table_value import expected_value, realised_value
from assay.monitor.tabling import tabled
from assay.monitor.track_record import Gap, track_record
from assay.stats.score_table import ScoreTable

TRUTH_CASES = 400_000
WINDOWS = (1_000, 10_000, 100_000)
LABELS = (5_000, 20_000)


@dataclass(frozen=True)
class World:
    """What payoffs are made of, and how the law of outcomes hangs on the amount."""

    name: str
    cells: str = "numbers"
    level: float = 3.5
    by_amount: float = 0.0

    def traffic(self, seed: int, labels: int, *claim: float) -> Traffic:
        """Return a model that learned its calibration from so many labels, and its cases.

        A model is learned once; its cases are those of the claim, whichever claims ran before.
        """
        return _taught(self, seed, labels).anew(seed, labels, crc32(repr(claim).encode()))


@cache
def _taught(world: World, seed: int, labels: int) -> Traffic:
    return Traffic(seed, bank(world.cells), labels, world.level, world.by_amount)


WORLDS = (
    World("payoffs are numbers"),
    World("rare: 1 in 408 pays 400", "rare", level=8.5),
    World("payoff grows with the amount", "amount"),
    World("amount tells of the outcome too", "amount", by_amount=-0.6),
)


def read(traffic: Traffic, n: int, shift: float = 0.0, drift: float = 0.0) -> ScoreTable:
    """Return the table of a window's cases, all labels there."""
    table = tabled((), traffic.watched, traffic.cases(n, shift, drift))
    assert isinstance(table, ScoreTable)
    return table


def covered(
    world: World, n: int, runs: int, shift: float = 0.0, labels: int = 20_000, models: int = 10**9
) -> tuple[float, float]:
    """Return how often what came lies in the interval before labels, and its mean width.

    Each run has a model of its own, up to so many `models`.
    """
    hits, widths = [], []
    for run in range(runs):
        traffic = world.traffic(1_000 + run % models, labels, run, n, shift)
        table = read(traffic, n, shift)
        priced = pricing(traffic.watched, table)
        found = expected_value(table.unlabelled(), priced).uplift
        came = realised_value(table, priced, seed=run, resamples=10)
        hits.append(came is not None and found.low <= came.uplift.mean <= found.high)
        widths.append(found.high - found.low)
    return float(np.mean(hits)), float(np.mean(widths))


def realised_covered(
    world: World, n: int, runs: int, labelled: float = 1.0, truth_cases: int = TRUTH_CASES
) -> tuple[float, float]:
    """Return how often the true uplift lies in the realised interval, and its mean width.

    `labelled` is the share of cases with a label, any of them alike.
    """
    traffic = world.traffic(7, 20_000, n, labelled)
    parts = [read(traffic, truth_cases // 20) for _ in range(20)]
    everything: ScoreTable = reduce(add, parts)
    priced = pricing(traffic.watched, everything)
    long_run = realised_value(everything, priced, seed=0, resamples=10)
    assert long_run is not None
    hits, widths = [], []
    for run in range(runs):
        cases = traffic.cases(n)
        known = traffic.rng.random(n) < labelled
        table = tabled((), traffic.watched, cases.known(cases.outcomes, known))
        assert isinstance(table, ScoreTable)
        found = realised_value(table, priced, seed=run)
        if found is not None:
            hits.append(found.uplift.low <= long_run.uplift.mean <= found.uplift.high)
            widths.append(found.uplift.high - found.uplift.low)
    return float(np.mean(hits)), float(np.mean(widths))


def stale_after(
    world: World, n: int, runs: int, *, windows: int, drift: float = 0.0, labels: int = 20_000
) -> list[int | None]:
    """Return, for each run, the window whose labels make estimates stale; None where none does."""
    found: list[int | None] = []
    for run in range(runs):
        traffic = world.traffic(5_000 + run, labels, n, drift)
        gaps: list[dict[str, Gap]] = []
        at = None
        for window in range(windows):
            gaps.append(_gaps(traffic, n, drift))
            if track_record(gaps).stale:
                at = window + 1
                break
        found.append(at)
    return found


def _gaps(traffic: Traffic, n: int, drift: float) -> dict[str, Gap]:
    table = read(traffic, n, drift=drift)
    priced: Pricing = pricing(traffic.watched, table)
    return table_gaps(table, priced)


def coverages(runs: int) -> Iterator[tuple[str, float, float]]:
    """Yield each claim before labels with coverage and width."""
    for world, labels, n in product(WORLDS, LABELS, WINDOWS):
        for shift in (0.0, 0.7, -1.0):
            moved = f"scores moved by {shift:+g}" if shift else "no shift"
            claim = f"{world.name}, {labels:,} labels, {n:,} cases, {moved}"
            # Where errors hang on the amount, large windows show them best.
            fewer = n > 50_000 and not world.by_amount
            yield claim, *covered(world, n, max(20, runs // (4 if fewer else 1)), shift, labels)


def main(runs: int = 100) -> None:
    """Print coverage before and after labels, and when estimates become stale."""
    error = 100 * (0.95 * 0.05 / runs) ** 0.5
    print(f"  intervals of 95 %, up to {runs} runs each (standard error {error:.1f} %, twice that")
    print("  where 100,000 cases have a quarter of the runs): coverage, mean width")
    print("  before labels, from the table")
    for claim, share, width in coverages(runs):
        print(f"    {claim:80} {share:6.1%} {width:9.3f}", flush=True)
    print("  realised, from the table")
    for world in WORLDS:
        for n, labelled in ((300, 1.0), (1_000, 1.0), (10_000, 1.0), (1_000, 0.3)):
            share, width = realised_covered(world, n, 2 * runs, labelled)
            claim = f"{world.name}, {n:,} cases, {labelled:.0%} labelled"
            print(f"    {claim:80} {share:6.1%} {width:9.3f}", flush=True)
    print("  stale, windows of 2,000 cases: share of runs, windows until then (median)")
    for world in WORLDS:
        for drift, windows in ((0.0, 100), (-0.3, 20), (0.3, 20), (-0.7, 20)):
            found = stale_after(world, 2_000, max(20, runs // 2), windows=windows, drift=drift)
            at = [one for one in found if one is not None]
            after = f"{np.median(at):.0f}" if at else "none"
            claim = f"{world.name}, log odds {drift:+g}, {windows} windows"
            print(f"    {claim:80} {len(at) / len(found):6.1%} {after:>9}", flush=True)


if __name__ == "__main__":
    main()
