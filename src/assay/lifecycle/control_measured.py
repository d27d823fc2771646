"""The uplift of what is served, as the control share shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.errors import ExpressionError
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.lifecycle.payoffs import realised_payoffs
from assay.monitor.cases import moments
from assay.monitor.join import first_of_each
from assay.monitor.matured import matured
from assay.stats.estimate import Estimate
from assay.value.certain_baseline import baseline_varies
from assay.value.control import LEAST_UNITS, ControlMeasured, Split, control_uplift
from assay.value.control_sequence import Watch, control_watched
from assay.value.valuation import Valuation, valuation

__all__ = ["control_measured"]

Records = Sequence[Mapping[str, Any]]

_SERVING = ("champion", "challenger", CONTROL_ARM)
_MONTHS = 3
"""Months of decisions at which the watched interval is tightest: agreed before any data."""


def control_measured(
    charter: Charter, records: Records, outcomes: Sequence[Any], now: datetime, *, seed: int = 0
) -> ControlMeasured | None:
    """Compare what was paid under the policies that served with the control beside them.

    `records` are the captures in order of time, `outcomes` what is known of each (None where it
    has not come). A decision counts once its label delay is over; without an outcome then it takes
    the charter's `release.missing_outcome`. Decisions without a control beside them are left out,
    and so is a first version's trial, whose baseline arm is compared by the canary. The watched
    interval takes each entity with its first decision, so that its units are independent. None
    without a control share, where an action hides the outcome that its payoff depends on, and
    below `LEAST_UNITS` on either side.

    Where the charter bounds payoffs, both intervals hold from then on. Where it does not, they say
    nothing (the watched one is infinite) until each arm has 10 units whose payoff differs from the
    commonest one: see `control_sequence`.
    """
    counting = _counting(charter, records, now)
    if not counting.any():
        return None
    valued = valuation(charter.value, charter.data)
    payoffs = _payoffs(charter, valued, records, outcomes)
    if _blind(charter, records, payoffs, counting):
        return None
    known = counting & np.isfinite(payoffs)
    rows = np.flatnonzero(known)
    entities = [records[row].get("entity") for row in rows.tolist()]
    split = Split(
        payoffs[rows],
        np.array([records[row]["arm"] == CONTROL_ARM for row in rows.tolist()], dtype=np.bool_),
        np.array([records[row]["control_share"] for row in rows.tolist()], dtype=np.float64),
        np.array(entities, dtype=object).astype(str) if len(rows) and all(entities) else None,
    )
    if split.smaller_side() < LEAST_UNITS:
        return None
    unit = f"{charter.value.currency} per decision"
    watch = Watch(
        bounds=_bounds(valued, split),
        tightest_at=round(_MONTHS * charter.value.decisions_per_month),
        control_varies=baseline_varies(valued),
    )
    return ControlMeasured(
        watched=_watched(split, watch, unit),
        once=control_uplift(
            split, seed=seed, unit=unit, bounds=watch.bounds, control_varies=watch.control_varies
        ),
        decisions=len(rows),
        controls=int(split.control.sum()),
        unknown=int((counting & ~known).sum()),
    )


def _counting(charter: Charter, records: Records, now: datetime) -> NDArray[np.bool_]:
    """Return which decisions could be compared: served beside a control, their delay over."""
    trials = {one.get("revision") for one in records if one["arm"] == BASELINE_ARM}
    beside = [
        one.get("control_share", 0.0) > 0
        and one["arm"] in _SERVING
        and one.get("revision") not in trials
        for one in records
    ]
    found: NDArray[np.bool_] = np.array(beside, dtype=np.bool_)
    if not found.any():
        return found
    return found & matured(moments(records), label_delay(charter), now)


def _payoffs(
    charter: Charter, valued: Valuation, records: Records, outcomes: Sequence[Any]
) -> NDArray[np.float64]:
    missing = charter.release.missing_outcome
    told = [missing if one is None else one for one in outcomes]
    return realised_payoffs(valued, records, told)


def _blind(
    charter: Charter,
    records: Records,
    payoffs: NDArray[np.float64],
    counting: NDArray[np.bool_],
) -> bool:
    """Whether payoffs are unknown because the action taken will never show the outcome."""
    shown = charter.data.revealed_by
    if not shown:
        return False
    unknown = np.flatnonzero(counting & ~np.isfinite(payoffs)).tolist()
    return any(records[row]["decision"] not in shown for row in unknown)


def _bounds(valued: Valuation, split: Split) -> tuple[float, float] | None:
    """Return what a decision can pay, None where the charter does not say or payoffs leave it."""
    try:
        bounds = valued.bounds()
    except ExpressionError:  # a payoff of amounts may leave its columns without caps
        return None
    return None if not np.isfinite(bounds).all() or split.leaves(bounds) else bounds


def _watched(split: Split, watch: Watch, unit: str) -> Estimate:
    words = ""
    if split.entities is not None:
        firsts = np.zeros(len(split.payoffs), dtype=np.bool_)
        firsts[first_of_each(split.entities.tolist())] = True
        split, words = split.at(firsts), ", each entity's first decision"
    found = control_watched(split, watch, unit)
    return replace(found, method=found.method + words)
