"""What a policy brings above the baseline, as shown by entities that chance keeps on the baseline.

The difference holds whatever the actions do to the outcomes, since chance alone decided who is in
the control: it is the total effect of the policy (Rubin, Estimating causal effects of treatments in
randomized and nonrandomized studies, Journal of Educational Psychology 66, 1974). It needs that no
entity's outcome depends on the arm of another, and that arms differ in nothing but the decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.deviating_cases import LEAST_DEVIATING, deviating_cases
from assay.stats.estimate import Estimate

__all__ = ["LEAST_UNITS", "ControlMeasured", "Split", "control_uplift"]

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

    def leaves(self, bounds: tuple[float, float]) -> bool:
        """Whether a payoff lies outside the bounds."""
        slack = 1e-9 * max(1.0, *np.abs(bounds))  # payoffs round
        outside = (self.payoffs < bounds[0] - slack) | (self.payoffs > bounds[1] + slack)
        return bool(outside.any())

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

    `watched` may be looked at ever so often; `once` is narrower and for a single look. Payoffs that
    are rare must have been seen before their mean can be told: without bounds on payoffs `watched`
    is infinite and `once` None until each arm has 10 units whose payoff differs from the commonest
    one (`stats.deviating_cases`); with bounds both hold from the first, and are wide until then.
    `decisions` were compared, `controls` of them in the control; `unknown` were left out since
    nobody knows what they paid, though their time is over: they are taken to be like the others of
    their arm.
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
    bounds: tuple[float, float] | None = None,
    control_varies: bool = True,
) -> Estimate | None:
    """Return the policy's uplift per decision over the baseline, with a 95% bootstrap interval.

    `horvitz_thompson` weighs each payoff by one over its recorded chance, `Y (1 - Z) / (1 - c) -
    Y Z / c`: without bias (Horvitz and Thompson, JASA 47, 1952), and noisy where payoffs lie far
    from zero. `hajek` takes the difference of means within each stratum of one recorded share
    (Hájek, comment in Foundations of Statistical Inference, 1971, p. 236) and weighs strata by
    their decisions, so that neither a drift of payoffs nor a change of the share leaks into the
    difference; its bias is of the order of one over the number of controls. Strata where an
    arm has fewer than two decisions are left out. Entities are resampled whole.

    A few units, or rare payoffs of which few were seen, say less than resampling believes. With
    finite `bounds`, the least and the most that one decision can pay, the interval is widened as
    `bootstrap_mean` widens it: what one more decision could have brought in the arm that has few
    counts as well. Without them nothing is said until each arm has 10 units whose payoffs deviate
    (`stats.deviating_cases`); the control is excepted where `control_varies` is False, since the
    value model lets it be paid one amount alone.

    One look at a time: `control_sequence` is for watching. None below `LEAST_UNITS` on either side,
    and where too few payoffs deviate. Raises ValueError where a payoff leaves its bounds.

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
    bounded = bounds is not None and bool(np.isfinite(bounds).all())
    if not bounded and _deviating(compared, control_varies=control_varies) < LEAST_DEVIATING:
        return None
    if bounds is not None and compared.leaves(bounds):
        raise ValueError(f"a payoff leaves the bounds {bounds}")
    contrast = _contrast(compared, kind)
    words = {"hajek": "Hájek difference", "horvitz_thompson": "Horvitz-Thompson difference"}
    ends = _reach(compared, bounds, kind) if bounds is not None and bounded else None
    found = _mean(contrast, compared.entities, ends, seed, unit)
    return Estimate(
        found.mean,
        found.low,
        found.high,
        found.n,
        f"{words[kind]} to the control share, {found.method}",
        unit,
        found.confidence,
    )


