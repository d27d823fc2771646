"""What a server beside a workspace heard of the gateways."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.evidence.folds import ReleaseState
    from assay.lifecycle.fleet_waits import Awaited

__all__ = ["awaited_beside"]


def awaited_beside(folder: Path, state: ReleaseState, now: datetime) -> Awaited:
    """Return which gateways a flip waits for, of those that a server with tables in `folder` heard.

    None of them where no server keeps its tables there.
    """
    from assay.adapters.ledger_address import address_of
    from assay.adapters.sql_server_store import SERVER_FILE, server_store_of
    from assay.lifecycle.fleet_waits import Awaited, awaited

    if address_of(folder) is None and not (folder / SERVER_FILE).exists():
        return Awaited((), now)
    store = server_store_of(folder, None)
    try:
        return awaited(state, store.fleet(), store.agents(), now)
    finally:
        store.close()
