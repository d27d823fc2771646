"""The most that any model could be worth on the given cases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import per_decision
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns
from assay.value.reach import Reach
from assay.value.valuation import Valuation

__all__ = ["ceiling"]


def ceiling(
    valuation: Valuation,
    outcomes: NDArray[Any],
    columns: Columns,
    *,
    seed: int | np.random.Generator,
    clusters: Clusters | None = None,
) -> Estimate:
    """Return the value of perfect information over the charter's baseline, per decision.

    `outcomes` (n,) as `Valuation.encode` gives them. The mean over cases of the best payoff
    knowing the outcome minus the baseline's payoff (Howard, Information value theory, IEEE
    Transactions on Systems Science and Cybernetics 2, 1966). Needs no model: it says before any is
    built whether one can be worth its cost. Capacities and budgets hold for it too.

    >>> from assay.value.classification import ClassificationValuation
    >>> from assay.value.payoff import PayoffTable
    >>> from assay.charter.policy import BestAction
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> outcomes = bank.encode(np.repeat(["no", "yes"], [900, 100]))
    >>> ceiling(bank, outcomes, {}, seed=0).mean
    0.9
    """
    known = valuation.perfect(outcomes, columns)
    instead = valuation.baseline(columns, len(outcomes))
    gain = valuation.realised(known, outcomes, columns) - valuation.realised(
        instead, outcomes, columns
    )
    return clustered_mean(
        gain,
        clusters,
        seed=seed,
        unit=per_decision(valuation),
        bounds=_reach(valuation, outcomes, columns),
    )


def _reach(valuation: Valuation, outcomes: NDArray[Any], columns: Columns) -> Reach:
    """Return what knowing an outcome can gain: of any outcome that a case may have."""
    if not isinstance(valuation, ClassificationValuation) or valuation.limits:
        return None
    n = len(outcomes)
    payoffs = valuation.payoffs(columns, n)
    instead = valuation.baseline(columns, n)
    base = payoffs[np.arange(n) if len(payoffs) > 1 else 0, instead]
    gain = payoffs.max(axis=1) - base
    return float(gain.min()), float(gain.max())
