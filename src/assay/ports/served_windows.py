"""Where predictions are kept by window, so that late labels find them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Part", "ServedWindows"]


@dataclass(frozen=True)
class Part:
    """What is known of one window without reading it.

    `stamp` changes whenever its rows do; `first` and `last` are the moments (UTC, without a zone)
    of its first and last prediction.
    """

    stamp: str
    n: int
    first: datetime
    last: datetime


class ServedWindows(Protocol):
    """Predictions of one model, cut by window, each window a frame in order of time."""

    def parts(self) -> Mapping[int, Part]:
        """Return what is known of each window, in order of their numbers."""
        ...

    def read(self, window: int, columns: Collection[str] | None = None) -> pl.DataFrame:
        """Return a window's rows, in order of time; all columns or those that are there."""
        ...

    def replace(self, rows: Mapping[int, pl.DataFrame]) -> None:
        """Keep the rows of some windows in place of what they had, all or none of them.

        A window without rows goes away.
        """
        ...

    def locate(self, ids: pl.Series) -> pl.DataFrame:
        """Return (id, at, window) of those of the different `ids` that are kept, in any order."""
        ...
