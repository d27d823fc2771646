"""Where a gateway learns what it is to serve."""

from __future__ import annotations

from typing import Protocol

from assay.deploy.fleet_state import FleetState
from assay.ports.blobs import Blobs

__all__ = ["DesiredSource"]


class DesiredSource(Protocol):
    """Tells a gateway the desired states of all its models, and where their bundles lie."""

    @property
    def failures(self) -> int:
        """How often a state was told that does not read; it was complained of in the log."""
        ...

    def changed(self, seconds: float) -> FleetState | None:
        """Wait until something changed, at most so long; None where nothing did.

        What is told is always the whole state. The first call tells it at once. A model of which
        nothing can be read now is told as it was last read: its gateway serves on.
        """
        ...

    def blobs_of(self, model: str) -> Blobs:
        """Return where the bundles of a model lie that `changed` has told of."""
        ...

    def took(self, revision: int, *, whole: bool) -> None:
        """Hear that what was told at a revision was taken up, and whether all of it is served."""
        ...

    def stop(self) -> None:
        """Look no more; a second call does nothing."""
        ...
