"""Which gateways a flip waits for, of those that a server hears."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from assay.evidence.folds import ReleaseState
from assay.ports.server_store import Seen, Table

__all__ = ["SILENT", "flip_waits", "is_silent"]

SILENT = timedelta(minutes=2)
"""Two holds of a watch, and some more: an agent with no word for so long is not waited for."""

_NAMED = 3


def is_silent(one: Seen, now: datetime, listening: datetime | None = None) -> bool:
    """Whether an agent gave no word for so long that nobody waits for it.

    While a server was not yet `listening` for that time, silence means nothing.
    """
    return max(one.at, listening or one.at) < now - SILENT


def flip_waits(
    state: ReleaseState,
    table: Table,
    agents: Sequence[Seen],
    now: datetime,
    listening: datetime | None = None,
) -> str:
    """Say what a flip waits for; empty where nothing.

    Every agent of the environment that is not silent must have taken over what the release waits to
    flip to, and be well. Silent ones load it before they answer again, and so do gateways that
    follow a file: neither is waited for. `table` is what agents are told, `listening` since when a
    server hears them.
    """
    there = [
        one
        for one in agents
        if one.told.environment == state.environment and not is_silent(one, now, listening)
    ]
    if not there:
        return ""
    place = state.environment, state.model
    row = next((one for one in table.rows if (one.environment, one.model) == place), None)
    began = max((one.revision for one in state.history if one.what == "started"), default=0)
    if row is None or row.document is None or row.revision < began:
        return "It waits until a server has told the gateways of it."
    late = [one for one in there if one.told.revision < row.changed or one.told.health != "ok"]
    return _words(late, now) if late else ""


def _words(late: Sequence[Seen], now: datetime) -> str:
    named = [
        f"{one.told.agent}, last heard {max(0, round((now - one.at).total_seconds()))} s ago"
        + (f", which failed: {one.told.note or 'no reason given'}" * (one.told.health != "ok"))
        for one in late[:_NAMED]
    ]
    more = f"; and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    return f"It waits for agent{'s' if len(late) > 1 else ''} {'; '.join(named)}{more}."
