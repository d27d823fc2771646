"""How soon clearly worse versions go, and how shadows and guardrails decide, as releases do.

The same functions decide as in production: looks at guardrails, pairs with dropped copies, and what
a plan states before the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from bench.simulate.rollouts import (
    ALPHA,
    HALF,
    LOOK,
    NEAR,
    ONE_SIDED,
    PAIRED,
    PAYOFFS,
    Floats,
    paired,
    split,
    watched,
)
from numpy.typing import NDArray

from assay.charter.policy import BestAction
from assay.deploy.guardrail_condition import GuardrailCondition, Said
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.deploy.units_needed import cases_to_keep, units_to_roll_back
from assay.lifecycle.canary import decide_looks
from assay.lifecycle.guardrail_cases import Spoken
from assay.lifecycle.looks import Look, guardrail_looks, in_order, paired_looks
from assay.lifecycle.paired_payoffs import paired_differences
from assay.lifecycle.paired_units import PairedUnit
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable

AT = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = [AT + timedelta(seconds=second) for second in range(10_000)]
CLEARLY = np.array([0.44, 0.55, 0.01])  # worse by 1.4 on average
CHAMPION = NEAR.champion


@dataclass(frozen=True)
class Gone:
    """A clearly worse version: units until it is rolled back, stated and taken, and how often."""

    stated: float
    taken: float
    in_time: float
    rolled_back: float


def worse_paired() -> Spread:
    """What a unit says of a clearly worse version where one customer meets both."""
    places = (np.arange(10_000) + 0.5) / 10_000
    before, after = (
        PAYOFFS[np.searchsorted(np.cumsum(chances)[:-1], places, side="right")]
        for chances in (CHAMPION, CLEARLY)
    )
    values, counts = np.unique(after - before, return_counts=True)
    return Spread(values, counts / 10_000)


WORSE = {
    "both arms on each unit": (PAIRED, paired(CLEARLY), worse_paired()),
    "half of traffic": (HALF, split(CLEARLY), NEAR.said(HALF, CLEARLY, 0.5)),
    "a tenth of traffic": (
        replace(HALF, shares=(0.1,)),
        split(CLEARLY, (0.1,), 12_000),
        NEAR.said(replace(HALF, shares=(0.1,)), CLEARLY, 0.1),
    ),
}


def gone(where: str, runs: int, seed: int) -> Gone:
    plan, draw, said = WORSE[where]
    stated = units_to_roll_back(plan, said, LOOK).expected
    found = [watched(plan, draw(rng))[:2] for rng in np.random.default_rng(seed).spawn(runs)]
    units = np.array([n for verdict, n in found if verdict == "roll_back"])
    return Gone(stated, float(units.mean()), float((units <= 2 * stated).mean()), len(units) / runs)


@dataclass(frozen=True)
class Verdicts:
    """How often each way of deciding said the wrong thing in so many runs."""

    runs: int
    watched: int
    peeked: int
    fixed: int
    missing: float = 0.0

    @property
    def most(self) -> float:
        """Alpha with three standard errors of luck."""
        return ALPHA + 3 * float(np.sqrt(ALPHA * (1 - ALPHA) / self.runs))


TABLE = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
BANK = ClassificationValuation("EUR", TABLE, BestAction(), {"nobody": "skip"}, "nobody")
SHADOW = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.25, most_units=100_000)
BUYS = 0.05  # half are called, and a call pays 10 x 0.05 - 1: worse by the tolerance


def dropped(worst: bool, runs: int, seed: int, n: int = 2000) -> Verdicts:
    """A shadow worse by the tolerance, of whose copies some are dropped; a promotion is wrong.

    Dropped are a tenth at random, or `worst` a fifth of those where the challenger lost money.
    The others leave cases without a copy out.
    """
    wrong = peeks = fixed = missing = 0
    for rng in np.random.default_rng(seed).spawn(runs):
        yes, calls = rng.random(n) < BUYS, rng.random(n) < 0.5
        lost = rng.random(n) < (0.2 if worst else 0.1)
        lost = lost & calls & ~yes if worst else lost
        pays = np.where(calls, np.where(yes, 9.0, -1.0), 0.0)[~lost]
        wrong += _shadow(yes, calls, lost) == "promote"
        looks = np.arange(LOOK, len(pays) + 1, LOOK)
        peeks += _peeked(pays, -SHADOW.tolerance, looks)
        fixed += pays[:1000].mean() > -SHADOW.tolerance
        missing += int(lost.sum())
    return Verdicts(runs, wrong, peeks, fixed, missing / runs / n)


def _shadow(yes: NDArray[np.bool_], calls: NDArray[np.bool_], lost: NDArray[np.bool_]) -> str:
    taken = [{"decision": "skip", "inputs": {}}] * len(yes)
    records: list[dict[str, Any]] = [{"decision": one, "inputs": {}} for one in ("skip", "call")]
    copies = [
        None if gone else records[call]
        for gone, call in zip(lost.tolist(), calls.tolist(), strict=True)
    ]
    outcomes = ["yes" if one else "no" for one in yes.tolist()]
    least, most = paired_differences(BANK, taken, copies, outcomes)
    units = [
        PairedUnit(low, high, gone, AT)
        for low, high, gone in zip(least.tolist(), most.tolist(), lost.tolist(), strict=True)
    ]
    decision = decide_looks(SHADOW, paired_looks(units))
    return "hold" if decision is None else decision.verdict


def _peeked(values: Floats, null: float, looks: NDArray[np.int64], *, below: bool = False) -> bool:
    """Whether a one-sided z-test of level alpha finds a mean above `null` at any look."""
    means = np.cumsum(values)[looks - 1] / looks
    squares = np.cumsum(values**2)[looks - 1] / looks
    z = (means - null) / np.sqrt(np.maximum(squares - means**2, 1e-12) / looks)
    return bool((z < -ONE_SIDED).any() if below else (z > ONE_SIDED).any())


LIMIT = 0.05
CONDITIONS = tuple(GuardrailCondition(name, LIMIT) for name in ("errors", "slow", "referrals"))
ALONE = replace(PAIRED, conditions=CONDITIONS, untold="stages are not drawn", most_units=10**9)
EXCESS = replace(
    HALF,
    conditions=(GuardrailCondition("slower", 0.1, compared=True),),
    untold="stages are not drawn",
    most_units=10**9,
)

Cases = Callable[[np.random.Generator], tuple[RolloutPlan, list[Said]]]


def shares(*bad: float, n: int = 4000) -> Cases:
    """Cases of three conditions, each bad as often as given."""

    def draw(rng: np.random.Generator) -> tuple[RolloutPlan, list[Said]]:
        drawn = [rng.random(n) < share for share in bad]
        return ALONE, [c.alone(one) for c, one in zip(CONDITIONS, drawn, strict=True)]

    return draw


def excess(challenger: float, champion: float, n: int = 8000) -> Cases:
    """Cases of two arms at half of traffic, each bad as often as given."""

    def draw(rng: np.random.Generator) -> tuple[RolloutPlan, list[Said]]:
        arm = rng.random(n) < 0.5
        bad = rng.random(n) < np.where(arm, challenger, champion)
        return EXCESS, [EXCESS.conditions[0].split(bad, arm, 0.5)]

    return draw


@dataclass(frozen=True)
class Scene:
    """What is true of guardrails, which verdict is wrong then, and how runs are drawn."""

    true: str
    wrong: str
    draw: Cases


GUARDRAILS = (
    Scene("one of three just at its limit, others far below", "promote", shares(0.05, 0.01, 0.01)),
    Scene("all three just at their limits", "roll_back", shares(0.05, 0.05, 0.05)),
    Scene("as much slower as the limit allows, both arms", "promote", excess(0.2, 0.1)),
    Scene("as much slower as the limit allows, both arms", "roll_back", excess(0.2, 0.1)),
)


def guarded(scene: Scene, runs: int, seed: int) -> Verdicts:
    wrong = peeks = fixed = 0
    for rng in np.random.default_rng(seed).spawn(runs):
        plan, said = scene.draw(rng)
        wrong += verdict(plan, said)[0] == scene.wrong
        limits = [(one.limit, each.least) for one, each in zip(plan.conditions, said, strict=True)]
        means = [values[:500].mean() > limit for limit, values in limits]
        looks = np.array(list(_sizes(min(len(values) for _, values in limits))))
        looks = looks[looks >= LOOK]
        if scene.wrong == "promote":
            fixed += not any(means)
            peeks += all(_peeked(values, limit, looks, below=True) for limit, values in limits)
        else:
            fixed += any(means)
            peeks += any(_peeked(values, limit, looks) for limit, values in limits)
    return Verdicts(runs, wrong, peeks, fixed)


def _sizes(n: int) -> Iterator[int]:
    spoken = Spoken(CONDITIONS[0], TIMES[:n], CONDITIONS[0].alone(np.zeros(n)))
    end = 0
    for look in guardrail_looks(spoken):
        end += len(look.batch.said["errors"])
        yield end


def verdict(plan: RolloutPlan, said: list[Said]) -> tuple[str, int]:
    """Return what guardrails alone decide, and on how many cases of the one that spoke most."""
    looks: list[Look] = []
    for condition, each in zip(plan.conditions, said, strict=True):
        looks += guardrail_looks(Spoken(condition, TIMES[: len(each)], each))
    decision = decide_looks(plan, in_order(looks))
    if decision is None:
        return "hold", 0
    return decision.verdict, max(one.n for one in decision.state.guardrails.values())


@dataclass(frozen=True)
class Soon:
    """Cases until guardrails alone decide: stated for the limit to be kept, and taken."""

    stated: float
    taken: float
    decided: float


def soon(share: float, runs: int, seed: int) -> Soon:
    """Watch one condition, whose true share is given, until it decides."""
    plan = replace(ALONE, conditions=CONDITIONS[:1])
    spread = Spread(np.array([0.0, 1.0]), np.array([1.0 - share, share]))
    stated = cases_to_keep(plan, CONDITIONS[0], spread).expected
    wished = "promote" if share < LIMIT else "roll_back"
    found = []
    for rng in np.random.default_rng(seed).spawn(runs):
        bad = rng.random(8000) < share
        found.append(verdict(plan, [CONDITIONS[0].alone(bad)]))
    taken = [n for said, n in found if said == wished]
    return Soon(stated, float(np.mean(taken)), len(taken) / runs)


def main(runs: int = 1000) -> None:
    print("\nUnits until a clearly worse version (by 1.4 on average) is rolled back")
    print(f"{'how it is tried':<42}{'stated':>8}{'taken':>8}{'in 2 x':>8}{'rolled back':>13}")
    for seed, where in enumerate(WORSE, 500):
        one = gone(where, max(runs // 5, 1), seed)
        print(
            f"{where:<42}{one.stated:>8,.0f}{one.taken:>8,.0f}{one.in_time:>8.0%}"
            f"{one.rolled_back:>13.0%}"
        )
    print("\nA shadow worse by the tolerance, some of whose copies are dropped")
    _head("dropped copies")
    for seed, worst in enumerate((False, True), 520):
        found = dropped(worst, runs, seed)
        which = "where the challenger loses" if worst else "at random"
        _row(f"{found.missing:.1%} of copies, {which}", "promote", found)
    print("\nGuardrails, each with a limit of 5 % (excess: 10 %)")
    _head("what is true")
    for seed, scene in enumerate(GUARDRAILS, 540):
        _row(scene.true, scene.wrong, guarded(scene, runs, seed))
    print("\nCases until one guardrail decides alone, with a limit of 5 %")
    print(f"{'true share':<42}{'stated':>8}{'taken':>8}{'decided so':>12}")
    for seed, share in enumerate((0.025, 0.01, 0.1, 0.15), 560):
        took = soon(share, max(runs // 5, 1), seed)
        stated = f"{took.stated:,.0f}" if share < LIMIT else "-"
        print(f"{share:<42.1%}{stated:>8}{took.taken:>8,.0f}{took.decided:>12.0%}")


def _head(what: str) -> None:
    print(f"{what:<52}{'wrong is':>11}{'watched':>9}{'z-test peeked at':>18}{'threshold':>11}")


def _row(true: str, wrong: str, found: Verdicts) -> None:
    rates = (one / found.runs for one in (found.watched, found.peeked, found.fixed))
    watched_, peeked_, fixed = rates
    mark = "" if watched_ <= found.most else "  ABOVE ALPHA"
    told = f"{watched_:>9.1%}{peeked_:>18.1%}{fixed:>11.1%}"
    print(f"{true:<52}{wrong.replace('_', ' '):>11}{told}{mark}")


if __name__ == "__main__":
    main()
