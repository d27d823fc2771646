"""Profiles in memory, for tests and for monitoring without a trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from assay.ports.profiles import WindowKey

__all__ = ["MemoryProfiles"]


class MemoryProfiles:
    """Profiles that live as long as the process.

    >>> MemoryProfiles().readings()
    {}
    """

    def __init__(self) -> None:
        self._held: dict[WindowKey, tuple[bytes, bytes]] = {}
        self._notes: dict[str, bytes] = {}

    def readings(self) -> Mapping[WindowKey, bytes]:
        """Return each profile's reading."""
        return {key: reading for key, (_, reading) in sorted(self._held.items())}

    def profile(self, key: WindowKey) -> bytes | None:
        """Return a profile."""
        held = self._held.get(key)
        return None if held is None else held[0]

    def put(self, readings: Mapping[WindowKey, tuple[bytes, bytes]]) -> None:
        """Keep profiles and readings."""
        self._held.update(readings)

    def drop(self, keys: Collection[WindowKey]) -> None:
        """Forget windows."""
        for key in keys:
            self._held.pop(key, None)

    def note(self, name: str) -> bytes | None:
        """Return a note."""
        return self._notes.get(name)

    def write_note(self, name: str, content: bytes) -> None:
        """Note something."""
        self._notes[name] = content
