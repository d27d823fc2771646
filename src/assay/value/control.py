"""What a policy brings above the baseline, as shown by entities that chance keeps on the baseline.

The difference holds whatever the actions do to the outcomes, since chance alone decided who is in
the control: it is the total effect of the policy (Rubin, Estimating causal effects of treatments in
randomized and nonrandomized studies, Journal of Educational Psychology 66, 1974). It needs that no
entity's outcome depends on the arm of another, and that arms differ in nothing but the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.asymptotic_sequence import asymptotic_sequence
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.empirical_bernstein import empirical_bernstein_sequence
from assay.stats.estimate import Estimate

__all__ = ["LEAST_UNITS", "ControlMeasured", "Split", "control_sequence", "control_uplift"]

LEAST_UNITS = 30
"""Units on the smaller side of a split below which nothing is said."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Split:
    """Payoffs of n decisions in order of assignment, each under the policy or in the control.

    `payoffs` (n,) are in currency, `control` (n,) says which got the baseline's action, `share`
    (n,) with which chance, as it was recorded when it was assigned: it may change over time.
    `entities` (n,) names whose decision it is; None where each stands alone.
    Raises ValueError where lengths differ, a payoff is not a number, or a decision in the control
    had no chance of being there.
    """

    payoffs: Floats
    control: Flags
    share: Floats
    entities: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.payoffs), len(self.control), len(self.share)}
        if self.entities is not None:
            lengths.add(len(self.entities))
        if len(lengths) > 1:
            raise ValueError(f"payoffs, control, share and entities differ in length: {lengths}")
        if not np.isfinite(self.payoffs).all():
            raise ValueError("a payoff is not a number: leave out what is not known, or declare it")
        if ((self.share < 0) | (self.share >= 1)).any() or (self.share[self.control] == 0).any():
            raise ValueError("a share lies outside [0, 1), or a control had none")

    def at(self, rows: Flags) -> Split:
        """Return some of the decisions."""
        named = None if self.entities is None else self.entities[rows]
        return Split(self.payoffs[rows], self.control[rows], self.share[rows], named)

    def comparable(self) -> Split:
        """Return the decisions of which either arm had a chance: others have nothing to be held to.

        (Positivity: Rosenbaum and Rubin, Biometrika 70, 1983.)
        """
        return self.at(self.share > 0)

    def smaller_side(self) -> int:
        """Return how many units, entities or decisions, are on the side that has fewer."""
        if self.entities is None:
            inside = int(self.control.sum())
            return min(inside, len(self.control) - inside)
        sides = (self.entities[self.control], self.entities[~self.control])
        return min(len(np.unique(side)) for side in sides)


@dataclass(frozen=True)
class ControlMeasured:
    """The uplift per decision that a control share shows, all in all.

    `watched` may be looked at ever so often; `once` is narrower and for a single look. `decisions`
    were compared, `controls` of them in the control; `unknown` were left out since nobody knows
    what they paid, though their time is over: they are taken to be like the others of their arm.
    """

    watched: Estimate
    once: Estimate | None
    decisions: int
    controls: int
    unknown: int

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "watched": self.watched.document(),
            "once": None if self.once is None else self.once.document(),
            "decisions": self.decisions,
            "controls": self.controls,
            "unknown": self.unknown,
        }


def control_uplift(
    split: Split,
    *,
    seed: int | np.random.Generator,
    unit: str = "",
    kind: Literal["hajek", "horvitz_thompson"] = "hajek",
) -> Estimate | None:
    """Return the policy's uplift per decision over the baseline, with a 95% bootstrap interval.

    `horvitz_thompson` weighs each payoff by one over its recorded chance, `Y (1 - Z) / (1 - c) -
    Y Z / c`: without bias (Horvitz and Thompson, JASA 47, 1952), and noisy where payoffs lie far
    from zero. `hajek` takes the difference of means within each stratum of one recorded share
    (Hájek, comment in Foundations of Statistical Inference, 1971, p. 236) and weighs strata by
    their decisions, so that neither a drift of payoffs nor a change of the share leaks into the
    difference; its bias is of the order of one over the number of controls. Strata where an
    arm has fewer than two decisions are left out. Entities are resampled whole.

    One look at a time: `control_sequence` is for watching. None below `LEAST_UNITS` on either side.

    >>> rng = np.random.default_rng(2)
    >>> control = rng.random(4000) < 0.2
    >>> paid = rng.normal(np.where(control, 1.0, 1.5), 1.0)
    >>> control_uplift(Split(paid, control, np.full(4000, 0.2)), seed=0, unit="EUR per decision")
    0.5161 EUR per decision [0.4405, 0.5919]
    """
    compared = split.comparable()
    if kind == "hajek":
        compared = _both_sided(compared)
    if compared.smaller_side() < LEAST_UNITS:
        return None
    contrast = _centred(compared) if kind == "hajek" else _weighted(compared)
    words = {"hajek": "Hájek difference", "horvitz_thompson": "Horvitz-Thompson difference"}
    named = compared.entities
    if named is None:
        found = bootstrap_mean(contrast, seed=seed, unit=unit)
    else:
        found = clustered_mean(contrast, Clusters.of(named, "entity"), seed=seed, unit=unit)
    return Estimate(
        found.mean,
        found.low,
        found.high,
        found.n,
        f"{words[kind]} to the control share, {found.method}",
        unit,
        found.confidence,
    )


