"""What other decisions would have paid above those that stand, on served cases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.lifecycle.live_cases import LiveCases
from assay.ports.engine import Columns, Floats
from assay.stats.clusters import clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import per_decision
from assay.value.identification import identification, marked

__all__ = ["daily_gain", "label_weights"]

_Decisions = NDArray[Any]


def daily_gain(
    charter: Charter,
    cases: LiveCases,
    columns: Columns,
    stands: _Decisions,
    instead: _Decisions,
    forecast: Floats,
) -> Estimate:
    """Return what decisions `instead` (n,) would bring a day above what `stands`, in currency.

    Where both pay alike whatever comes, the case needs no outcome. Where actions hide outcomes,
    cases whose outcome shows are weighted by the chance of that (Horvitz and Thompson 1952); where
    they change outcomes, only cases count in which chance took just what either would have. Without
    a chance on record the hidden cases pay what the standing `forecast` (n, K) expects, which leans
    towards what stands, and the estimate is marked *not identified*. Intervals are BCa bootstraps
    over cases, entities or stretches of time, widened to what outcomes could have been.
    """
    under = _differences(cases, columns, stands, instead, forecast)
    certain = np.asarray(stands == instead, dtype=np.bool_)
    if cases.valued.task == "classification":
        certain = certain | (np.ptp(under, axis=1) == 0)
    values = np.where(certain, np.where(stands == instead, 0.0, under[:, 0]), 0.0)
    open_ = ~certain
    weights = np.ones(cases.n)
    identified = True
    if charter.data.moved_by:
        values[open_], identified = _by_action(charter, cases, columns, stands, instead, open_)
    else:
        weights, identified = _weights(charter, cases, open_)
        known = open_ & cases.told
        values[known] = weights[known] * _paid(cases, columns, stands, instead, known)
        if not identified:
            values[open_ & ~cases.told] = under.mean(axis=1)[open_ & ~cases.told]
            if cases.valued.task == "classification":
                hidden = open_ & ~cases.told
                values[hidden] = (forecast * under).sum(axis=1)[hidden]
    bounds = _bounds(charter, cases, values, under, weights, open_)
    seed, unit = charter.build.seed, per_decision(cases.valued)
    found = clustered_mean(values, cases.clusters, seed=seed, unit=unit, bounds=bounds)
    found = found.scaled(cases.volume.per_day, f"{cases.valued.currency} per day")
    return found if identified else marked(found)


def label_weights(charter: Charter, cases: LiveCases) -> Floats:
    """Return how many cases each one whose outcome is told stands for (n,); 0 where it is not.

    With several actions that show the outcome, each of them is weighted by its own chance and the
    weights are averaged: that needs no more than the chance of what was taken.
    """
    shows = charter.data.revealed_by
    if not shows:
        return cases.told.astype(np.float64)
    policy = np.array([one["arm"] in ("champion", "challenger") for one in cases.records])
    share = np.where(policy & cases.explores, 1.0 / (len(shows) * cases.propensity), 1.0)
    return np.where(cases.told, share, 0.0)


def _weights(charter: Charter, cases: LiveCases, open_: NDArray[np.bool_]) -> tuple[Floats, bool]:
    """Return the weights of told cases, and whether they stand for the hidden ones."""
    if not (open_ & ~cases.told).any():
        # Outcomes of all that differs are known: no chance is needed.
        return np.ones(cases.n), True
    if cases.explores:
        return label_weights(charter, cases), True
    return np.ones(cases.n), False


def _by_action(
    charter: Charter,
    cases: LiveCases,
    columns: Columns,
    stands: _Decisions,
    instead: _Decisions,
    open_: NDArray[np.bool_],
) -> tuple[Floats, bool]:
    """Return gains from cases in which just that was done, weighted by its chance."""
    other = identification(charter.value, charter.data, charter.release).other
    paid = cases.valued.realised(cases.taken, cases.outcomes, columns)
    match = (cases.taken == instead).astype(float) - (cases.taken == stands).astype(float)
    chance = cases.propensity if cases.explores else np.ones(cases.n)
    gains: Floats = (match * np.where(cases.told, paid, 0.0) / chance)[open_]
    return gains, bool(other.identified and cases.explores) or not open_.any()


def _differences(
    cases: LiveCases,
    columns: Columns,
    stands: _Decisions,
    instead: _Decisions,
    forecast: Floats,
) -> Floats:
    """Return what `instead` pays above `stands` under each outcome of a forecast (n, K)."""
    coded = cases.valued.task == "classification"

    def under(k: int) -> Floats:
        outcome = np.full(cases.n, k, dtype=np.int64) if coded else forecast[:, k]
        one = cases.valued.realised(instead, outcome, columns)
        return np.asarray(one - cases.valued.realised(stands, outcome, columns))

    return np.column_stack([under(k) for k in range(forecast.shape[1])])


def _paid(
    cases: LiveCases,
    columns: Columns,
    stands: _Decisions,
    instead: _Decisions,
    rows: NDArray[np.bool_],
) -> Floats:
    part = {name: values[rows] for name, values in columns.items()}
    known = cases.outcomes[rows]
    one = cases.valued.realised(instead[rows], known, part)
    return np.asarray(one - cases.valued.realised(stands[rows], known, part))


def _bounds(
    charter: Charter,
    cases: LiveCases,
    values: Floats,
    under: Floats,
    weights: Floats,
    open_: NDArray[np.bool_],
) -> tuple[float, float] | None:
    """Return the least and the most that one case could have gained; None for amounts."""
    if cases.valued.task == "regression" or charter.data.moved_by or not open_.any():
        return None
    reach = np.maximum(weights, 1.0)[:, None] * under
    low, high = float(reach[open_].min()), float(reach[open_].max())
    return min(low, float(values.min()), 0.0), max(high, float(values.max()), 0.0)
