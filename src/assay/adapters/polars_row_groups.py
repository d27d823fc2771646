"""A data frame in memory as groups of rows: for CSV files, which know no groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from assay.errors import DataError
from assay.ports.row_groups import Column, ColumnKind
from assay.stats.coded import Coded

__all__ = ["PolarsRowGroups"]

_ROWS = 1 << 17


class PolarsRowGroups:
    """A frame cut into groups of `rows`; the whole of it stays in memory.

    >>> table = PolarsRowGroups(pl.DataFrame({"age": [20, None], "sex": ["f", "m"]}))
    >>> table.kinds(), table.sizes(), table.read(0, ["age"])["age"].tolist()
    ({'age': 'number', 'sex': 'text'}, [2], [20.0, nan])
    """

    def __init__(self, frame: pl.DataFrame, rows: int = _ROWS) -> None:
        self._frame = frame
        self._rows = rows

    def kinds(self) -> Mapping[str, ColumnKind]:
        """Return what each column holds."""
        return {name: _kind(kind) for name, kind in self._frame.schema.items()}

    def sizes(self) -> Sequence[int]:
        """Return the rows of each group."""
        n = self._frame.height
        if not n:
            raise DataError("The table has no rows. Give one with at least one row.")
        return [min(self._rows, n - start) for start in range(0, n, self._rows)]

    def read(self, group: int, columns: Sequence[str]) -> Mapping[str, Column]:
        """Return some columns of one group."""
        part = self._frame.slice(group * self._rows, self._rows)
        return {name: _column(part.get_column(name)) for name in columns}


def _kind(kind: pl.DataType) -> ColumnKind:
    if kind.is_numeric() or kind == pl.Boolean:
        return "number"
    if kind in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    return "time" if kind in (pl.Date, pl.Datetime) else "other"


def _column(values: pl.Series) -> Column:
    kind = _kind(values.dtype)
    if kind == "text":
        text = values.cast(pl.String)
        words = text.drop_nulls().unique(maintain_order=True)
        codes = text.cast(pl.Enum(words)).to_physical().cast(pl.UInt32).fill_null(len(words))
        return Coded(codes.to_numpy(), (*words.to_list(), None))
    if kind == "time":
        return np.asarray(values.cast(pl.Datetime("us")).to_numpy(), dtype="datetime64[us]")
    return np.asarray(values.cast(pl.Float64).fill_null(float("nan")).to_numpy())
