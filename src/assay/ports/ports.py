"""Everything that a workspace asks of the world, together."""

from __future__ import annotations

from dataclasses import dataclass

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

__all__ = ["Ports"]


@dataclass(frozen=True)
class Ports:
    """One adapter for each port."""

    ledger: Ledger
    blobs: Blobs
    captures: CaptureLog
    outcomes: Outcomes
    desired: DesiredStore
    tables: Tables
    clock: Clock
    outbox: Outbox
    windows: ServedWindows
    profiles: Profiles
