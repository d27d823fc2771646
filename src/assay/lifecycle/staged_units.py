"""Which units a staged release is decided on: the new version's, where it serves.

Stages are regions or other parts of a fleet, that somebody chose: chance did not deal out who is
where, so that comparing one part with another tells regions apart and not versions. What chance did
deal out is the control share: within the parts that the new version serves, its entities and those
of the control differ by chance alone, and their difference is its uplift over the baseline. Where
the charter keeps no control, value is not told, and guardrails alone decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import isclose
from typing import Any

from assay.charter.charter import Charter
from assay.evidence.states import CONTROL_ARM, ReleaseState
from assay.lifecycle.canary_units import Assigned, Unit, matured_units
from assay.lifecycle.posting import Served
from assay.lifecycle.release_course import belongs, steps_of

__all__ = ["against_control", "first_served", "served_by_new"]

Record = Mapping[str, Any]

_ARMS = ("champion", "challenger", CONTROL_ARM)


def served_by_new(served: Served, state: ReleaseState) -> Iterator[tuple[int, Record]]:
    """Yield the records of the running staged release's version, with their places.

    Those of the control are among them; rows whose version the caller chose are not.
    """
    steps, challenger = steps_of(state), state.challenger
    if not steps or challenger is None:
        return
    for place, record in enumerate(served.records):
        own = record["version"] == challenger.version and record["arm"] in _ARMS
        if own and belongs(record, steps):
            yield place, record


def first_served(records: Iterable[Record]) -> list[tuple[datetime, bool]]:
    """Return when each unit was first decided by the new version; none of them lacks a copy."""
    first: dict[str, datetime] = {}
    for record in records:
        if record["arm"] != CONTROL_ARM:
            unit = str(record.get("entity") or record["id"])
            first.setdefault(unit, datetime.fromisoformat(record["at"]))
    return [(at, False) for at in first.values()]


def against_control(
    served: Served, state: ReleaseState, charter: Charter, now: datetime
) -> tuple[Unit, ...]:
    """Return the matured units of the new version's parts, beside those of the control there.

    Those that were assigned under another control share than the charter's are left out.
    """
    share = charter.release.control_share
    assigned = {
        place: Assigned(record["arm"] != CONTROL_ARM, 1.0 - share)
        for place, record in served_by_new(served, state)
        if isclose(record.get("control_share") or 0.0, share, abs_tol=1e-12)
    }
    return matured_units(assigned, served, charter, now)
