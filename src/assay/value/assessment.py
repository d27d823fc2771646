"""What a model's decisions are worth on cases whose outcomes are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import decided, hindsight_payoffs, per_decision
from assay.value.payoff import Columns, Floats
from assay.value.reach import (
    Reach,
    reach_of_difference,
    reach_of_knowing,
    reach_of_payoff,
)
from assay.value.valuation import Valuation

__all__ = ["Assessment", "assess"]


@dataclass(frozen=True)
class Assessment:
    """Value on `n` known cases, every amount with its interval.

    `value` is the policy's payoff per decision and `total` over all the cases; `uplift` is against
    the charter's baseline, `uplift_over` against each. `expected` is the mean payoff per decision
    that the forecasts promised, `shortfall` what they promised less what came: surely above zero,
    they promise too much. That happens where probabilities are not calibrated, and also where
    they are but a payoff reads a column that says more about the outcome than the score does
    (P(y | score) is not P(y | score, amount)): then best actions are not the best.
    `ceiling` is the uplift of perfect information, `share_of_ceiling` how much of it was reached
    (None where there is nothing to reach). `decisions` counts actions (empty in regression).
    """

    n: int
    total: Estimate
    value: Estimate
    expected: float
    shortfall: Estimate
    uplift_per_decision: Estimate
    uplift_per_month: Estimate
    baseline: str
    baselines: Mapping[str, Estimate]
    uplift_over: Mapping[str, Estimate]
    ceiling: Estimate
    share_of_ceiling: Estimate | None
    decisions: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """Return the assessment as a JSON document."""
        share = self.share_of_ceiling
        return {
            "n": self.n,
            "total": self.total.document(),
            "value": self.value.document(),
            "expected": self.expected,
            "shortfall": self.shortfall.document(),
            "uplift_per_decision": self.uplift_per_decision.document(),
            "uplift_per_month": self.uplift_per_month.document(),
            "baseline": self.baseline,
            "baselines": {name: e.document() for name, e in self.baselines.items()},
            "uplift_over": {name: e.document() for name, e in self.uplift_over.items()},
            "ceiling": self.ceiling.document(),
            "share_of_ceiling": share.document() if share else None,
            "decisions": dict(self.decisions),
        }


def assess(
    valuation: Valuation,
    forecast: Floats,
    outcomes: NDArray[Any],
    columns: Columns,
    decisions_per_month: float,
    seed: int,
    clusters: Clusters | None = None,
) -> Assessment:
    """Return what the policy's decisions on a forecast (n, K) were worth, outcomes (n,) known.

    Differences are taken case by case before their mean, so that what payoffs share cancels;
    intervals are BCa bootstraps, over whole `clusters` where cases hang together, widened by what
    decisions could have paid. Cases stand in the order in which they came: where a tuned policy
    would use more of a limit than a window has, what comes later goes without (`kept_within`).
    Raises ValueError without cases.

    >>> import numpy as np
    >>> from assay.charter.policy import BestAction
    >>> from assay.value.classification import ClassificationValuation
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation(
    ...     "EUR", table, BestAction(), {"nobody": "skip", "everybody": "call"}, "everybody")
    >>> p = np.repeat([0.02, 0.5], 200)
    >>> outcomes = np.tile([0, 0, 0, 0, 0, 0, 0, 1], 50) * (p > 0.1)
    >>> found = assess(bank, np.column_stack([1 - p, p]), outcomes, {}, 1000, seed=0)
    >>> found.uplift_per_decision.mean, found.uplift_over["nobody"].mean, found.decisions["skip"]
    (0.5, 0.125, 200)
    """
    decisions = decided(valuation, forecast, columns)
    paid = valuation.realised(decisions, outcomes, columns)
    promised = valuation.expected(forecast, decisions, columns)
    unit = per_decision(valuation)

    def mean(values: Floats, reach: Reach = None, unit: str = unit) -> Estimate:
        return clustered_mean(values, clusters, seed=seed, unit=unit, bounds=reach)

    instead = {
        name: valuation.baseline(columns, len(outcomes), name) for name in valuation.baseline_names
    }
    bases = {name: valuation.realised(other, outcomes, columns) for name, other in instead.items()}
    over = {
        name: mean(paid - bases[name], reach_of_difference(valuation, decisions, other, columns))
        for name, other in instead.items()
    }
    base = bases[valuation.baseline_name]
    own = reach_of_payoff(valuation, decisions, columns)
    best = hindsight_payoffs(valuation, outcomes, columns) - base
    uplift, value = over[valuation.baseline_name], mean(paid, own)
    return Assessment(
        n=len(paid),
        total=value.scaled(len(paid), valuation.currency),
        value=value,
        expected=float(promised.mean()),
        shortfall=mean(promised - paid, _shortest(own, promised)),
        uplift_per_decision=uplift,
        uplift_per_month=uplift.scaled(decisions_per_month, f"{valuation.currency} per month"),
        baseline=valuation.baseline_name,
        baselines={
            name: mean(paid_then, reach_of_payoff(valuation, instead[name], columns))
            for name, paid_then in bases.items()
        },
        uplift_over=over,
        ceiling=mean(best, reach_of_knowing(valuation, len(outcomes), columns)),
        share_of_ceiling=_share(mean, paid - base, best),
        decisions=_counted(valuation, decisions),
    )


def _shortest(own: Reach, promised: Floats) -> Reach:
    """Return how far promises can lie from what decisions can pay."""
    if own is None:
        return None
    return float(promised.min()) - own[1], float(promised.max()) - own[0]


def _share(mean: Any, gain: Floats, best: Floats) -> Estimate | None:
    """Return the ratio of two means, with its interval from the ratio made linear."""
    reach = float(best.mean())
    if reach <= 0:
        return None
    ratio = float(gain.mean()) / reach
    estimate: Estimate = mean((gain - ratio * best) / reach, unit="").shifted(ratio)
    return estimate


def _counted(valuation: Valuation, decisions: NDArray[Any]) -> dict[str, int]:
    if valuation.task == "regression":
        return {}
    counts = Counter(valuation.names(decisions))
    return {action: counts[action] for action in valuation.actions}
