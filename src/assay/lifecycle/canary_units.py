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

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.delay import label_delay, rows_or_time
from assay.evidence.folds import ReleaseState, ReleaseStep
from assay.lifecycle.payoffs import realised_payoffs
from assay.lifecycle.posting import Served
from assay.value.valuation import valuation

__all__ = ["Unit", "unit_bounds", "units_of"]

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Unit:
    """One unit of a running canary: its arm, its share when assigned, and what it paid.

    `least` and `most` differ where part of what it paid is not known, though its time is over.
    """

    challenger: bool
    share: float
    least: float
    most: float


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
    starts = [place for place, step in enumerate(state.history) if step.what == "started"]
    if not starts or state.challenger is None:
        return ()
    arms, steps = (state.against, "challenger"), state.history[starts[-1] :]
    groups: dict[str, list[int]] = {}
    shares: dict[str, float] = {}
    for place, record in enumerate(served.records):
        share = _share(record, steps)
        if share <= 0 or record["arm"] not in arms:
            continue
        unit = str(record.get("entity") or record["id"])
        shares.setdefault(unit, share)
        groups.setdefault(unit, []).append(place)
    clock = _Clock.of(served.records, charter, now)
    summing = _Summing.of(served, charter)
    return tuple(
        summing.unit([place for place in places if place <= last], shares[unit])
        for unit, places in groups.items()
        if (last := clock.over(places[0])) is not None
    )


def _share(record: Record, steps: Sequence[ReleaseStep]) -> float:
    """Return the challenger's share under which a record was assigned; 0 before the release.

    A record without a revision, which an earlier gateway wrote, is placed by its time.
    """
    revision = record.get("revision")
    if revision is not None:
        return float(record["weight"]) if revision >= steps[0].revision else 0.0
    at = datetime.fromisoformat(record["at"])
    return ([0.0] + [step.weight for step in steps if step.at <= at])[-1]


@dataclass(frozen=True)
class _Clock:
    """When a unit's horizon and label delay are over; spans in rows count the rows served."""

    times: Sequence[datetime]
    horizon: int | timedelta
    delay: int | timedelta
    now: datetime

    @classmethod
    def of(cls, records: Sequence[Record], charter: Charter, now: datetime) -> _Clock:
        times = [datetime.fromisoformat(record["at"]) for record in records]
        horizon = rows_or_time(charter.release.unit.horizon, charter)
        return cls(times, horizon, label_delay(charter), now)

    def over(self, first: int) -> int | None:
        """Return the last row in the horizon of a unit assigned at row `first`.

        None while its time is not over.
        """
        last = self._last(first)
        if last is None:
            return None
        if isinstance(self.delay, timedelta):
            return last if self._end(first, last) + self.delay <= self.now else None
        return last if last + self.delay < len(self.times) else None

    def _last(self, first: int) -> int | None:
        """Return the last row in the horizon; None while more could come."""
        if isinstance(self.horizon, int):
            last = first + self.horizon
            return last if last < len(self.times) else None
        end = self.times[first] + self.horizon
        return bisect_right(self.times, end) - 1 if end <= self.now else None

    def _end(self, first: int, last: int) -> datetime:
        """Return when the horizon is over."""
        over = self.times[first] + self.horizon if isinstance(self.horizon, timedelta) else None
        return over or self.times[last]


@dataclass(frozen=True)
class _Summing:
    """What the first decisions of a unit paid together, at the least and at the most."""

    arms: Sequence[str]
    payoffs: NDArray[np.float64]
    bounds: tuple[float, float]
    most: int

    @classmethod
    def of(cls, served: Served, charter: Charter) -> _Summing:
        valued = valuation(charter.value, charter.data)
        paid, missing = served.payoffs, charter.release.missing_outcome
        if missing is not None:
            told = [missing if one is None else one for one in served.outcomes]
            instead = realised_payoffs(valued, served.records, told)
            paid = np.where(np.isnan(paid), instead, paid)
        arms = [record["arm"] for record in served.records]
        return cls(arms, paid, valued.bounds(), charter.release.unit.most)

    def unit(self, places: Sequence[int], share: float) -> Unit:
        """Return the unit of the decisions at some places, in order of time."""
        arm, (low, high) = self.arms[places[0]], self.bounds
        least = most = 0.0
        for number, place in enumerate(places[: self.most]):
            if self.arms[place] != arm:
                rest = self.most - number
                least, most = least + min(0.0, rest * low), most + max(0.0, rest * high)
                break
            paid = float(self.payoffs[place])
            least += low if np.isnan(paid) else paid
            most += high if np.isnan(paid) else paid
        floor, top = unit_bounds(self.bounds, self.most)  # sums round
        return Unit(arm == "challenger", share, max(least, floor), min(most, top))
