"""How often a watched rollout decides wrongly.

Each run draws units where a claim is false by a hair, lets `decide` watch them batch by batch until
it decides, and puts two others on the same data: a z-test at the same looks, and a fixed threshold,
which takes what the first 1,000 units say at its word. A rollout may err in at most alpha of the
runs, however often it is looked at; a z-test was made for one look, and a threshold for none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.deploy.batch import Batch
from assay.deploy.guardrail_condition import GuardrailCondition
from assay.deploy.rollout import decide
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.deploy.spread import Spread

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ALPHA = 0.05
ONE_SIDED = 1.6449
LOOK = 100
FIXED = 1000
"""Units after which a fixed threshold decides."""
PAYOFFS = np.array([-1.0, 0.0, 9.0])
CHAMPION = np.array([0.30, 0.55, 0.15])
WORSE = np.array([0.35, 0.55, 0.10])  # by 0.5 on average

PAIRED = RolloutPlan("EUR", (-1.0, 9.0), tolerance=0.5, most_units=4000)
HALF = replace(PAIRED, shares=(0.5,))
STEPS = replace(PAIRED, shares=(0.1, 0.5))
FROM_0 = replace(HALF, bounds=(8.0, 12.0))
OFF = replace(FROM_0, centre=8.5)
CENTRED = replace(FROM_0, centre=10.0)
CALM = 1e-9
"""A tolerance that nothing is promoted by, where rollbacks are counted."""


@dataclass(frozen=True)
class Payoffs:
    """What a unit can pay, how often the champion and a worse version do, and the middle of it."""

    values: Floats
    champion: Floats
    worse: Floats
    middle: float

    def drawn(self, rng: np.random.Generator, arm: Flags, challenger: Floats) -> Floats:
        n = len(arm)
        return np.where(arm, self._of(rng, n, challenger), self._of(rng, n, self.champion))

    def said(self, plan: RolloutPlan, challenger: Floats, p: float) -> Spread:
        arms = Spread(self.values, challenger), Spread(self.values, self.champion)
        return Spread.split(plan.arms, *arms, p)

    def _of(self, rng: np.random.Generator, n: int, chances: Floats) -> Floats:
        return rng.choice(self.values, n, p=chances)


NEAR = Payoffs(PAYOFFS, CHAMPION, WORSE, 0.0)
FAR = Payoffs(
    np.array([8.0, 10.0, 12.0]), np.array([0.25, 0.5, 0.25]), np.array([0.375, 0.5, 0.125]), 10.0
)
"""Far from 0, with a mean of 10; the worse by 0.5 too."""


@dataclass(frozen=True)
class Drawn:
    """Units in order of assignment: what they paid at the least and at the most, and their arms.

    `share` is None where both arms were scored, and `least` then is the difference. `tested` is
    what the z-test looks at, case by case; `bad` is what a guardrail counts.
    """

    least: Floats
    most: Floats
    arm: Flags
    share: Floats | None
    tested: Floats
    bad: Flags | None = None


Draw = Callable[[np.random.Generator], Drawn]


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


def peeked(tested: Floats, null: float, wrong: str) -> bool:
    """Whether a one-sided z-test of level alpha says the wrong thing at any look."""
    looks = np.arange(LOOK, len(tested) + 1, LOOK)
    means = np.cumsum(tested)[looks - 1] / looks
    squares = np.cumsum(tested**2)[looks - 1] / looks
    errors = np.sqrt(np.maximum(squares - means**2, 1e-12) / looks)
    z = (means - null) / errors
    return bool((z > ONE_SIDED).any() if wrong == "promote" else (z < -ONE_SIDED).any())


def past_threshold(tested: Floats, null: float, wrong: str) -> bool:
    """Whether the mean of the first units alone, taken at its word, says the wrong thing."""
    mean = float(tested[:FIXED].mean())
    return mean > null if wrong == "promote" else mean < null


def rates(scene: Scene, runs: int, seed: int) -> Rates:
    wrong = naive = fixed = 0
    null = -scene.plan.tolerance if scene.wrong == "promote" else -scene.plan.margin
    for rng in np.random.default_rng(seed).spawn(runs):
        drawn = scene.draw(rng)
        wrong += watched(scene.plan, drawn)[0] == scene.wrong
        naive += peeked(drawn.tested, null, scene.wrong)
        fixed += past_threshold(drawn.tested, null, scene.wrong)
    return Rates(runs, wrong, naive, fixed)


def said(paid: Floats, arm: Flags, share: Floats) -> Floats:
    return np.where(arm, paid / share, -paid / (1 - share))


def paired(challenger: Floats, n: int = 4000) -> Draw:
    def draw(rng: np.random.Generator) -> Drawn:
        place = rng.random(n)  # one customer, both arms: differences are rare
        before, after = (
            PAYOFFS[np.searchsorted(np.cumsum(chances)[:-1], place, side="right")]
            for chances in (CHAMPION, challenger)
        )
        gap = after - before
        return Drawn(gap, gap, np.zeros(n, dtype=np.bool_), None, gap)

    return draw


def split(
    challenger: Floats, shares: tuple[float, ...] = (0.5,), n: int = 4000, of: Payoffs = NEAR
) -> Draw:
    """One arm each; each share has an equal part of the units, one after the other."""

    def draw(rng: np.random.Generator) -> Drawn:
        share = np.repeat(shares, n // len(shares))
        arm = rng.random(n) < share
        paid = of.drawn(rng, arm, challenger)
        return Drawn(paid, paid, arm, share, said(paid - of.middle, arm, share))

    return draw


def repeated(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """Entities who come one to five times and do the same each time; the z-test counts each time.

    One arm for all of an entity's decisions, and what they paid summed: 3 decisions on average.
    """
    arm, share, times = rng.random(n) < 0.5, np.full(n, 0.5), rng.integers(1, 6, n)
    each = NEAR.drawn(rng, arm, WORSE)
    paid = times.astype(np.float64) * each
    return Drawn(paid, paid, arm, share, 3 * np.repeat(said(each, arm, share), times))


def drifting(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """What both arms earn swings by 3 in waves and falls for good; the difference stays."""
    arm, share = rng.random(n) < 0.5, np.full(n, 0.5)
    common = 3 * np.sin(np.arange(n) / 300) + np.linspace(2, -2, n)
    paid = NEAR.drawn(rng, arm, WORSE) + common
    return Drawn(paid, paid, arm, share, said(paid, arm, share))


def missing(of: Payoffs, n: int = 4000) -> Draw:
    """One in ten of the champion's good outcomes never comes; the z-test leaves those units out."""

    def draw(rng: np.random.Generator) -> Drawn:
        drawn = split(of.worse, n=n, of=of)(rng)
        lost = ~drawn.arm & (drawn.least > of.middle) & (rng.random(n) < 0.1)
        least = np.where(lost, of.values.min(), drawn.least)
        most = np.where(lost, of.values.max(), drawn.most)
        return replace(drawn, least=least, most=most, tested=drawn.tested[~lost])

    return draw


