"""Who of several servers acts."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Election"]


class Election(Protocol):
    """At most one process leads at a time; one that dies lets go by itself."""

    def leads(self) -> bool:
        """Whether this process leads now; it takes the lead where nobody has it."""
        ...

    def resign(self) -> None:
        """Let go of the lead; a second call does nothing."""
        ...
