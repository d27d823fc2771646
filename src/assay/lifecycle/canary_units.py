"""Which units a running canary is decided on: entities, in order of assignment.

An entity is assigned with its first decision in the release, under the share that the gateway had
then; that share stays its own. What its decisions within the agreed horizon paid is summed, at most
so many as were agreed. It enters when horizon and label delay are over, however early or late its
outcomes came.

Where the weights change, a gateway may move an entity to the other arm. What it would have paid on
the arm that it was assigned to is not known from there on: it may be anything that the remaining
decisions can pay, and counts against each claim. So a change of weights counts only for entities
first seen after it, and nobody's part under the old weights is compared under the new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isnan
from typing import NamedTuple

import numpy as np

from assay.charter.charter import Charter
from assay.evidence.folds import ReleaseState
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import Served
from assay.lifecycle.release_course import share_of_record, steps_of
from assay.lifecycle.unit_clock import UnitClock
from assay.value.valuation import valuation

__all__ = ["Assigned", "Unit", "matured_units", "unit_bounds", "units_of"]


_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Unit:
    """One unit of a running canary: its arm, its share when assigned, and what it paid.

    `least` and `most` differ where part of what it paid is not known, though its time is over.
    `due` is when that was.
    """

    challenger: bool
    share: float
    least: float
    most: float
    due: datetime = field(default=_ALWAYS, compare=False)


def unit_bounds(bounds: tuple[float, float], most: int) -> tuple[float, float]:
    """Return the least and the most that one to `most` decisions can pay together.

    >>> unit_bounds((-1.0, 9.0), most=3), unit_bounds((2.0, 9.0), most=3)
    ((-3.0, 27.0), (2.0, 27.0))
    """
    low, high = bounds
    return min(low, most * low), max(high, most * high)


def units_of(
    served: Served, state: ReleaseState, charter: Charter, now: datetime
) -> tuple[Unit, ...]:
    """Return the matured units of the running release, in order of assignment.

    They are on the challenger's arm, or on that of what it is tried against: the champion, or
    where nothing served before the baseline. Decisions on other arms (a pinned version) are no part
    of the release. A decision without an outcome takes `release.missing_outcome` where the charter
    has one; else it may have paid anything within the bounds of payoffs.
    """
    arms, steps = (state.against, "challenger"), steps_of(state)
    if not steps:
        return ()
    assigned = {}
    for place, record in enumerate(served.records):
        arm = record["arm"]
        if arm in arms and (share := share_of_record(record, steps)) > 0:
            assigned[place] = Assigned(arm == "challenger", share)
    return matured_units(assigned, served, charter, now)


class Assigned(NamedTuple):
    """Where chance put a decision: with the challenger or not, and the challenger's share then."""

    challenger: bool
    share: float


def matured_units(
    assigned: Mapping[int, Assigned], served: Served, charter: Charter, now: datetime
) -> tuple[Unit, ...]:
    """Return the matured units of some places among those served, in order of assignment."""
    groups: dict[str, list[int]] = {}
    for place in assigned:
        record = served.records[place]
        groups.setdefault(str(record.get("entity") or record["id"]), []).append(place)
    clock = UnitClock.of(served.records, charter, now)
    summing = _Summing.of(assigned, served, charter)
    return tuple(
        summing.unit([place for place in places if place <= over.last], over.at)
        for places in groups.values()
        if (over := clock.over(places[0])) is not None
    )


@dataclass(frozen=True)
class _Summing:
    """What the first decisions of a unit paid together, at the least and at the most."""

    assigned: Mapping[int, Assigned]
    payoffs: Sequence[float]
    bounds: tuple[float, float]
    together: tuple[float, float]
    most: int

    @classmethod
    def of(cls, assigned: Mapping[int, Assigned], served: Served, charter: Charter) -> _Summing:
        valued = valuation(charter.value, charter.data)
        paid, missing = served.payoffs, charter.release.missing_outcome
        if missing is not None:
            told = [missing if one is None else one for one in served.outcomes]
            instead = realised_payoffs(valued, served.records, told)
            paid = np.where(np.isnan(paid), instead, paid)
        bounds, most = valued.bounds(), charter.release.unit.most
        return cls(assigned, paid.tolist(), bounds, unit_bounds(bounds, most), most)

    def unit(self, places: Sequence[int], due: datetime) -> Unit:
        """Return the unit of the decisions at some places, in order of time."""
        first, (low, high) = self.assigned[places[0]], self.bounds
        least = most = 0.0
        for number, place in enumerate(places[: self.most]):
            if self.assigned[place].challenger != first.challenger:
                rest = self.most - number
                least, most = least + min(0.0, rest * low), most + max(0.0, rest * high)
                break
            paid = self.payoffs[place]
            unknown = isnan(paid)
            least += low if unknown else paid
            most += high if unknown else paid
        floor, top = self.together  # sums round
        return Unit(first.challenger, first.share, max(least, floor), min(most, top), due)
