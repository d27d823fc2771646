"""Which gateways a flip waits for, of those that a server hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.evidence.folds import ReleaseState
from assay.ports.server_store import Seen, Table

__all__ = ["SILENT", "Awaited", "awaited", "is_silent"]

SILENT = timedelta(minutes=2)
"""Two holds of a watch, and some more: an agent with no word for so long is not waited for."""

_NAMED = 3


@dataclass(frozen=True)
class Awaited:
    """The agents that a flip waits for at a moment, none where it waits for nobody.

    `told` is whether a server has told gateways yet of what is to be flipped to.
    """

    agents: tuple[Seen, ...]
    at: datetime
    told: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The agents' names."""
        return tuple(one.told.agent for one in self.agents)

    def __str__(self) -> str:
        """Say it in one sentence; empty where nobody is waited for."""
        if not self.agents:
            return ""
        named = [self._one(one) for one in self.agents[:_NAMED]]
        more = len(self.agents) - _NAMED
        many = "s" if len(self.agents) > 1 else ""
        said = f"agent{many} {'; '.join(named)}{f'; and {more} more' if more > 0 else ''}"
        return f"It waits {f'for {said}' if self.told else f'until a server has told {said}'}."

    def _one(self, one: Seen) -> str:
        heard = max(0, round((self.at - one.at).total_seconds()))
        failed = f", which failed: {one.told.note or 'no reason given'}"
        bad = self.told and one.told.health != "ok"
        return f"{one.told.agent}, last heard {heard} s ago{failed if bad else ''}"


def is_silent(one: Seen, now: datetime, listening: datetime | None = None) -> bool:
    """Whether an agent gave no word for so long that nobody waits for it.

    While a server was not yet `listening` for that time, silence means nothing.
    """
    return max(one.at, listening or one.at) < now - SILENT


def awaited(
    state: ReleaseState,
    table: Table,
    agents: Sequence[Seen],
    now: datetime,
    listening: datetime | None = None,
) -> Awaited:
    """Return what a flip waits for.

    Every agent of the environment that is not silent must have taken over what the release waits to
    flip to, and be well. Silent ones load it before they answer again, and so do gateways that
    follow a file: neither is waited for. `table` is what agents are told, `listening` since when a
    server hears them.
    """
    there = tuple(
        one
        for one in agents
        if one.told.environment == state.environment and not is_silent(one, now, listening)
    )
    place = state.environment, state.model
    row = next((one for one in table.rows if (one.environment, one.model) == place), None)
    began = max((one.revision for one in state.history if one.what == "started"), default=0)
    if row is None or row.document is None or row.revision < began:
        return Awaited(there, now, told=False)
    late = (one for one in there if one.told.revision < row.changed or one.told.health != "ok")
    return Awaited(tuple(late), now)
