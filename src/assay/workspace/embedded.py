"""The ports that need no server: everything in one directory, each opened when it is first used."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assay.adapters.environment_folder import environment_folder
from assay.charter.environments import PRODUCTION
from assay.errors import StoreError
from assay.ports.ports import Ports

if TYPE_CHECKING:
    from assay.adapters.parquet_outcomes import Sift
    from assay.ports.blobs import Blobs
    from assay.ports.captures import CaptureLog
    from assay.ports.clock import Clock
    from assay.ports.desired import DesiredStore
    from assay.ports.ledger import Ledger
    from assay.ports.outbox import Outbox
    from assay.ports.outcomes import Outcomes
    from assay.ports.profiles import Profiles
    from assay.ports.served_windows import ServedWindows
    from assay.ports.tables import Tables

__all__ = ["embedded"]


def embedded(
    state: Path,
    environment: str = PRODUCTION,
    *,
    ledger: Ledger | None = None,
    sift: Sift | None = None,
) -> Ports:
    """Return the ports of a directory, which is made where it is missing.

    `ledger.sqlite` with `ledger.head`, `outbox.sqlite`, `blobs/`, `captures/`, `outcomes/` and
    `desired.json` lie in it; the gateway reads the last three by the same names. So does
    `monitor/`, which can be removed: it is made anew from captures and outcomes. The key in `keys/`
    signs what is published, in every environment. Another environment than production has
    captures, desired state and `monitor/` of its own under `environments/<name>/`. The ledger is
    the one that is given, or that of the workspace, which may have been moved to a database. `sift`
    reads the outcomes that gateways were told; without it they stay in their inbox. Raises
    StoreError where it cannot be made; an adapter raises it later, where it cannot be opened.
    """
    own = environment_folder(state, environment)
    try:
        state.mkdir(exist_ok=True)
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {state} cannot be made: {error}.") from error
    return _Embedded.of(state, own, ledger, sift)


class _Embedded(Ports):
    """Imports and opens each adapter when it is first asked for: a roll back waits for few.

    Several threads may ask; an adapter is opened once.
    """

    _state: Path
    _own: Path
    _given: Ledger | None
    _sift: Sift | None

    @classmethod
    def of(cls, state: Path, own: Path, ledger: Ledger | None, sift: Sift | None) -> _Embedded:
        """Return ports with nothing opened yet; the constructor takes what is open."""
        ports = cls.__new__(cls)
        ports.__dict__.update(_state=state, _own=own, _given=ledger, _sift=sift)  # it is frozen
        return ports

    @cached_property
    def ledger(self) -> Ledger:
        """The history of everything that was decided."""
        from assay.adapters.ledger_address import OWN_LEDGER, address_of

        if self._given is not None:
            return self._given
        if address_of(self._state) is None:
            from assay.adapters.sqlite_ledger import open_ledger

            return open_ledger(self._state / OWN_LEDGER)
        from assay.adapters.ledger_place import ledger_of

        return ledger_of(self._state)

    @cached_property
    def blobs(self) -> Blobs:
        """Bundles and other files by their digest."""
        import fsspec

        from assay.adapters.fsspec_blobs import FsspecBlobs

        return FsspecBlobs(fsspec.filesystem("file"), str((self._state / "blobs").resolve()))

    @cached_property
    def captures(self) -> CaptureLog:
        """What was answered."""
        from assay.adapters.lake_captures import LakeCaptures

        return LakeCaptures(self._own / "captures")

    @cached_property
    def outcomes(self) -> Outcomes:
        """What really happened."""
        from assay.adapters.parquet_outcomes import ParquetOutcomes

        return ParquetOutcomes(self._state / "outcomes", self._sift)

    @cached_property
    def desired(self) -> DesiredStore:
        """What gateways follow."""
        from assay.adapters.file_desired import FileDesired
        from assay.adapters.release_key import ReleaseKey, folder_of_keys

        return FileDesired(self._own / "desired.json", ReleaseKey(folder_of_keys(self._state)))

    @cached_property
    def tables(self) -> Tables:
        """Tables in files."""
        from assay.adapters.polars_tables import PolarsTables

        return PolarsTables()

    @cached_property
    def clock(self) -> Clock:
        """The time."""
        from assay.adapters.system_clock import SystemClock

        return SystemClock()

    @cached_property
    def outbox(self) -> Outbox:
        """Messages that wait to be sent."""
        from assay.adapters.sqlite_outbox import SqliteOutbox

        return SqliteOutbox(self._state / "outbox.sqlite")

    @cached_property
    def windows(self) -> ServedWindows:
        """Windows that were monitored."""
        from assay.adapters.parquet_windows import ParquetWindows

        return ParquetWindows(self._own / "monitor" / "windows")

    @cached_property
    def profiles(self) -> Profiles:
        """What was measured of each window."""
        from assay.adapters.sqlite_profiles import SqliteProfiles

        return SqliteProfiles(self._own / "monitor" / "profiles.sqlite")
