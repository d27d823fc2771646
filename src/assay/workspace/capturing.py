"""Captures of what was served: brought into the lake, verified, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.workspace.root import STATE
from assay.workspace.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from assay.adapters.capture_damage import Damage
    from assay.adapters.captures_kept import Kept, Verified
    from assay.adapters.lake_rotation import Rotated

__all__ = ["Capturing"]

_SHOWN = 10


class Capturing(Sources):
    """The log that gateways write, and the lake that it goes over into."""

    def rotate_captures(self) -> Rotated:
        """Bring every closed log of captures into Parquet; cheap where none is closed."""
        from assay.adapters.lake_rotation import rotate

        return rotate(self._captures_folder())

    def captures_kept(self) -> Kept:
        """Return how much is in logs and how much in the lake."""
        from assay.adapters.captures_kept import captures_kept

        return captures_kept(self._captures_folder())

    def verify_captures(self) -> Verified:
        """Read all captures; StoreError names all that is damaged, and how to go on."""
        from assay.adapters.capture_damage import damages
        from assay.adapters.captures_kept import verify_captures
        from assay.errors import StoreError

        folder = self._captures_folder()
        try:
            return verify_captures(folder)
        except StoreError as error:
            found = damages(folder)
            if not found:
                raise
            told = "; ".join(map(str, found[:_SHOWN])) + ("; …" if len(found) > _SHOWN else "")
            raise StoreError(
                f"A part of the captures under {folder} does not match its checksum, or does not "
                f"read ({len(found)} in all): {told}. Restore these files from a copy. Without "
                "one, `assay captures verify --set-aside` keeps them as they are in `damaged/`, "
                "counts what they held as lost, and lets all others be read."
            ) from error

    def set_captures_aside(self) -> list[Damage]:
        """Set what is damaged of the captures aside, so that all others read; return what was."""
        from assay.adapters.capture_damage import set_aside

        return set_aside(self._captures_folder(), self.charter.name)

    def _captures_folder(self) -> Path:
        from assay.adapters.environment_folder import environment_folder

        return environment_folder(self.directory / STATE, self.charter.environment) / "captures"
