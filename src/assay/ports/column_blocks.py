"""Input columns that lie in two blocks, so that few rows cost few calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Columns

__all__ = ["ColumnBlocks", "listed", "taken"]


class ColumnBlocks(dict[str, NDArray[Any]]):
    """Columns by name, each a row of one of two arrays: `numbers` (k, n) and `texts` (m, n).

    It is to be read as the mapping that it is; who knows of the blocks works on them as a whole.

    >>> blocks = ColumnBlocks(("age",), np.array([[40.0, np.nan]]), (), np.empty((0, 2), object))
    >>> blocks["age"].tolist(), listed(taken(blocks, [1]))
    ([40.0, nan], {'age': [None]})
    """

    __slots__ = ("number_names", "numbers", "text_names", "texts")

    def __init__(
        self,
        number_names: Sequence[str],
        numbers: NDArray[np.float64],
        text_names: Sequence[str],
        texts: NDArray[Any],
    ) -> None:
        super().__init__(zip(number_names, numbers, strict=True))
        self.update(zip(text_names, texts, strict=True))
        self.number_names = number_names
        self.numbers = numbers
        self.text_names = text_names
        self.texts = texts


def taken(columns: Columns, rows: Sequence[int]) -> Columns:
    """Return some of the rows."""
    if isinstance(columns, ColumnBlocks):
        names, texts = columns.number_names, columns.text_names
        return ColumnBlocks(names, columns.numbers[:, rows], texts, columns.texts[:, rows])
    return {name: values[rows] for name, values in columns.items()}


def listed(columns: Columns) -> dict[str, list[Any]]:
    """Return the columns as lists, None where a number is missing.

    >>> listed({"age": np.array([40.0, np.nan]), "job": np.array(["a", ""], dtype=object)})
    {'age': [40.0, None], 'job': ['a', '']}
    """
    if isinstance(columns, ColumnBlocks) and not np.isnan(columns.numbers).any():
        found = dict(zip(columns.number_names, columns.numbers.tolist(), strict=True))
        found.update(zip(columns.text_names, columns.texts.tolist(), strict=True))
        return found
    return {name: _listed(values) for name, values in columns.items()}


def _listed(values: NDArray[Any]) -> list[Any]:
    given: list[Any] = values.tolist()
    if values.dtype == object:
        return given
    return [None if value != value else value for value in given]  # noqa: PLR0124 - NaN