def _mean(
    contrast: Floats,
    entities: NDArray[Any] | None,
    ends: tuple[float, float] | None,
    seed: int | np.random.Generator,
    unit: str,
) -> Estimate:
    """Return the mean with its interval, widened to the ends of a contrast where they are known."""
    if entities is None:
        return bootstrap_mean(contrast, seed=seed, unit=unit, bounds=ends)
    clusters = Clusters.of(entities, "entity")
    found = clustered_mean(contrast, clusters, seed=seed, unit=unit)
    if ends is None:
        return found
    wide = bootstrap_mean(contrast, seed=seed, clusters=clusters.codes, bounds=ends)
    return replace(
        found,
        low=min(found.low, wide.low),
        high=max(found.high, wide.high),
        method=f"{found.method}, widened to its bounds",
    )


def _both_sided(split: Split) -> Split:
    """Return the strata, by recorded share, that have two decisions on either side."""
    strata = _Strata.of(split)
    both: Flags = np.min(strata.count, axis=0) >= 2
    return split.at(both[strata.place])


@dataclass(frozen=True, eq=False)
class _Strata:
    """Decisions by recorded share: `place` (n,) says which of S strata, `share` (S,) its share.

    `count` and `mean` (2, S) are of the policy and of the control in each.
    """

    place: NDArray[np.int64]
    share: Floats
    count: Floats
    mean: Floats

    @classmethod
    def of(cls, split: Split) -> _Strata:
        share, place = np.unique(split.share, return_inverse=True)
        sides = (~split.control, split.control)
        count = np.stack([np.bincount(place, side, len(share)) for side in sides]).astype(float)
        total = [np.bincount(place, side * split.payoffs, len(share)) for side in sides]
        return cls(place.astype(np.int64), share, count, np.stack(total) / np.maximum(count, 1))

    def contrast(self, payoffs: float | Floats, arm: Any, stratum: Any) -> Floats:
        """Return what payoffs say of the stratified difference, whose spread is its error."""
        pull = np.array([[1.0], [-1.0]]) * self.count.sum(axis=0) / np.maximum(self.count, 1)
        difference = self.mean[0] - self.mean[1]
        said: Floats = pull[arm, stratum] * (payoffs - self.mean[arm, stratum])
        return np.asarray(said + difference[stratum])

    def weighted(self, payoffs: float | Floats, arm: Any, stratum: Any) -> Floats:
        """Return payoffs over the chance of their arm, those of the control below zero."""
        signed: Floats = np.stack([1 / (1 - self.share), -1 / self.share])
        return np.asarray(signed[arm, stratum] * payoffs)


def _contrast(split: Split, kind: str) -> Floats:
    strata = _Strata.of(split)
    said = strata.contrast if kind == "hajek" else strata.weighted
    return said(split.payoffs, split.control.astype(np.int64), strata.place)


def _reach(split: Split, bounds: tuple[float, float], kind: str) -> tuple[float, float]:
    """Return the least and the most that a decision could have said, in either arm."""
    strata = _Strata.of(split)
    said = strata.contrast if kind == "hajek" else strata.weighted
    arm, stratum = np.indices(strata.count.shape)
    ends = np.stack([said(bound, arm, stratum) for bound in bounds])
    slack = 1e-9 * max(1.0, float(np.abs(ends).max()))  # differences of means round
    return float(ends.min()) - slack, float(ends.max()) + slack


def _deviating(split: Split, *, control_varies: bool) -> float:
    """Return how many units deviate in the arm that has fewer; an entity is one unit of each."""
    strata = _Strata.of(split)
    apart = split.payoffs - strata.mean[split.control.astype(np.int64), strata.place]
    sides = [_by_unit(split, apart, side) for side in (~split.control, split.control)]
    units = np.concatenate(sides)
    rate = deviating_cases(units) / len(units)  # what one arm lacks may have come in the other
    return min(min(deviating_cases(one), rate * len(one)) for one in sides[: 1 + control_varies])


def _by_unit(split: Split, values: Floats, side: Flags) -> Floats:
    """Return one arm's values, summed up by entity."""
    if split.entities is None:
        return values[side]
    _, codes = np.unique(split.entities[side], return_inverse=True)
    return np.bincount(codes, values[side]).astype(np.float64)
