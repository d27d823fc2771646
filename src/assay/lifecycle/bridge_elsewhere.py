"""The value bridge of a model that is served elsewhere: from its reference rows to its log."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from assay.build.judged_rows import fixed_costs_per_month
from assay.charter.charter import Charter
from assay.errors import DataError
from assay.lifecycle.bridging import Bridged
from assay.monitor.cases import Cases
from assay.monitor.value import LEAST_LABELS
from assay.monitor.watched import Watched
from assay.value.bridge import bridge
from assay.value.bridge_sides import Side, paid_instead_by
from assay.value.in_force import paid_by
from assay.value.valuation import valuation

__all__ = ["bridge_of_log"]


def bridge_of_log(
    charter: Charter, watched: Watched, reference: Cases, served: Cases, version: int, now: datetime
) -> Bridged:
    """Return what lies between what the reference rows realised and what the served cases did.

    Both sides are paid by their own payoffs: the bundle's, and those that the charter has agreed
    for today. The volume is the planned one on both sides, since a log's share of all decisions is
    not known. Served cases count where their label delay is over and their outcome is known.
    """
    told = served.at(served.counting)
    if min(told.n, reference.n) < LEAST_LABELS:
        words = (
            f"There is no value bridge yet: {told.n:,} served cases have an outcome that counts, "
            f"and it takes {LEAST_LABELS}."
        )
        return Bridged(version, None, (words,))
    agreed = charter.value.at(now.astimezone(ZoneInfo(charter.monitoring.time_zone)).date())
    costs = fixed_costs_per_month(charter, agreed), agreed.cost_per_decision
    planned = _side(watched, reference, charter, *costs)
    payer = paid_by(watched.valuation, valuation(agreed, charter.data))
    realised = paid_instead_by(_side(watched, told, charter, *costs), payer)
    try:
        found = bridge(planned, realised, seed=charter.build.seed)
    except DataError as error:
        return Bridged(version, None, (f"There is no value bridge: {error}",))
    volume = charter.value.decisions_per_month
    basis = (
        f"Uplift after running costs. Planned are the {reference.n:,} reference rows; realised are "
        f"{told.n:,} served cases with an outcome, both at {volume:,.0f} decisions a month."
    )
    return Bridged(version, found, (basis, *found.words()))


def _side(watched: Watched, cases: Cases, charter: Charter, fixed: float, each: float) -> Side:
    return Side(
        watched.valuation,
        watched.forecast(cases.score, cases.columns),
        cases.outcomes,
        cases.columns,
        volume=charter.value.decisions_per_month,
        fixed_costs=fixed,
        cost_per_decision=each,
        decisions=cases.decisions,
        known=np.ones(cases.n, dtype=np.bool_),
    )
