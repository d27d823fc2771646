"""The value bridge of a model that is served elsewhere: from its reference rows to its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assay.build.judged_rows import fixed_costs_per_month
from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.errors import DataError
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.lifecycle.bridging import Bridged
from assay.lifecycle.decided import decided_by
from assay.lifecycle.served_elsewhere import decided
from assay.monitor.cases import Cases, framed_cases
from assay.monitor.report import WindowReport
from assay.monitor.value import LEAST_LABELS
from assay.monitor.watched import Watched, watch_bundle
from assay.ports.ports import Ports
from assay.value.bridge import bridge
from assay.value.bridge_sides import Side, paid_instead_by
from assay.value.in_force import paid_by
from assay.value.valuation import valuation

__all__ = ["bridge_of_log", "log_bridge_so_far", "reference_cases"]


def log_bridge_so_far(
    charter: Charter,
    ports: Ports,
    reports: Sequence[WindowReport],
    reference: pl.DataFrame,
    now: datetime,
) -> Bridged:
    """Return the bridge of all that was judged by the newest reference (see `bridge_of_log`).

    `reference` are its rows as predictions, with their raw `outcome`.
    """
    own = [one for one in reports if one.arm not in (BASELINE_ARM, CONTROL_ARM)]
    if not own:
        return Bridged(None, None, ("There is no value bridge yet: the log has no predictions.",))
    newest = own[-1]
    watched = watch_bundle(fetch_bundle(ports.blobs, newest.bundle))
    windows = {one.window for one in own if one.bundle == newest.bundle}
    cases = decided_by(charter, ports, watched, newest.bundle, windows, now)
    known = reference_cases(watched, reference)
    return bridge_of_log(charter, watched, known, cases, newest.version, now)


def reference_cases(watched: Watched, reference: pl.DataFrame) -> Cases:
    """Return the labelled rows of a reference; decided by the policy where it does not tell."""
    rows = reference.filter(pl.col("outcome").is_not_null())
    if rows["decision"].null_count():
        rows = rows.with_columns(decided(rows, watched))
    return framed_cases(watched, rows)


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
