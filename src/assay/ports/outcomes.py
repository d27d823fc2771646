"""Where outcomes are kept as they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Outcomes"]


class Outcomes(Protocol):
    """An append-only list of deliveries of outcomes."""

    def add(self, delivery: pl.DataFrame) -> bool:
        """Keep a table (id, outcome) durably; False where just this delivery is here already."""
        ...

    def read(self) -> pl.DataFrame:
        """Return all rows as (id, outcome, revision); a later delivery has a higher revision."""
        ...
