"""What a control or exploration share costs, and how soon it shows an uplift."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.asymptotic_sequence import LEAST_CASES
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.deviating_cases import deviating_cases
from assay.stats.estimate import Estimate
from assay.value.control import LEAST_UNITS
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Resolution", "Spread", "control_cost", "exploration_cost", "least_control_share"]

_NORMAL = NormalDist()
_POWER = 0.8
_ALPHA = 0.05
_LIKELY = 14.3
"""Expected deviating payoffs of which 10 have come with a chance of 90 % (Poisson)."""
_MOST = 0.5
"""The largest share that a charter can grant."""


@dataclass(frozen=True)
class Spread:
    """Standard deviation of what one decision pays, under the policy and under the baseline.

    Where cases hang together it is larger than that of single payoffs: the deviation that, over the
    root of the decisions, gives the error of their mean.

    `policy_deviates` and `baseline_deviates` are the shares of decisions whose payoff differs from
    the commonest one (`stats.deviating_cases` over their number): where payoffs are rare, none of a
    small control has them for long, and it says nothing. 0 where there is one payoff alone.

    >>> paid = Estimate(1.5, 1.4, 1.6, n=1000, method="bootstrap")
    >>> round(Spread.of(paid, paid).policy, 3)
    1.613
    """

    policy: float
    baseline: float
    policy_deviates: float = 1.0
    baseline_deviates: float = 1.0

    @classmethod
    def of(
        cls, policy: Estimate, baseline: Estimate, paid: tuple[Floats, Floats] | None = None
    ) -> Spread:
        """Read the deviations back from the intervals of two means.

        `paid` are the payoffs (n,) under the policy and under the baseline; None where it is known
        that they are not rare.
        """
        spread = cls(_deviation(policy), _deviation(baseline))
        if paid is None:
            return spread
        own, base = (deviating_cases(one) / len(one) for one in paid)
        return replace(spread, policy_deviates=own, baseline_deviates=base)

    def least_under_control(self, share: float) -> float:
        """Return the decisions from which a control share says anything at all.

        Both arms have 10 deviating payoffs by then with a chance of 90 %, and there are 500.
        """
        return self._told(1 - share, share)

    def least_under_exploration(self, share: float, actions: int, differing: float) -> float:
        """Return the same for the inverse-propensity difference."""
        return self._told(differing * (1 - share + share / actions), differing * share / actions)

    def _told(self, own: float, other: float) -> float:
        arms = ((own, self.policy_deviates), (other, self.baseline_deviates))
        chances = [part * deviates for part, deviates in arms if deviates]
        if not all(chances):
            return math.inf
        return max([LEAST_CASES, *(_LIKELY / chance for chance in chances)])

    def under_control(self, share: float) -> float:
        """Return the variance that one decision adds to the difference to a control share."""
        return self.policy**2 / (1 - share) + self.baseline**2 / share

    def under_exploration(self, share: float, actions: int, differing: float) -> float:
        """Return the variance that one decision adds to the inverse-propensity difference.

        `differing` is the share of cases in which policy and baseline do not agree: the others
        say nothing, as both would have been paid alike.
        """
        own, other = 1 - share + share / actions, share / actions
        return differing * (self.policy**2 / own + self.baseline**2 / other)


@dataclass(frozen=True)
class Resolution:
    """Decisions and months until an uplift of `uplift` per decision stands clear of zero.

    `fixed` is for a single look agreed beforehand (a z-test); `watched` for an asymptotic
    confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024) looked at after each
    decision, tuned to that number. Both suffice with a chance of 80 % at 95 % confidence; some
    watched runs are clear long before. Neither speaks before `least` decisions: see
    `Spread.least_under_control`.

    >>> found = Resolution.of(variance=100.0, uplift=0.5, decisions_per_month=1000)
    >>> round(found.fixed), round(found.watched), round(found.months_watched, 1)
    (3140, 6013, 6.0)
    """

    uplift: float
    fixed: float
    watched: float
    months_fixed: float
    months_watched: float

    @classmethod
    def of(
        cls,
        variance: float,
        uplift: float,
        decisions_per_month: float,
        least: float = LEAST_CASES,
    ) -> Resolution:
        """Return when an uplift is resolved; never (infinity) where it is not above zero."""
        fixed, watched = math.inf, math.inf
        if uplift > 0:
            # One look needs as many rare payoffs as watching does, and no other 500 decisions.
            rare = least if least > LEAST_CASES else 0.0
            fixed = max(variance * (_fixed_reach() / uplift) ** 2, rare)
            watched = max(variance * (_watched_reach() / uplift) ** 2, least)
        return cls(
            uplift, fixed, watched, fixed / decisions_per_month, watched / decisions_per_month
        )

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document; what never comes is null."""
        return {name: None if math.isinf(value) else value for name, value in asdict(self).items()}


