"""How often a watched rollout decides wrongly.

Each run draws units where a claim is false by a hair, lets `decide` watch them batch by batch until
it decides, and puts two others on the same data: a z-test at the same looks, which stops at its
first verdict too, and a fixed threshold, which takes what the first 1,000 units say at its word. A
rollout may err in at most alpha of the runs, however often it is looked at; a z-test was made for
one look, and a threshold for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from bench.simulate.draws import (
    CHAMPION,
    FAR,
    NEAR,
    WORSE,
    Draw,
    Drawn,
    Late,
    drifting,
    erring,
    missing,
    paired,
    repeated,
    reweighted,
    shuffled,
    split,
)
from bench.simulate.peeking import FIXED, Told, past_threshold, z_test

from assay.deploy.batch import Batch
from assay.deploy.guardrail_condition import GuardrailCondition
from assay.deploy.rollout import decide
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState

ALPHA = 0.05
LOOK = 100

PAIRED = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.5, most_units=4000)
HALF = replace(PAIRED, shares=(0.5,))
STEPS = replace(PAIRED, shares=(0.1, 0.5))
FROM_0 = replace(HALF, bounds=(8.0, 12.0))
OFF = replace(FROM_0, centre=8.5)
CENTRED = replace(FROM_0, centre=10.0)
SELDOM = 500
"""Units between looks where each look goes through all units anew."""
CALM = 1e-9
"""A tolerance that nothing is promoted by, where rollbacks are counted."""


@dataclass(frozen=True)
class Scene:
    """A claim that is false by a hair: what is true, the wrong verdict, and how runs are drawn."""

    true: str
    wrong: str
    plan: RolloutPlan
    draw: Draw


@dataclass(frozen=True)
class Rates:
    """How often each went wrong in so many runs."""

    runs: int
    watched: int
    peeked: int
    fixed: int

    @property
    def most(self) -> float:
        """Alpha with three standard errors of luck."""
        return ALPHA + 3 * float(np.sqrt(ALPHA * (1 - ALPHA) / self.runs))


def batches(drawn: Drawn, plan: RolloutPlan) -> Iterator[Batch]:
    for start in range(0, len(drawn.least), LOOK):
        part = slice(start, start + LOOK)
        said = {}
        if drawn.bad is not None:
            (condition,) = plan.conditions
            bad = condition.split(drawn.bad[part], drawn.arm[part], plan.shares[0])
            said = {condition.name: bad}
        if drawn.share is None:
            yield Batch(drawn.least[part], most=drawn.most[part])
        else:
            share = float(drawn.share[start])
            yield Batch.split(
                plan.arms,
                drawn.least[part],
                drawn.arm[part],
                share,
                most=drawn.most[part],
                said=said,
            )


def watched(plan: RolloutPlan, drawn: Drawn) -> tuple[str, int, str]:
    """Watch every batch until there is a verdict on evidence; hold where there is none."""
    state = RolloutState.start(replace(plan, most_units=len(drawn.least) + 1))
    for batch in batches(drawn, plan):
        decision = decide(state, batch)
        state = decision.state
        if decision.verdict != "hold":
            return decision.verdict, state.n, decision.reason
    return "hold", state.n, ""


def peeked(plan: RolloutPlan, drawn: Drawn) -> str:
    """Return the first verdict of a z-test after every batch; hold where there is none."""
    looks = np.arange(LOOK, len(drawn.least) + 1, LOOK)
    return z_test(drawn.told, looks, plan.tolerance, plan.margin, _limits(plan, drawn))


def _limits(plan: RolloutPlan, drawn: Drawn) -> list[tuple[Told, float]]:
    """Return what the challenger's cases told of each guardrail, and its limit."""
    if drawn.bad is None:
        return []
    told = Told.each(drawn.bad.astype(np.float64)).part(drawn.arm)
    return [(told, one.limit) for one in plan.conditions]


def _fixed(scene: Scene, drawn: Drawn) -> bool:
    """Whether a threshold says the wrong thing."""
    plan = scene.plan
    null = -plan.tolerance if scene.wrong == "promote" else -plan.margin
    return past_threshold(drawn.told, null, scene.wrong, _limits(plan, drawn))


def rates(scene: Scene, runs: int, seed: int) -> Rates:
    wrong = naive = fixed = 0
    for rng in np.random.default_rng(seed).spawn(runs):
        drawn = scene.draw(rng)
        wrong += watched(scene.plan, drawn)[0] == scene.wrong
        naive += peeked(scene.plan, drawn) == scene.wrong
        fixed += _fixed(scene, drawn)
    return Rates(runs, wrong, naive, fixed)


