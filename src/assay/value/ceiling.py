"""The most that any model could be worth on the given cases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import baseline_payoffs, hindsight_payoffs, per_decision
from assay.value.payoff import Columns
from assay.value.reach import reach_of_knowing
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
    gain = hindsight_payoffs(valuation, outcomes, columns) - baseline_payoffs(
        valuation, outcomes, columns
    )
    return clustered_mean(
        gain,
        clusters,
        seed=seed,
        unit=per_decision(valuation),
        bounds=reach_of_knowing(valuation, len(outcomes), columns),
    )