def control_cost(uplift: Estimate, share: float, decisions_per_month: float) -> Estimate:
    """Return what a control share forgoes in a month: the uplift of each decision it keeps.

    `uplift` is per decision, in currency. Below zero, the control saves money: the baseline is
    better. Raises ValueError for a share outside [0, 1].

    >>> uplift = Estimate(0.5, 0.3, 0.7, n=1000, method="BCa bootstrap", unit="EUR per decision")
    >>> control_cost(uplift, 0.05, 1400)
    35 EUR per month [21, 49]
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1; this one is {share:g}")
    return uplift.scaled(share * decisions_per_month, _per_month(uplift.unit))


def exploration_cost(
    valuation: Valuation,
    forecast: Floats,
    columns: Columns,
    share: float,
    decisions_per_month: float,
    *,
    seed: int | np.random.Generator,
    clusters: Clusters | None = None,
) -> Estimate:
    """Return what random actions forgo in a month, as calibrated forecasts (n, K) let expect.

    `share` of the cases gets one of all A actions with equal chance, in place of the policy's:
    each loses the policy's expected payoff less the mean over the actions. Raises ValueError
    where decisions are amounts, of which none is drawn at random.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.classification import ClassificationValuation
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> p = np.repeat([0.02, 0.5], 200)
    >>> exploration_cost(bank, np.column_stack([1 - p, p]), {}, 0.1, 1000, seed=0)
    120 EUR per month [112, 127.2]
    """
    if not valuation.actions:
        raise ValueError("amounts are not explored: there is no list of them to draw from")
    n, actions = len(forecast), range(len(valuation.actions))
    own = valuation.expected(forecast, valuation.decide(forecast, columns), columns)
    by_action = [
        valuation.expected(forecast, np.full(n, action, dtype=np.int64), columns)
        for action in actions
    ]
    lost: NDArray[np.float64] = own - np.mean(by_action, axis=0)
    unit = f"{valuation.currency} per decision"
    mean = clustered_mean(lost, clusters, seed=seed, unit=unit)
    found = mean.scaled(share * decisions_per_month, _per_month(unit))
    return replace(found, method=f"expected from forecasts, {found.method}")


def least_control_share(
    spread: Spread, uplift: float, decisions_per_month: float, months: float
) -> float | None:
    """Return the smallest control share that resolves an uplift in so many months, watched.

    It is rounded up to a tenth of a percent, has at least 30 decisions in the control, and 10
    payoffs of them that differ from the commonest one with a chance of 90 %. None where even half
    of all would not do.

    >>> spread = Spread(3.0, 3.0)
    >>> least_control_share(spread, uplift=0.5, decisions_per_month=1400, months=6)
    0.07
    >>> found = Resolution.of(spread.under_control(0.07), 0.5, 1400)
    >>> round(found.months_watched, 1)
    5.9
    """
    decisions = decisions_per_month * months
    known = math.isfinite(spread.policy) and math.isfinite(spread.baseline)
    if uplift <= 0 or decisions < LEAST_CASES or not known:
        return None
    most = decisions * (uplift / _watched_reach()) ** 2
    # policy^2 / (1 - c) + baseline^2 / c = most, as a quadratic in c; the smaller root is wanted.
    own, base = spread.policy**2, spread.baseline**2
    half = (most + base - own) / 2
    inner = half * half - most * base
    if inner < 0 or half <= 0:
        return None
    root = base / (half + math.sqrt(inner))
    rare = _LIKELY / spread.baseline_deviates if spread.baseline_deviates else 0.0
    least = max(root, LEAST_UNITS / decisions, rare / decisions)
    share = math.ceil(1000 * least - 1e-9) / 1000
    told = share <= _MOST and spread.least_under_control(share) <= decisions
    return share if told else None


def _deviation(mean: Estimate) -> float:
    half = (mean.high - mean.low) / 2
    return half / _NORMAL.inv_cdf((1 + mean.confidence) / 2) * math.sqrt(mean.n)


def _fixed_reach() -> float:
    """Return how many standard errors off zero an uplift must be for one look."""
    return _NORMAL.inv_cdf(1 - _ALPHA / 2) + _NORMAL.inv_cdf(_POWER)


def _watched_reach() -> float:
    """Return the same for a sequence that is tightest there: `n r^2` is then one number."""
    tuned = -2 * math.log(_ALPHA) + math.log(-2 * math.log(_ALPHA)) + 1
    width = math.sqrt(2 * (tuned + 1) / tuned * math.log(math.sqrt(tuned + 1) / _ALPHA))
    return width + _NORMAL.inv_cdf(_POWER)


def _per_month(unit: str) -> str:
    return unit.replace("per decision", "per month")
