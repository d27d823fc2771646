"""Captures of what was served: brought into the lake, verified, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.workspace.root import STATE
from assay.workspace.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from assay.adapters.captures_kept import Kept, Verified
    from assay.adapters.lake_rotation import Rotated

__all__ = ["Capturing"]


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
        """Read all captures; StoreError names what is damaged."""
        from assay.adapters.captures_kept import verify_captures

        return verify_captures(self._captures_folder())

    def _captures_folder(self) -> Path:
        from assay.adapters.environment_folder import environment_folder

        return environment_folder(self.directory / STATE, self.charter.environment) / "captures"
