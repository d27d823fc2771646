"""Where a workspace's ledger lies: in a file of its own, or in the database that a file names."""

from __future__ import annotations

from pathlib import Path

from assay.errors import StoreError

__all__ = ["ADDRESS", "OWN_LEDGER", "address_of"]

ADDRESS = "ledger.url"
"""The file that names the database that it was moved to."""

OWN_LEDGER = "ledger.sqlite"


def address_of(state: Path) -> str | None:
    """Return the address of the database that a workspace's ledger is in; None for its own."""
    try:
        return (state / ADDRESS).read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{state / ADDRESS} cannot be read: {error}. Mend the disk.") from error
