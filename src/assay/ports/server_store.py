"""What a server keeps beside the ledger: tokens, what agents told, and the fleet's revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["Followed", "Row", "Seen", "ServerStore", "Table", "Token", "Told"]


@dataclass(frozen=True)
class Token:
    """A key to the interface: its SHA-256, what it may do, and whose it is ("" for a machine)."""

    name: str
    digest: str
    scopes: tuple[str, ...]
    person: str
    made_at: datetime


@dataclass(frozen=True)
class Told:
    """What an agent tells: the revision that it has taken over, and how it is."""

    agent: str
    environment: str
    labels: str
    revision: int
    health: str
    note: str


@dataclass(frozen=True)
class Seen:
    """What an agent told last, and when it was heard of last."""

    told: Told
    at: datetime


@dataclass(frozen=True)
class Followed:
    """A model's desired state in an environment as it was found: its revision and its document."""

    revision: int
    document: bytes


@dataclass(frozen=True)
class Row:
    """One model in one environment, and the fleet's revision at which it changed last.

    `document` is None where the model is gone.
    """

    environment: str
    model: str
    changed: int
    revision: int
    document: bytes | None


@dataclass(frozen=True)
class Table:
    """Every desired state that agents follow, at a revision that only grows."""

    revision: int
    rows: tuple[Row, ...]


class ServerStore(Protocol):
    """Durable tables of one control plane, shared by all of its servers."""

    def add_token(self, token: Token) -> None:
        """Keep a token; InputError where there is one of its name."""
        ...

    def remove_token(self, name: str) -> bool:
        """Let a token open nothing any more; False where there is none of that name."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """Return every token, by name."""
        ...

    def acknowledge(self, seen: Sequence[Seen]) -> None:
        """Keep what agents told, in one durable transaction; of one agent the latest stays."""
        ...

    def agents(self) -> tuple[Seen, ...]:
        """Return what each agent told last, by name."""
        ...

    def forget_agent(self, agent: str) -> bool:
        """Remove an agent that is no more; False where it is not known."""
        ...

    def fleet_revision(self) -> int:
        """Return the fleet's revision; 0 where nothing was ever followed."""
        ...

    def fleet(self) -> Table:
        """Return every row, those of models that are gone too."""
        ...

    def follow(
        self, found: Mapping[tuple[str, str], Followed], gone: Sequence[tuple[str, str]] = ()
    ) -> Table:
        """Take in what was found of (environment, model), and return the table after it.

        All that differs gets one new revision, in one transaction. What has an older revision than
        the row changes nothing; so does what is the same.
        """
        ...

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        ...
