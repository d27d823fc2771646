"""Which units a running shadow is decided on: entities, whose cases both versions decided.

A case is a pair where the other arm answered it by its own policy and the challenger scored a copy
of it: the record of the shadow has the same prediction id. Rows of the control, and those that
chance decided (exploration), are left out on both sides alike: they were picked without regard to
the case, so that the rest is a fair sample. A copy that a gateway dropped is not left out, for it
was not dropped by chance: the case stays, and what the challenger would have decided counts against
each claim. Which entities were to be copied is known from the release's salt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.evidence.states import ReleaseState
from assay.lifecycle.paired_payoffs import paired_differences
from assay.lifecycle.posting import Served
from assay.lifecycle.release_course import belongs, copied, steps_of
from assay.lifecycle.unit_clock import UnitClock
from assay.value.valuation import valuation

__all__ = ["Pair", "PairedUnit", "first_pairs", "paired_units", "pairs_of"]

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A case that the other arm answered, its place among those served, and the copy's record."""

    place: int
    unit: str
    record: Record
    copy: Record | None


@dataclass(frozen=True)
class PairedUnit:
    """What one unit says of the difference at the least and at the most, and when it was due.

    `missing` says that a copy of one of its cases is not there.
    """

    least: float
    most: float
    missing: bool
    due: datetime


def pairs_of(
    served: Served, shadows: Sequence[Record], state: ReleaseState, charter: Charter
) -> tuple[Pair, ...]:
    """Return the cases of the running shadow, in order of time."""
    steps, challenger = steps_of(state), state.challenger
    if not steps or challenger is None:
        return ()
    own = {str(one["id"]): one for one in shadows if one["version"] == challenger.version}
    share = charter.release.shadow_share
    found = []
    for place, record in enumerate(served.records):
        unit = str(record.get("entity") or record["id"])
        if record["arm"] != state.against or not belongs(record, steps):
            continue
        if copied(state.salt, share, unit):
            found.append(Pair(place, unit, record, own.get(str(record["id"]))))
    return tuple(found)


def first_pairs(pairs: Sequence[Pair]) -> list[tuple[datetime, bool]]:
    """Return when each unit was first decided, and whether its first copy is missing."""
    first: dict[str, Pair] = {}
    for pair in pairs:
        first.setdefault(pair.unit, pair)
    return [
        (datetime.fromisoformat(pair.record["at"]), pair.copy is None) for pair in first.values()
    ]


def paired_units(
    pairs: Sequence[Pair],
    served: Served,
    charter: Charter,
    bounds: tuple[float, float],
    now: datetime,
) -> Iterator[PairedUnit]:
    """Yield the matured units in order of assignment; what each says lies within `bounds`.

    A unit that chance decided altogether says nothing.
    """
    least, most = _differences(pairs, served, charter)
    clock = UnitClock.of(served.records, charter, now)
    groups: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        groups.setdefault(pair.unit, []).append(number)
    for numbers in groups.values():
        over = clock.over(pairs[numbers[0]].place)
        if over is None:
            continue
        within = [number for number in numbers if pairs[number].place <= over.last]
        counted = within[: charter.release.unit.most]
        kept = [number for number in counted if not pairs[number].record.get("explored")]
        if kept:
            low, high = (float(np.clip(end[kept].sum(), *bounds)) for end in (least, most))
            missing = any(pairs[number].copy is None for number in kept)
            yield PairedUnit(low, high, missing, over.at)


def _differences(
    pairs: Sequence[Pair], served: Served, charter: Charter
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each pair says; a missing outcome is what the charter says it was."""
    missing = charter.release.missing_outcome
    told = [served.outcomes[pair.place] for pair in pairs]
    return paired_differences(
        valuation(charter.value, charter.data),
        [pair.record for pair in pairs],
        [pair.copy for pair in pairs],
        [missing if one is None else one for one in told],
    )
