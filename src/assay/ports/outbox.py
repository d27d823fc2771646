"""What is known of each message to each channel: sent, waiting to be tried again, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

__all__ = ["ChannelState", "Outbox", "Receipt"]


@dataclass(frozen=True)
class Receipt:
    """What came of sending one message to one channel.

    `delivered`: the receiver acknowledged it at `at`. `failing`: it did not, `attempts` times by
    now, and is asked again at `due`. `refused`: it will not have it; a person has to look.
    """

    status: Literal["delivered", "failing", "refused"]
    attempts: int
    at: datetime
    due: datetime | None = None
    error: str = ""


@dataclass(frozen=True)
class ChannelState:
    """How often in a row a channel failed, and when it is tried again.

    `since` is the ledger's last entry on alerts when the channel was first used: what was over by
    then is not said there.
    """

    since: int
    failures: int = 0
    due: datetime | None = None


class Outbox(Protocol):
    """Receipts that outlive the process; what is to be sent is not in here, but in the ledger."""

    def sending(self) -> AbstractContextManager[bool]:
        """Give True to one process at a time, False to others; a killed one holds nothing."""
        ...

    def receipts(self, channel: str) -> Mapping[str, Receipt]:
        """Return the receipts of a channel by message id; none where it is not known."""
        ...

    def record(self, channel: str, message: str, receipt: Receipt) -> None:
        """Replace a message's receipt durably; StoreError where that fails."""
        ...

    def channel(self, channel: str) -> ChannelState | None:
        """Return how a channel stands; None where it was never used."""
        ...

    def keep(self, channel: str, state: ChannelState) -> None:
        """Replace how a channel stands, durably; StoreError where that fails."""
        ...
