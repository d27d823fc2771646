"""An outbox in memory: for tests, and for models that live no longer than the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from assay.ports.outbox import ChannelState, Receipt

__all__ = ["MemoryOutbox"]


class MemoryOutbox:
    """Keeps receipts in dictionaries."""

    def __init__(self) -> None:
        self._receipts: dict[str, dict[str, Receipt]] = {}
        self._channels: dict[str, ChannelState] = {}
        self._busy = False

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Give True to one caller at a time, False to others."""
        mine = not self._busy
        self._busy = True
        try:
            yield mine
        finally:
            self._busy = not mine

    def receipts(self, channel: str) -> Mapping[str, Receipt]:
        """Return the receipts of a channel by message id; none where it is not known."""
        return dict(self._receipts.get(channel, {}))

    def record(self, channel: str, message: str, receipt: Receipt) -> None:
        """Replace a message's receipt."""
        self._receipts.setdefault(channel, {})[message] = receipt

    def channel(self, channel: str) -> ChannelState | None:
        """Return how a channel stands; None where it was never used."""
        return self._channels.get(channel)

    def keep(self, channel: str, state: ChannelState) -> None:
        """Replace how a channel stands."""
        self._channels[channel] = state
