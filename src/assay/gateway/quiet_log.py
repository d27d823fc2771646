"""Log lines that say the same again and again, cut to a few with the number of those left out."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

__all__ = ["Quieted"]

_LOUD = frozenset({"warning", "error", "critical"})


class Quieted:
    """A structlog processor: of warnings and errors with one text, `most` in `seconds` pass.

    The first line of the next stretch says how many were left out (`left_out`).

    >>> quieted = Quieted(most=1, seconds=10, clock=iter([0.0, 1.0, 2.0, 11.0]).__next__)
    >>> def said() -> object:
    ...     try:
    ...         return quieted(None, "error", {"event": "no disk"})
    ...     except structlog.DropEvent:
    ...         return "left out"
    >>> [said() for _ in range(4)][1:]
    ['left out', 'left out', {'event': 'no disk', 'left_out': 2}]
    """

    def __init__(
        self, most: int = 10, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lines: dict[str, tuple[float, int]] = {}

    def __call__(
        self, _: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Let a line pass, or drop it."""
        if method not in _LOUD:
            return event
        text, now = str(event.get("event")), self._clock()
        since, count = self._lines.get(text, (now, 0))
        if now - since >= self._seconds:
            if count > self._most:
                event["left_out"] = count - self._most
            since, count = now, 0
        self._lines[text] = (since, count + 1)
        if count >= self._most:
            raise structlog.DropEvent
        return event
