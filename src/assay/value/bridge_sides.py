"""The two sides of a value bridge, and what each case pays under either policy and either price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError
from assay.stats.clusters import Clusters
from assay.value.against import decided
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Side", "assumed", "crossed_uplifts", "forecast_in", "paid_instead_by", "require_alike"]


@dataclass(frozen=True, eq=False)
class Side:
    """What was planned, or what was realised, in one period.

    `forecast` (n, K), `outcomes` (n,) and `decisions` (n,) are of cases that stand for all of the
    period's, in the order of the labels and actions of `valuation`, which pays them. `policy`
    decides (`valuation` where not given) whatever is not in `decisions`. `volume` is how many
    decisions the period has, `fixed_costs` what it costs whatever is decided; both are known.
    `cost_per_decision` is taken from every case's uplift. `segments` (n,) names the segment of each
    case, `clusters` which cases hang together. Where an outcome is not `known` (n,) (the action
    taken did not reveal it; classification only) the forecast's expectation stands in for it.
    `columns` holds what the payoffs, baselines and policies of both sides read.
    """

    valuation: Valuation
    forecast: Floats
    outcomes: NDArray[Any]
    columns: Columns
    volume: float
    fixed_costs: float = 0.0
    cost_per_decision: float = 0.0
    decisions: NDArray[Any] | None = None
    policy: Valuation | None = None
    segments: NDArray[Any] | None = None
    clusters: Clusters | None = None
    known: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.outcomes)


def paid_instead_by(side: Side, payer: Valuation) -> Side:
    """Return a side whose cases another valuation pays; what decided on them stays.

    Raises DataError where the two do not have the same task, currency, outcomes and actions.
    """
    own = side.valuation
    _require_same([own, payer])
    decisions = side.decisions
    return replace(
        side,
        valuation=payer,
        policy=side.policy or own,
        forecast=forecast_in(side, payer.labels),
        outcomes=_renamed(side.outcomes, own.labels, payer.labels),
        decisions=None if decisions is None else _renamed(decisions, own.actions, payer.actions),
    )


def require_alike(planned: Side, realised: Side) -> None:
    """Raise DataError where the sides cannot be compared: task, currency, names or columns."""
    if not len(planned) or not len(realised):
        raise ValueError("a side without cases has nothing to compare")
    ways = [one for side in (planned, realised) for one in (side.valuation, side.policy) if one]
    _require_same(ways)
    needed = frozenset().union(*(one.columns for one in ways))
    for name, side in (("planned", planned), ("realised", realised)):
        absent = sorted(needed - set(side.columns))
        if absent:
            raise DataError(
                f"The {name} cases lack the column{'s' if len(absent) > 1 else ''} "
                f"{', '.join(absent)}, which the other side's payoffs, baseline or policy read. "
                "Plan anew with `assay build`, so that both sides carry the columns."
            )


def _require_same(ways: Sequence[Valuation]) -> None:
    first = ways[0]
    for other in ways[1:]:
        for what, one, two in (
            ("predict", {first.task}, {other.task}),
            ("are in the currency", {first.currency}, {other.currency}),
            ("know the outcomes", set(first.labels), set(other.labels)),
            ("know the actions", set(first.actions), set(other.actions)),
        ):
            if one != two:
                raise DataError(
                    f"Planned and realised value cannot be compared: the ones {what} "
                    f"{', '.join(sorted(one))}, the others {', '.join(sorted(two))}. Plan anew "
                    "with `assay build` under the charter as it is now, so that both sides have "
                    "the same names."
                )


def forecast_in(side: Side, labels: tuple[str, ...]) -> Floats:
    """Return a side's forecast with its probabilities in the order of `labels`."""
    own = side.valuation.labels
    if own == labels:
        return side.forecast
    return side.forecast[:, [own.index(label) for label in labels]]


def crossed_uplifts(side: Side, other: Side, *, first: bool) -> Floats:
    """Return what each case of a side paid above the baseline, shape (n, 2, 2).

    The second axis is whose policy decides, the third whose payoffs and baseline count: 0 for
    planned, 1 for realised (`side` is the planned one where it comes `first`). A case's own
    policy takes the decision that was recorded, where one was. Raises ValueError where amounts are
    not known.
    """
    sides = (side, other) if first else (other, side)
    paid = np.empty((len(side), 2, 2))
    for p, decider in enumerate(sides):
        decided = _decided(side, decider)
        for c, payer in enumerate(sides):
            valued = payer.valuation
            decisions = _renamed(decided, side.valuation.actions, valued.actions)
            uplift = _uplift(side, payer, decisions)
            paid[:, p, c] = uplift - payer.cost_per_decision
    return paid


def assumed(side: Side) -> float:
    """Return the share of a side's cases whose uplift, as they were decided, no outcome shows.

    Their uplift is the forecast's word; where it is the same whatever the outcome, it is known.
    """
    if side.known is None:
        return 0.0
    possible = _possible(side, side, _decided(side, side))
    return float(((np.ptp(possible, axis=1) > 0) & ~side.known).mean())


def _uplift(side: Side, payer: Side, decisions: NDArray[Any]) -> Floats:
    """Return what decisions (as the payer names them) paid above the payer's baseline."""
    valued = payer.valuation
    outcomes = _renamed(side.outcomes, side.valuation.labels, valued.labels)
    base = valued.baseline(side.columns, len(side))
    paid: Floats = valued.realised(decisions, outcomes, side.columns)
    paid = paid - valued.realised(base, outcomes, side.columns)
    if side.known is None or side.known.all():
        return paid
    likely = forecast_in(side, valued.labels) * _possible(side, payer, decisions)
    return np.where(side.known, paid, likely.sum(axis=1))


def _possible(side: Side, payer: Side, decisions: NDArray[Any]) -> Floats:
    """Return the uplift (n, K) of each case given each outcome, in the order of the payer."""
    valued = payer.valuation
    if valued.task == "regression":
        raise ValueError("an amount is not among a few outcomes: give only cases that are known")
    base = valued.baseline(side.columns, len(side))
    given = []
    for code in range(len(valued.labels)):
        outcomes = np.full(len(side), code)
        paid = valued.realised(decisions, outcomes, side.columns)
        given.append(paid - valued.realised(base, outcomes, side.columns))
    return np.column_stack(given)


def _decided(side: Side, decider: Side) -> NDArray[Any]:
    """Return a policy's decisions on a side's cases, in the order of that side's actions.

    Those that were made where the policy is the side's own; else limits are kept as they come.
    """
    if decider is side and side.decisions is not None:
        return side.decisions
    policy = decider.policy or decider.valuation
    made = decided(policy, forecast_in(side, policy.labels), side.columns)
    return _renamed(made, policy.actions, side.valuation.actions)


def _renamed(codes: NDArray[Any], names: tuple[str, ...], others: tuple[str, ...]) -> NDArray[Any]:
    """Return codes in the order of other names; amounts have no names and stay."""
    if names == others:
        return codes
    places = np.array([others.index(name) for name in names], dtype=np.int64)
    renamed: NDArray[Any] = places[codes]
    return renamed