WIDE = replace(HALF, bounds=(-6.0, 14.0))
ERRORS = replace(HALF, tolerance=CALM, conditions=(GuardrailCondition("errors", 0.02),))

SCENES = (
    Scene("worse by the tolerance, both arms on each unit", "promote", PAIRED, paired(WORSE)),
    Scene("worse by the tolerance, half of traffic", "promote", HALF, split(WORSE)),
    Scene(
        "worse by the tolerance, a tenth of traffic",
        "promote",
        replace(STEPS, shares=(0.1,)),
        split(WORSE, (0.1,)),
    ),
    Scene(
        "alike, both arms on each unit",
        "roll_back",
        replace(PAIRED, tolerance=CALM),
        shuffled,
    ),
    Scene("alike, half of traffic", "roll_back", replace(HALF, tolerance=CALM), split(CHAMPION)),
    Scene(
        "worse by the margin, half of traffic",
        "roll_back",
        replace(HALF, tolerance=CALM, margin=0.5),
        split(WORSE),
    ),
    Scene(
        "entities who come back",
        "promote",
        replace(HALF, bounds=(-5.0, 45.0), tolerance=1.5),
        repeated,
    ),
    Scene("the common mean drifts", "promote", WIDE, drifting),
    Scene("good outcomes of the champion are missing", "promote", HALF, missing(NEAR)),
    Scene(
        "weights change while both earn more",
        "promote",
        replace(STEPS, bounds=(-1, 11)),
        reweighted,
    ),
    Scene("alike, and a guardrail just at its limit", "roll_back", ERRORS, erring),
    Scene("payoffs of 8 to 12, counted from 0", "promote", FROM_0, split(FAR.worse, of=FAR)),
    Scene(
        "payoffs of 8 to 12, counted from their mean", "promote", CENTRED, split(FAR.worse, of=FAR)
    ),
    Scene("payoffs of 8 to 12, counted from a wrong 8.5", "promote", OFF, split(FAR.worse, of=FAR)),
    Scene(
        "payoffs of 8 to 12 from their mean, weights change",
        "promote",
        replace(CENTRED, shares=(0.1, 0.5)),
        split(FAR.worse, (0.1, 0.5), of=FAR),
    ),
    Scene("payoffs of 8 to 12 from their mean, some missing", "promote", CENTRED, missing(FAR)),
    Scene(
        "alike, payoffs of 8 to 12 from their mean",
        "roll_back",
        replace(CENTRED, tolerance=CALM),
        split(FAR.champion, of=FAR),
    ),
)


def late(runs: int, seed: int) -> Rates:
    """Look now and then while good outcomes of the champion come up to 2,000 units late.

    Each look goes through all units from the first, with what is known by then; the z-test looks
    as often, and takes the outcomes that came. Each stops at its first verdict.
    """
    wrong = naive = fixed = 0
    for rng in np.random.default_rng(seed).spawn(runs):
        units = Late.drawn(rng)
        looks = [units.by(now) for now in range(SELDOM, len(units.paid) + 1, SELDOM)]
        wrong += _first(watched(HALF, drawn)[0] for drawn in looks) == "promote"
        naive += _first(_now(drawn) for drawn in looks) == "promote"
        fixed += past_threshold(units.by(FIXED).told, -HALF.tolerance, "promote")
    return Rates(runs, wrong, naive, fixed)


def _now(drawn: Drawn) -> str:
    """Return what a z-test says of all that is known by now, looking once."""
    return z_test(drawn.told, np.array([len(drawn.least)]), HALF.tolerance)


def _first(verdicts: Iterable[str]) -> str:
    """Return the first verdict that does not hold."""
    return next((one for one in verdicts if one != "hold"), "hold")


def main(runs: int = 1000) -> None:
    print(f"Wrong decisions in {runs:,} rollouts, alpha {ALPHA:.0%}, a look each {LOOK} units")
    rules = f"{'watched':>9}{'z-test peeked at':>18}{'threshold':>11}"
    print(f"{'what is true':<52}{'wrong is':>11}{rules}")
    for seed, scene in enumerate(SCENES, 100):
        found = rates(scene, runs, seed)
        _row(scene.true, scene.wrong, found)
    _row(f"good outcomes come late, a look each {SELDOM} units", "promote", late(runs, 200))


def _row(true: str, wrong: str, found: Rates) -> None:
    watched_, peeked_, fixed = (
        one / found.runs for one in (found.watched, found.peeked, found.fixed)
    )
    mark = "" if watched_ <= found.most else "  ABOVE ALPHA"
    told = f"{watched_:>9.1%}{peeked_:>18.1%}{fixed:>11.1%}{mark}"
    print(f"{true:<52}{wrong.replace('_', ' '):>11}{told}")


if __name__ == "__main__":
    main()
