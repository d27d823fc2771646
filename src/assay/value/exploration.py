"""What any policy would have been worth, from cases whose action was left to chance in part.

Where each action had a known chance above zero, what was paid after it stands for all cases in
which another policy would have taken it: each payoff weighs one over its chance. It holds whatever
actions do to outcomes, as long as no entity's outcome depends on the action of another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate

__all__ = ["Logged", "effective_cases", "gain_over", "policy_value"]

Floats = NDArray[np.float64]

Kind = Literal["ipw", "self_normalised", "doubly_robust"]
_NAMES = {
    "ipw": "inverse propensity weights",
    "self_normalised": "self-normalised inverse propensity weights",
    "doubly_robust": "doubly robust",
}


@dataclass(frozen=True, eq=False)
class Logged:
    """What was done in n cases, with what chance, and what it paid.

    `actions` (n,) are codes, `propensity` (n,) the recorded chance of the action taken, given the
    case; `payoffs` (n,) are in currency and read only where the policy in question takes the action
    with some chance. `entities` (n,) names whose case it is. Raises ValueError where lengths
    differ or a propensity is not in (0, 1].
    """

    actions: NDArray[np.int64]
    payoffs: Floats
    propensity: Floats
    entities: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.actions), len(self.payoffs), len(self.propensity)}
        if self.entities is not None:
            lengths.add(len(self.entities))
        if len(lengths) > 1:
            raise ValueError(f"actions, payoffs, propensities and entities differ: {lengths}")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise ValueError("a propensity lies outside (0, 1]: it is that of the action taken")


def policy_value(
    logged: Logged,
    policy: NDArray[np.int64] | Floats,
    *,
    seed: int | np.random.Generator,
    expected: Floats | None = None,
    kind: Kind | None = None,
    unit: str = "",
) -> Estimate:
    """Return what a policy would have paid per case, with a 95% bootstrap interval.

    `policy` is the action (n,) that it takes in each case, or its chance (n, A) of each.
    `expected` (n, A) is what a forecast lets expect of each action; it must not rest on the
    payoffs logged here (cross-fit it).

    `ipw` weighs each payoff by the policy's chance of the action over the one it had (Horvitz and
    Thompson 1952): without bias. `self_normalised` divides by the weights instead of the cases
    (Hájek 1971; Swaminathan and Joachims, NeurIPS 2015): indifferent to a constant added to all
    payoffs, with a bias of order 1/n. `doubly_robust` takes what is expected and corrects it by
    what was paid (Dudík, Langford and Li, Doubly robust policy evaluation and learning, ICML 2011):
    without bias too as propensities are recorded, however wrong the forecast, and
    the less noisy the better it is. Default: doubly robust where `expected` is given, else
    self-normalised. Entities are resampled whole.

    The policy must take no action that had no chance (positivity), which a log cannot show by
    itself: see `effective_cases` for how much it holds. Raises ValueError where the log has no case
    that the policy might have decided so, or a payoff that is read is not a number.

    >>> rng = np.random.default_rng(5)
    >>> actions = rng.integers(0, 2, 5000)
    >>> paid = rng.normal(np.array([1.0, 3.0])[actions], 1.0)
    >>> logged = Logged(actions, paid, np.full(5000, 0.5))
    >>> policy_value(logged, np.ones(5000, dtype=np.int64), seed=0, unit="EUR per decision")
    3.015 EUR per decision [2.976, 3.055]
    """
    kind = kind or ("self_normalised" if expected is None else "doubly_robust")
    values = _values(logged, policy, expected, kind)
    found = _mean(values, logged.entities, seed, unit)
    return replace(found, method=f"{_NAMES[kind]}, {found.method}")


def gain_over(
    logged: Logged,
    policy: NDArray[np.int64] | Floats,
    *,
    seed: int | np.random.Generator,
    expected: Floats | None = None,
    unit: str = "",
) -> Estimate:
    """Return what was paid, per case, above what a policy would have been paid on the same cases.

    `policy` and `expected` as in `policy_value`, whose estimate is subtracted case by case, so that
    what both have in common adds no noise. All payoffs logged must be known.

    >>> rng = np.random.default_rng(5)
    >>> actions = rng.integers(0, 2, 5000)
    >>> paid = rng.normal(np.array([1.0, 3.0])[actions], 1.0)
    >>> logged = Logged(actions, paid, np.full(5000, 0.5))
    >>> gain_over(logged, np.zeros(5000, dtype=np.int64), seed=0, unit="EUR per decision")
    1.005 EUR per decision [0.9651, 1.044]
    """
    kind: Kind = "self_normalised" if expected is None else "doubly_robust"
    values = logged.payoffs - _values(logged, policy, expected, kind)
    found = _mean(values, logged.entities, seed, unit)
    return replace(found, method=f"{_NAMES[kind]}, {found.method}")


def effective_cases(logged: Logged, policy: NDArray[np.int64] | Floats) -> float:
    """Return how many cases of the policy's own the log is as good as (Kish 1965): overlap.

    `(sum w)^2 / sum w^2` over the weights w; far fewer than the cases logged say that the policy
    hardly ever does what was done.

    >>> logged = Logged(np.array([0, 0, 1]), np.zeros(3), np.array([0.9, 0.9, 0.1]))
    >>> round(effective_cases(logged, np.array([0, 0, 1])), 2)
    1.46
    """
    weights = _weights(logged, policy)
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _values(
    logged: Logged, policy: NDArray[np.int64] | Floats, expected: Floats | None, kind: Kind
) -> Floats:
    """Return one value for each case, whose mean is the policy's and whose spread its error."""
    weights = _weights(logged, policy)
    if not (weights > 0).any():
        raise ValueError("the log has no case that this policy might have decided so")
    payoffs = np.where(weights > 0, logged.payoffs, 0.0)
    if not np.isfinite(payoffs).all():
        raise ValueError("a payoff that the policy needs is not a number: leave the case out")
    if kind == "ipw":
        return payoffs * weights
    if kind == "self_normalised":
        mean = float((payoffs * weights).sum() / weights.sum())
        spread: Floats = mean + (payoffs - mean) * weights / weights.mean()
        return spread
    if expected is None:
        raise ValueError("a doubly robust estimate needs what each action lets expect")
    told = expected[np.arange(len(payoffs)), logged.actions]
    return _under(policy, expected) + (payoffs - told) * weights


def _mean(
    values: Floats, entities: NDArray[Any] | None, seed: int | np.random.Generator, unit: str
) -> Estimate:
    if entities is None:
        return bootstrap_mean(values, seed=seed, unit=unit)
    return clustered_mean(values, Clusters.of(entities, "entity"), seed=seed, unit=unit)


def _weights(logged: Logged, policy: NDArray[np.int64] | Floats) -> Floats:
    """Return the policy's chance of the action taken over the one that it had."""
    rows = np.arange(len(logged.actions))
    if policy.ndim == 1:
        chance = (policy == logged.actions).astype(np.float64)
    else:
        chance = np.asarray(policy, dtype=np.float64)[rows, logged.actions]
    weights: Floats = chance / logged.propensity
    return weights


def _under(policy: NDArray[np.int64] | Floats, expected: Floats) -> Floats:
    """Return what the policy lets expect of each case."""
    if policy.ndim == 1:
        chosen: Floats = expected[np.arange(len(expected)), policy.astype(np.int64)]
        return chosen
    mixed: Floats = (policy * expected).sum(axis=1)
    return mixed
