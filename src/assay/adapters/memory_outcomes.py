"""Outcomes in memory, for tests and notebooks."""

from __future__ import annotations

import polars as pl

from assay.ports.outcomes import says_nothing_new

__all__ = ["MemoryOutcomes"]


class MemoryOutcomes:
    """Deliveries of outcomes that live as long as the process.

    >>> MemoryOutcomes().read().height
    0
    """

    def __init__(self) -> None:
        self._deliveries: list[pl.DataFrame] = []

    def add(self, delivery: pl.DataFrame) -> bool:
        """Keep a delivery that says something new."""
        rows = delivery.select("id", "outcome")
        if says_nothing_new(rows, reversed(self._deliveries)):
            return False
        self._deliveries.append(rows)
        return True

    def read(self, after: int = 0) -> pl.DataFrame:
        """Return every row of the deliveries after a revision, oldest delivery first."""
        if len(self._deliveries) <= after:
            return pl.DataFrame(
                schema={"id": pl.String, "outcome": pl.String, "revision": pl.Int64}
            )
        return pl.concat(
            part.with_columns(pl.lit(number, dtype=pl.Int64).alias("revision"))
            for number, part in enumerate(self._deliveries[after:], start=after + 1)
        )

    def refused(self) -> dict[str, int]:
        """Return nothing: no gateway writes here."""
        return {}
