"""Tables too large to hold, read a group of rows and a few columns at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from assay.stats.coded import Coded

__all__ = ["Column", "ColumnKind", "RowGroups"]

ColumnKind = Literal["number", "text", "time", "other"]
"""What a column holds: `other` (lists, bytes) cannot be read here."""

Column = NDArray[Any] | Coded
"""Numbers as float64 with NaN where missing, text as codes, moments as datetime64[us] in UTC."""


class RowGroups(Protocol):
    """A table in groups of rows; groups may be read from several threads at once."""

    def kinds(self) -> Mapping[str, ColumnKind]:
        """Return what each column holds, in the table's order."""
        ...

    def sizes(self) -> Sequence[int]:
        """Return how many rows each group has; DataError where there is no row at all."""
        ...

    def read(self, group: int, columns: Sequence[str]) -> Mapping[str, Column]:
        """Return some columns of one group; DataError where the file is damaged."""
        ...