def control_sequence(
    split: Split,
    bounds: tuple[float, float] | None = None,
    confidence: float = 0.95,
    tightest_at: int = 2000,
) -> tuple[Floats, Floats, Floats]:
    """Return the uplift so far and bounds on it after each unit, all bounds valid at once.

    Each unit says `m1 - m0 + (1 - Z)(Y - m1) / (1 - c) - Z (Y - m0) / c`, where m1 and m0 are the
    mean payoffs of either arm among the units before it: unbiased for any such guess and any
    recorded chance c, and far less noisy than without one (the augmented estimator of Robins,
    Rotnitzky and Zhao, JASA 89, 1994). With `bounds`, the least and the most that one unit can
    pay, nothing else is assumed (empirical Bernstein); without, the sequence is asymptotic and
    infinite below 500 units, and tightest near `tightest_at` of them: see
    `stats.asymptotic_sequence`. A unit is one entity's: with several
    decisions of one, give their sum over a horizon that is the same for all. Raises ValueError
    where a payoff leaves its bounds, or an entity comes twice.
    """
    split = split.comparable()
    if split.entities is not None and len(np.unique(split.entities)) < len(split.entities):
        raise ValueError("an entity comes twice: sum what it was paid over a fixed horizon")
    middle = 0.0 if bounds is None else (bounds[0] + bounds[1]) / 2
    said = _foreseen(split, middle)
    mean = np.cumsum(said) / np.arange(1, len(said) + 1)
    if bounds is None:
        return mean, *asymptotic_sequence(said, confidence, tightest_at)
    if len(split.payoffs) and (split.payoffs.min() < bounds[0] or split.payoffs.max() > bounds[1]):
        raise ValueError(f"a payoff leaves the bounds {bounds}")
    low, high = empirical_bernstein_sequence(said, _reach(split.share, bounds), confidence)
    return mean, low, high


def _both_sided(split: Split) -> Split:
    """Return the strata, by recorded share, that have two decisions on either side."""
    strata, place = np.unique(split.share, return_inverse=True)
    inside = np.bincount(place, split.control, len(strata))
    outside = np.bincount(place, ~split.control, len(strata))
    return split.at(((inside >= 2) & (outside >= 2))[place])


def _weighted(split: Split) -> Floats:
    chance = np.where(split.control, split.share, 1.0 - split.share)
    signed: Floats = np.where(split.control, -1.0, 1.0) * split.payoffs / chance
    return signed


def _centred(split: Split) -> Floats:
    """Return values whose mean is the stratified difference and whose spread is its error."""
    strata, place = np.unique(split.share, return_inverse=True)
    size = np.bincount(place, minlength=len(strata)).astype(np.float64)
    difference, contrast = np.zeros(len(strata)), np.zeros(len(place))
    for side, sign in ((split.control, -1.0), (~split.control, 1.0)):
        count = np.bincount(place, side, len(strata))
        mean = np.bincount(place, side * split.payoffs, len(strata)) / count
        difference += sign * mean
        contrast += sign * side * (split.payoffs - mean[place]) * (size / count)[place]
    return contrast + difference[place]


def _foreseen(split: Split, middle: float) -> Floats:
    """Return what each unit says of the uplift, beside the means of the units before it."""
    guess = np.zeros((2, len(split.payoffs)))
    for row, side in enumerate((~split.control, split.control)):
        total, count = np.cumsum(side * split.payoffs), np.cumsum(side)
        mean = np.where(count > 0, total / np.maximum(count, 1), middle)
        guess[row] = np.concatenate([[middle], mean[:-1]])[: len(split.payoffs)]
    policy, control = guess
    return (
        policy
        - control
        + ~split.control * (split.payoffs - policy) / (1.0 - split.share)
        - split.control * (split.payoffs - control) / np.where(split.share > 0, split.share, 1.0)
    )


def _reach(share: Floats, bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the least and the most that one unit can say, whatever the means before it."""
    if not len(share):
        return 0.0, 0.0
    width = bounds[1] - bounds[0]
    # The distance to a guess within the bounds counts 1 / chance times, the guess itself once less.
    reach = width * float(max((1 / share).max(), (1 / (1 - share)).max()))
    slack = 1.0 + 1e-9  # sums of guesses round
    return -reach * slack, reach * slack
