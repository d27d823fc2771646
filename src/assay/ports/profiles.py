"""Where profiles of windows are kept, and what was read from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Profiles", "WindowKey"]


@dataclass(frozen=True, order=True)
class WindowKey:
    """Whose profile it is: one bundle of one version, on one arm, in one window (by number)."""

    window: int
    arm: str
    version: int
    bundle: str


class Profiles(Protocol):
    """One model's profiles by window, with the reading of each; and notes beside them."""

    def readings(self) -> Mapping[WindowKey, bytes]:
        """Return what was last read from each profile, in order of the keys."""
        ...

    def profile(self, key: WindowKey) -> bytes | None:
        """Return a profile as it was put; None where there is none."""
        ...

    def put(self, readings: Mapping[WindowKey, tuple[bytes, bytes]]) -> None:
        """Keep (profile, reading) of some windows durably in place of older ones, all or none."""
        ...

    def drop(self, keys: Collection[WindowKey]) -> None:
        """Forget some windows; keys that are not there are no matter."""
        ...

    def note(self, name: str) -> bytes | None:
        """Return what was noted under a name; None where nothing was."""
        ...

    def write_note(self, name: str, content: bytes) -> None:
        """Note something durably, in place of what was noted under that name."""
        ...
