"""What other decisions would have paid above those that stand, on served cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.policy import REFER
from assay.lifecycle.live_cases import LiveCases
from assay.ports.engine import Columns, Floats
from assay.stats.clusters import clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import per_decision
from assay.value.identification import marked

__all__ = ["daily_gain", "label_weights"]

_Decisions = NDArray[Any]


@dataclass(frozen=True, eq=False)
class _Gains:
    """What each case (n,) would have gained, whether that is known, and its least and its most."""

    values: Floats
    identified: bool
    bounds: tuple[float, float] | None


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
    they change outcomes, what depends on them is read from cases in which chance took just that,
    and is unknown where that hides them. Without a chance on record the hidden cases pay what the
    standing `forecast` (n, K) expects, which leans towards what stands. What is not known is marked
    *not identified*. Intervals are BCa bootstraps over cases, entities or stretches of time,
    widened to what outcomes could have been.

    A day's decisions are those that would change: neither the control's nor those that chance
    takes, which go on as before. What exploration itself costs is agreed for what it tells; a
    fall back, which ends it, is not credited with that.
    """
    of = _by_action if charter.data.moved_by else _by_outcome
    gains = of(charter, cases, columns, stands, instead, forecast)
    seed, unit = charter.build.seed, per_decision(cases.valued)
    found = clustered_mean(gains.values, cases.clusters, seed=seed, unit=unit, bounds=gains.bounds)
    changed = cases.volume.per_day * _changing(charter, cases)
    found = found.scaled(changed, f"{cases.valued.currency} per day")
    return found if gains.identified else marked(found)


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


def _changing(charter: Charter, cases: LiveCases) -> float:
    """Return the share of all decisions that follow what stands, once the charter's shares do."""
    explored = charter.release.exploration_share if cases.valued.task == "classification" else 0.0
    return (1 - charter.release.control_share) * (1 - explored)


def _by_outcome(
    charter: Charter,
    cases: LiveCases,
    columns: Columns,
    stands: _Decisions,
    instead: _Decisions,
    forecast: Floats,
) -> _Gains:
    """Return gains where an outcome comes whatever is decided: once known, it tells both sides."""
    under = _differences(cases, columns, stands, instead, forecast)
    certain = np.asarray(stands == instead, dtype=np.bool_)
    if cases.valued.task == "classification":
        certain = certain | (np.ptp(under, axis=1) == 0)
    values = np.where(certain & (stands != instead), under[:, 0], 0.0)
    open_ = ~certain
    weights, identified = _weights(charter, cases, open_)
    known = open_ & cases.told
    values[known] = weights[known] * _paid(cases, columns, stands, instead, known)
    if not identified:
        hidden = open_ & ~cases.told
        values[hidden] = under.mean(axis=1)[hidden]
        if cases.valued.task == "classification":
            values[hidden] = (forecast * under).sum(axis=1)[hidden]
    return _Gains(values, identified, _bounds(cases, values, under, weights, open_))


def _by_action(
    charter: Charter,
    cases: LiveCases,
    columns: Columns,
    stands: _Decisions,
    instead: _Decisions,
    forecast: Floats,
) -> _Gains:
    """Return gains where actions change outcomes: each side is read where just that was taken.

    Two actions that leave the outcome as it is share it: what they pay apart whatever comes is
    known.
    """
    new, old = (
        _Side.of(charter, cases, columns, decided, forecast.shape[1])
        for decided in (instead, stands)
    )
    certain = np.asarray(stands == instead, dtype=np.bool_)
    if cases.valued.task == "classification":
        apart = new.under - old.under
        certain = certain | (new.unmoved & old.unmoved & (np.ptp(apart, axis=1) == 0))
        known = np.where(stands == instead, 0.0, apart[:, 0])
    else:
        known = np.zeros(cases.n)
    values = np.where(certain, known, new.values - old.values)
    identified = all(side.identified(cases, ~certain) for side in (new, old))
    if cases.valued.task == "regression" or certain.all():
        return _Gains(values, identified, None)
    low = float(min(0.0, values.min(), (new.reach[0] - old.reach[1])[~certain].min()))
    high = float(max(0.0, values.max(), (new.reach[1] - old.reach[0])[~certain].max()))
    return _Gains(values, identified, (low, high))


@dataclass(frozen=True, eq=False)
class _Side:
    """What one way to decide pays on each case, where actions change outcomes.

    `values` (n,) is what its decision pays where that is the same whatever comes (`flat`), else
    what was paid over the chance of it where just that was taken and `seen`, else 0. `hidden` is
    where its decision hides the outcome, `unmoved` where it leaves it as it is. `under` (n, K) is
    its payoff under each outcome; `reach` holds the least and the most that a value could be (n,).
    """

    values: Floats
    flat: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    unmoved: NDArray[np.bool_]
    under: Floats
    reach: tuple[Floats, Floats]

    @classmethod
    def of(
        cls,
        charter: Charter,
        cases: LiveCases,
        columns: Columns,
        decided: _Decisions,
        outcomes: int,
    ) -> _Side:
        """Return the side that takes `decided` (n,), of so many outcomes."""
        coded = cases.valued.task == "classification"
        paid = cases.valued.realised(decided, cases.outcomes, columns)
        under = np.column_stack([paid])
        if coded:
            each = [np.full(cases.n, k, dtype=np.int64) for k in range(outcomes)]
            under = np.column_stack([cases.valued.realised(decided, k, columns) for k in each])
        flat = np.full(cases.n, coded) & (np.ptp(under, axis=1) == 0)
        seen = np.asarray(cases.taken == decided, dtype=np.bool_) & cases.told
        chance = cases.propensity if cases.explores else np.ones(cases.n)
        values = np.where(flat, paid, np.where(seen, paid / chance, 0.0))
        most = np.where(flat, 1.0, 1.0 / chance.min())
        low = np.where(flat, paid, np.minimum(under.min(axis=1) * most, 0.0))
        high = np.where(flat, paid, np.maximum(under.max(axis=1) * most, 0.0))
        names = np.array(cases.valued.names(decided), dtype=object)
        shows, moves = charter.data.revealed_by, (*charter.data.moved_by, REFER)
        hidden = np.full(cases.n, bool(shows)) & ~np.isin(names, shows)
        unmoved = np.full(cases.n, coded) & ~np.isin(names, moves)
        return cls(values, flat, seen, hidden, unmoved, under, (low, high))

    def identified(self, cases: LiveCases, open_: NDArray[np.bool_]) -> bool:
        """Whether its mean over the `open_` cases is known: all of it seen, or drawn by chance."""
        asked = open_ & ~self.flat
        if bool(self.seen[asked].all()):
            return True
        return cases.explores and not bool(self.hidden[asked].any())


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
    cases: LiveCases,
    values: Floats,
    under: Floats,
    weights: Floats,
    open_: NDArray[np.bool_],
) -> tuple[float, float] | None:
    """Return the least and the most that one case could have gained; None for amounts."""
    if cases.valued.task == "regression" or not open_.any():
        return None
    reach = np.maximum(weights, 1.0)[:, None] * under
    low, high = float(reach[open_].min()), float(reach[open_].max())
    return min(low, float(values.min()), 0.0), max(high, float(values.max()), 0.0)
