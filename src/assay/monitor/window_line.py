"""All windows of a model in order of time, and which of their cases are past the label delay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.monitor.windows import Window, counted_window, numbered_window
from assay.ports.served_windows import Part, ServedWindows

__all__ = ["WindowLine"]


class WindowLine:
    """The windows in order of time, and which of their cases are past their label delay."""

    def __init__(self, charter: Charter, parts: Mapping[int, Part], now: datetime | None) -> None:
        self.parts, self._charter, self._now = parts, charter, now
        self._delay = label_delay(charter)
        self._total = sum(one.n for one in parts.values())
        self._offsets = dict(
            zip(parts, np.cumsum([0, *(one.n for one in parts.values())]), strict=False)
        )

    def window(self, number: int) -> Window:
        """Return a window's name, bounds and whether it is over."""
        part, span = self.parts[number], self._charter.monitoring.window
        rows = np.arange(part.n)
        if span.unit == "row":
            ends = (one.replace(tzinfo=UTC) for one in (part.first, part.last))
            return counted_window(
                number, rows, span.count, **dict(zip(("start", "end"), ends, strict=True))
            )
        zone, newest = self._charter.monitoring.time_zone, number == max(self.parts)
        return numbered_window(number, rows, span, zone, self._now, newest=newest)

    def ripe(self, number: int, times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Return of which of a window's cases, made at `times`, the label delay is over."""
        if not self._delay:
            return np.ones(len(times), dtype=np.bool_)
        if isinstance(self._delay, timedelta):
            return np.asarray(times + np.timedelta64(self._delay) <= self._moment)
        places = np.arange(len(times)) + self._offsets[number]
        return np.asarray(places + self._delay < self._total)

    def how_ripe(self, number: int, kept: ServedWindows) -> int:
        """Return how many those are, reading the window only where it is some of them."""
        part = self.parts[number]
        if not self._delay:
            return part.n
        if isinstance(self._delay, timedelta):
            ends = np.array([part.first, part.last], dtype="datetime64[us]")
            first, last = self.ripe(number, ends).tolist()
            if first == last:
                return part.n if first else 0
            return int(self.ripe(number, kept.read(number, ["at"])["at"].to_numpy()).sum())
        left = self._total - self._delay - int(self._offsets[number])
        return max(0, min(part.n, left))

    @cached_property
    def _moment(self) -> np.datetime64:
        if self._now is not None:
            return np.datetime64(self._now.astimezone(UTC).replace(tzinfo=None))
        return np.datetime64(max(one.last for one in self.parts.values()))
