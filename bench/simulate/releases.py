"""How soon clearly worse versions go, and how shadows and guardrails decide, as releases do.

The same functions decide as in production: looks at guardrails, pairs with dropped copies, and what
a plan states before the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from bench.simulate.draws import NEAR, PAYOFFS, Flags, paired, split
from bench.simulate.peeking import FIXED, ONE_SIDED, Told, first_verdict, past_threshold, z_test
from bench.simulate.rollouts import ALPHA, HALF, LOOK, PAIRED, watched
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
    """How often each way of deciding said the wrong thing in so many runs.

    None where what the others say would not be wrong.
    """

    runs: int
    watched: int
    peeked: int | None
    fixed: int | None
    missing: float = 0.0

    @property
    def most(self) -> float:
        """Alpha with three standard errors of luck."""
        return ALPHA + 3 * float(np.sqrt(ALPHA * (1 - ALPHA) / self.runs))


TABLE = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
BANK = ClassificationValuation("EUR", TABLE, BestAction(), {"nobody": "skip"}, "nobody")
SHADOW = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.25, most_units=100_000)


@dataclass(frozen=True)
class Dropped:
    """A shadow that calls half of all cases, a share of whose copies is dropped.

    A call pays -1, and 9 where the client buys; who is not called pays nothing. A dropped copy
    counts as the worse of the two: -1, and 0 where the client buys.
    """

    true: str
    buys: float
    share: float
    of_losses: bool

    def drawn(self, rng: np.random.Generator, n: int) -> tuple[Flags, Flags, Flags]:
        """Return who buys, who is called, and whose copy is dropped, (n,) each."""
        yes, calls = rng.random(n) < self.buys, rng.random(n) < 0.5
        lost = rng.random(n) < self.share
        return yes, calls, lost & calls & ~yes if self.of_losses else lost

    @property
    def counted(self) -> float:
        """The mean of what cases say at the least."""
        true, worst = (10 * self.buys - 1) / 2, self.buys - 1
        return true if self.of_losses else (1 - self.share) * true + self.share * worst


AT_RANDOM = Dropped("a tenth at random, worse by 0.17", 0.3 / 4.6, 0.1, of_losses=False)
"""Counted as worse by the tolerance, and in truth by less."""
LOSSES = Dropped("a fifth of the calls that lost, worse by 0.25", 0.05, 0.2, of_losses=True)
"""In truth worse by the tolerance, and counted so: what is dropped lost as much as it could."""
DROPPED = (AT_RANDOM, LOSSES)


def dropped(scene: Dropped, runs: int, seed: int, n: int = 2000) -> Verdicts:
    """A shadow that counts as worse by the tolerance, of whose copies some are dropped.

    A promotion is wrong: what is known does not show it. The others leave cases without a copy
    out, and so would promote rightly where copies are dropped at random.
    """
    wrong = peeks = fixed = missing = 0
    looks = np.arange(LOOK, n + 1, LOOK)
    for rng in np.random.default_rng(seed).spawn(runs):
        yes, calls, lost = scene.drawn(rng, n)
        pays = Told.each(np.where(calls, np.where(yes, 9.0, -1.0), 0.0)).part(~lost)
        wrong += _shadow(yes, calls, lost) == "promote"
        peeks += z_test(pays, looks, SHADOW.tolerance) == "promote"
        fixed += past_threshold(pays, -SHADOW.tolerance, "promote")
        missing += int(lost.sum())
    if not scene.of_losses:
        return Verdicts(runs, wrong, None, None, missing / runs / n)
    return Verdicts(runs, wrong, peeks, fixed, missing / runs / n)


def _shadow(yes: Flags, calls: Flags, lost: Flags) -> str:
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


LIMIT = 0.05
CONDITIONS = tuple(GuardrailCondition(name, LIMIT) for name in ("errors", "slow", "referrals"))
ALONE = replace(PAIRED, conditions=CONDITIONS, untold="stages are not drawn", most_units=10**9)
EXCESS = replace(
    HALF,
    conditions=(GuardrailCondition("slower", 0.1, compared=True),),
    untold="stages are not drawn",
    most_units=10**9,
)


@dataclass(frozen=True)
class Heard:
    """Cases of one condition: whether each was bad, and its arm where the condition is compared."""

    condition: GuardrailCondition
    bad: Flags
    arm: Flags | None = None

    @property
    def said(self) -> Said:
        """What the cases say to the watched side."""
        if self.arm is None:
            return self.condition.alone(self.bad)
        return self.condition.split(self.bad, self.arm, 0.5)

    def z(self, looks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return z (k,) against the limit after so many cases; of the arms' shares if compared."""
        told = Told.each(self.bad.astype(np.float64), self.arm)
        limit = self.condition.limit
        return told.share_z(looks, limit) if self.arm is None else told.z(looks, limit)

    def over(self, first: int) -> bool:
        """Whether the first cases, taken at their word, are beyond the limit."""
        told = Told.each(self.bad.astype(np.float64), self.arm)
        return bool(told.so_far(np.array([first]))[0][0] > self.condition.limit)


