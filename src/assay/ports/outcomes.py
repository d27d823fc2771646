"""Where outcomes are kept as they come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Outcomes", "says_nothing_new"]


class Outcomes(Protocol):
    """An append-only list of deliveries of outcomes."""

    def add(self, delivery: pl.DataFrame) -> bool:
        """Keep a table (id, outcome) durably; False where it says of each id what is newest."""
        ...

    def read(self, after: int = 0) -> pl.DataFrame:
        """Return rows as (id, outcome, revision), of deliveries whose revision is above `after`.

        A later delivery has a higher revision.
        """
        ...

    def refused(self) -> Mapping[str, int]:
        """Count outcomes that gateways took in and that could not be read, by the reason."""
        ...


def says_nothing_new(delivery: pl.DataFrame, kept: Iterable[pl.DataFrame]) -> bool:
    """Whether each outcome of a delivery is what was told of its id last; `kept` newest first.

    >>> import polars as pl
    >>> yes, no = (pl.DataFrame({"id": ["a"], "outcome": [told]}) for told in ("yes", "no"))
    >>> says_nothing_new(yes, [yes]), says_nothing_new(yes, [no, yes])
    (True, False)
    """
    left = _last_of_each(delivery)
    for older in kept:
        if not left.height:
            break
        if older.height and older.schema["outcome"] != left.schema["outcome"]:
            return False
        told = left.join(_last_of_each(older), on="id", suffix=" told")
        if told["outcome"].ne_missing(told["outcome told"]).any():
            return False
        left = left.join(older, on="id", how="anti")
    return not left.height


def _last_of_each(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.unique("id", keep="last")
