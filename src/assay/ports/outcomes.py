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

    def read(self, after: int = 0) -> pl.DataFrame:
        """Return rows as (id, outcome, revision), of deliveries whose revision is above `after`.

        A later delivery has a higher revision.
        """
        ...