Cases = Callable[[np.random.Generator], tuple[RolloutPlan, list[Heard]]]


def shares(*bad: float, n: int = 4000) -> Cases:
    """Cases of three conditions, each bad as often as given."""

    def draw(rng: np.random.Generator) -> tuple[RolloutPlan, list[Heard]]:
        drawn = [rng.random(n) < share for share in bad]
        return ALONE, [Heard(c, one) for c, one in zip(CONDITIONS, drawn, strict=True)]

    return draw


def excess(challenger: float, champion: float, n: int = 8000) -> Cases:
    """Cases of two arms at half of traffic, each bad as often as given."""

    def draw(rng: np.random.Generator) -> tuple[RolloutPlan, list[Heard]]:
        arm = rng.random(n) < 0.5
        bad = rng.random(n) < np.where(arm, challenger, champion)
        return EXCESS, [Heard(EXCESS.conditions[0], bad, arm)]

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
    Scene("slower by just the limit: not within it", "promote", excess(0.2, 0.1)),
    Scene("slower by just the limit: not beyond it", "roll_back", excess(0.2, 0.1)),
)


def guarded(scene: Scene, runs: int, seed: int) -> Verdicts:
    wrong = peeks = fixed = 0
    for rng in np.random.default_rng(seed).spawn(runs):
        plan, heard = scene.draw(rng)
        wrong += verdict(plan, [one.said for one in heard])[0] == scene.wrong
        peeks += peeked(heard) == scene.wrong
        over = any(one.over(FIXED) for one in heard)
        fixed += over if scene.wrong == "roll_back" else not over
    return Verdicts(runs, wrong, peeks, fixed)


def peeked(heard: Sequence[Heard]) -> str:
    """Return the first verdict of z-tests at the looks that the watched side has."""
    looks = look_ends(len(heard[0].bad))
    z = np.array([one.z(looks) for one in heard])
    return first_verdict(np.any(z > ONE_SIDED, axis=0), np.all(z < -ONE_SIDED, axis=0))


@cache
def look_ends(n: int) -> NDArray[np.int64]:
    """Return the number of cases at each look at so many."""
    spoken = Spoken(CONDITIONS[0], TIMES[:n], CONDITIONS[0].alone(np.zeros(n)))
    return np.cumsum([len(look.batch.said["errors"]) for look in guardrail_looks(spoken)])


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
    few = max(runs // 5, 1)
    print(f"\nUnits until a clearly worse version (by 1.4 on average) is rolled back, {few:,} runs")
    print(f"{'how it is tried':<42}{'stated':>8}{'taken':>8}{'in 2 x':>8}{'rolled back':>13}")
    for seed, where in enumerate(WORSE, 500):
        one = gone(where, few, seed)
        print(
            f"{where:<42}{one.stated:>8,.0f}{one.taken:>8,.0f}{one.in_time:>8.0%}"
            f"{one.rolled_back:>13.0%}"
        )
    print(f"\nA shadow that counts as worse by the tolerance of 0.25, {runs:,} runs")
    _head("copies that are dropped")
    for seed, scene in enumerate(DROPPED, 520):
        found = dropped(scene, runs, seed)
        _row(f"{found.missing:.1%}: {scene.true}", "promote", found)
    print(f"\nGuardrails, each with a limit of 5 % (excess: 10 %), {runs:,} runs")
    _head("what is true")
    for seed, guard in enumerate(GUARDRAILS, 540):
        _row(guard.true, guard.wrong, guarded(guard, runs, seed))
    print(f"\nCases until one guardrail decides alone, with a limit of 5 %, {few:,} runs")
    print(f"{'true share':<42}{'stated':>8}{'taken':>8}{'decided so':>12}")
    for seed, share in enumerate((0.025, 0.01, 0.1, 0.15), 560):
        took = soon(share, few, seed)
        stated = f"{took.stated:,.0f}" if share < LIMIT else "-"
        print(f"{share:<42.1%}{stated:>8}{took.taken:>8,.0f}{took.decided:>12.0%}")


def _head(what: str) -> None:
    print(f"{what:<52}{'wrong is':>11}{'watched':>9}{'z-test peeked at':>18}{'threshold':>11}")


def _row(true: str, wrong: str, found: Verdicts) -> None:
    watched_, peeked_, fixed = (
        "-" if one is None else f"{one / found.runs:.1%}"
        for one in (found.watched, found.peeked, found.fixed)
    )
    mark = "" if found.watched / found.runs <= found.most else "  ABOVE ALPHA"
    told = f"{watched_:>9}{peeked_:>18}{fixed:>11}{mark}"
    print(f"{true:<52}{wrong.replace('_', ' '):>11}{told}")


if __name__ == "__main__":
    main()
