"""A receiver in memory, and one that is shut."""

from __future__ import annotations

from collections.abc import Iterable

from assay.errors import ReceiverDown
from assay.ports.alert_channel import Message

__all__ = ["MemoryChannel", "ShutChannel"]


class MemoryChannel:
    """Keeps what it takes; `failures` are raised first, one for each message that comes."""

    def __init__(self, failures: Iterable[Exception] = (), *, forgets: bool = False) -> None:
        self.forgets = forgets
        self.taken: list[Message] = []
        self._failures = list(failures)

    def send(self, message: Message) -> None:
        """Take the message, or raise the next failure."""
        if self._failures:
            raise self._failures.pop(0)
        self.taken.append(message)


class ShutChannel:
    """Takes nothing, and says why: a channel whose address or library is not there yet."""

    forgets = False

    def __init__(self, why: str) -> None:
        self._why = why

    def send(self, message: Message) -> None:  # noqa: ARG002
        """Raise ReceiverDown: the message waits until the channel can be opened."""
        raise ReceiverDown(self._why)
