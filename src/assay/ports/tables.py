"""Where tables come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Tables"]


class Tables(Protocol):
    """Reads tables from files."""

    def read(self, path: Path) -> pl.DataFrame:
        """Return a whole table; raise DataError where missing, empty, cut short or no table."""
        ...
