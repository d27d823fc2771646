"""How many units a watched rollout takes until a promotion: planned, simulated, of a fixed test."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from bench.simulate.draws import CHAMPION, FAR, NEAR, PAYOFFS, Floats, Payoffs, paired, split
from bench.simulate.rollouts import CENTRED, FROM_0, HALF, OFF, PAIRED, watched

from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import units_needed


@dataclass(frozen=True)
class Row:
    """A challenger whose promotion takes so many units under a plan; `n` are drawn."""

    true: str
    plan: RolloutPlan
    challenger: Floats
    n: int
    of: Payoffs = NEAR


@dataclass(frozen=True)
class Size:
    """Units until a promotion: planned, simulated, and those of a fixed test; power at the end."""

    planned: float
    simulated: float
    fixed: float
    promoted: float


def size(row: Row, runs: int, seed: int) -> Size:
    plan = row.plan
    draw = paired(row.challenger, row.n)
    if plan.shares:
        draw = split(row.challenger, plan.shares, row.n, row.of)
    found = [watched(plan, draw(rng))[:2] for rng in np.random.default_rng(seed).spawn(runs)]
    promoted = [units for verdict, units in found if verdict == "promote"]
    spread = _paired_spread(row.challenger)
    if plan.shares:
        spread = row.of.said(plan, row.challenger, plan.shares[0])
    needed = units_needed(plan, spread)
    return Size(needed.expected, float(np.mean(promoted)), needed.fixed, len(promoted) / runs)


def _paired_spread(challenger: Floats) -> Spread:
    cuts = np.unique(np.concatenate([[0.0], np.cumsum(challenger), np.cumsum(CHAMPION)]))
    cuts = np.append(cuts[cuts < 1 - 1e-9], 1.0)
    middle = (cuts[1:] + cuts[:-1]) / 2
    after, before = (
        PAYOFFS[np.searchsorted(np.cumsum(chances)[:-1], middle, side="right")]
        for chances in (challenger, CHAMPION)
    )
    return Spread(after - before, np.diff(cuts))


BETTER = np.array([0.25, 0.55, 0.20])  # by 0.5 on average
HARDLY = np.array([0.29, 0.55, 0.16])  # by 0.1
FAR_BETTER = np.array([0.125, 0.5, 0.375])  # by 0.5
NARROW = replace(PAIRED, tolerance=0.1)
SIZES = (
    Row("better by 0.1, both arms on each unit", NARROW, HARDLY, 8000),
    Row("better by 0.1, half of traffic", replace(NARROW, shares=(0.5,)), HARDLY, 60_000),
    Row("better by 0.5, half of traffic", HALF, BETTER, 12_000),
    Row("better by 0.5, a tenth of traffic", replace(HALF, shares=(0.1,)), BETTER, 24_000),
    Row("alike, half of traffic", HALF, CHAMPION, 12_000),
    Row("8 to 12, better by 0.5, from 0", FROM_0, FAR_BETTER, 60_000, FAR),
    Row("8 to 12, better by 0.5, from 8.5", OFF, FAR_BETTER, 12_000, FAR),
    Row("8 to 12, better by 0.5, from the mean", CENTRED, FAR_BETTER, 4000, FAR),
    Row("8 to 12, alike, from 0", FROM_0, FAR.champion, 120_000, FAR),
    Row("8 to 12, alike, from 8.5", OFF, FAR.champion, 24_000, FAR),
    Row("8 to 12, alike, from the mean", CENTRED, FAR.champion, 8000, FAR),
)


def main(runs: int = 1000) -> None:
    print("Units until a promotion, beside a z-test of a fixed number with a power of 80 %")
    print(f"{'what is true':<42}{'planned':>9}{'simulated':>11}{'fixed':>8}{'promoted':>10}")
    for seed, row in enumerate(SIZES, 300):
        one = size(row, max(runs // 5, 1), seed)
        print(
            f"{row.true:<42}{one.planned:>9,.0f}{one.simulated:>11,.0f}{one.fixed:>8,.0f}"
            f"{one.promoted:>10.0%}"
        )


if __name__ == "__main__":
    main()