def reweighted(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """A tenth of traffic, then half, while both come to earn more; the z-test pools the arms."""
    share = np.where(np.arange(n) < n // 2, 0.1, 0.5)
    arm = rng.random(n) < share
    common = np.where(np.arange(n) < n // 2, 0.0, 2.0)
    paid = NEAR.drawn(rng, arm, WORSE) + common
    pooled = float(arm.mean())
    return Drawn(paid, paid, arm, share, said(paid, arm, np.full(n, pooled)))


def erring(rng: np.random.Generator, n: int = 4000) -> Drawn:
    """Both arms pay nothing, and the challenger errs in 2 % of cases: just at the limit."""
    arm, share, paid = rng.random(n) < 0.5, np.full(n, 0.5), np.zeros(n)
    bad = rng.random(n) < 0.02
    return Drawn(paid, paid, arm, share, 0.02 - bad[arm].astype(np.float64), bad)


def shuffled(rng: np.random.Generator, n: int = 4000) -> Drawn:
    gap = rng.choice([-9.0, -1.0, 0.0, 1.0, 9.0], n, p=[0.02, 0.08, 0.8, 0.08, 0.02])
    return Drawn(gap, gap, np.zeros(n, dtype=np.bool_), None, gap)


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
    Scene("a guardrail just at its limit", "roll_back", ERRORS, erring),
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
    """Look again and again while good outcomes of the champion come up to 2,000 units late.

    Each look goes through all units from the first, with what is known by then; the z-test takes
    the outcomes that came.
    """
    wrong = naive = fixed = 0
    for rng in np.random.default_rng(seed).spawn(runs):
        n, share = 3000, np.full(3000, 0.5)
        arm = rng.random(n) < 0.5
        paid = NEAR.drawn(rng, arm, WORSE)
        slow = ~arm & (paid > 0)
        came = np.arange(n) + np.where(slow, rng.integers(0, 2000, n), 0)
        erred = fooled = False
        for now in range(500, n + 1, 500):
            seen, known = slice(0, now), came[:now] < now
            least = np.where(known, paid[seen], -1.0)
            most = np.where(known, paid[seen], 9.0)
            told = said(paid, arm, share)[seen][known]
            drawn = Drawn(least, most, arm[seen], share[seen], told)
            erred |= watched(HALF, drawn)[0] == "promote"
            fooled |= bool(
                (told.mean() + HALF.tolerance) / (told.std() / np.sqrt(len(told))) > ONE_SIDED
            )
        came_first = said(paid, arm, share)[:FIXED][came[:FIXED] < FIXED]
        fixed += past_threshold(came_first, -HALF.tolerance, "promote")
        wrong, naive = wrong + erred, naive + fooled
    return Rates(runs, wrong, naive, fixed)


def main(runs: int = 1000) -> None:
    print(f"Wrong decisions in {runs:,} rollouts, alpha {ALPHA:.0%}, a look each {LOOK} units")
    rules = f"{'watched':>9}{'z-test peeked at':>18}{'threshold':>11}"
    print(f"{'what is true':<52}{'wrong is':>11}{rules}")
    for seed, scene in enumerate(SCENES, 100):
        found = rates(scene, runs, seed)
        _row(scene.true, scene.wrong, found)
    _row("good outcomes of the champion come late", "promote", late(max(runs // 4, 1), 200))


def _row(true: str, wrong: str, found: Rates) -> None:
    watched_, peeked_, fixed = (
        one / found.runs for one in (found.watched, found.peeked, found.fixed)
    )
    mark = "" if watched_ <= found.most else "  ABOVE ALPHA"
    told = f"{watched_:>9.1%}{peeked_:>18.1%}{fixed:>11.1%}{mark}"
    print(f"{true:<52}{wrong.replace('_', ' '):>11}{told}")


if __name__ == "__main__":
    main()
