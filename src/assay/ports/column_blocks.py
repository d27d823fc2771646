"""Input columns that lie in two blocks, so that few rows cost few calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Columns

__all__ = ["ColumnBlocks", "listed", "picked", "taken"]


class ColumnBlocks(Mapping[str, NDArray[Any]]):
    """Columns by name, each a row of one of two arrays: `numbers` (k, n) and `texts` (m, n).

    It is to be read as the mapping that it is; who knows of the blocks works on them as a whole.
    Nothing in it may be changed.

    >>> blocks = ColumnBlocks(("age",), np.array([[40.0, np.nan]]), (), np.empty((0, 2), object))
    >>> blocks["age"].tolist(), listed(taken(blocks, [1]))
    ([40.0, nan], {'age': [None]})
    """

    __slots__ = ("_columns", "_words", "number_names", "numbers", "text_names", "texts")

    def __init__(
        self,
        number_names: tuple[str, ...],
        numbers: NDArray[np.float64],
        text_names: tuple[str, ...],
        texts: NDArray[Any],
    ) -> None:
        self.number_names = number_names
        self.numbers = numbers
        self.text_names = text_names
        self.texts = texts
        self._columns: dict[str, NDArray[Any]] | None = None
        self._words: list[list[str]] | None = None

    @property
    def words(self) -> list[list[str]]:
        """The texts as a list for each column, made once."""
        if self._words is None:
            self._words = self.texts.tolist()
        return self._words

    def are(self, names: frozenset[str]) -> bool:
        """Whether these are all the columns, and no others."""
        return _are(names, self.number_names, self.text_names)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._by_name()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self.number_names) + len(self.text_names)

    def _by_name(self) -> dict[str, NDArray[Any]]:
        if self._columns is None:
            self._columns = dict(zip(self.number_names, self.numbers, strict=True))
            self._columns.update(zip(self.text_names, self.texts, strict=True))
        return self._columns


@lru_cache
def _are(names: frozenset[str], numbers: tuple[str, ...], texts: tuple[str, ...]) -> bool:
    return len(names) == len(numbers) + len(texts) and names.issuperset((*numbers, *texts))


def taken(columns: Columns, rows: Sequence[int]) -> Columns:
    """Return some of the rows."""
    if isinstance(columns, ColumnBlocks):
        names, texts = columns.number_names, columns.text_names
        return ColumnBlocks(names, columns.numbers[:, rows], texts, columns.texts[:, rows])
    return {name: values[rows] for name, values in columns.items()}


def listed(columns: Columns) -> dict[str, Sequence[Any]]:
    """Return the columns as lists, None where a number is missing.

    >>> listed({"age": np.array([40.0, np.nan]), "job": np.array(["a", ""], dtype=object)})
    {'age': [40.0, None], 'job': ['a', '']}
    """
    if isinstance(columns, ColumnBlocks) and not np.isnan(columns.numbers).any():
        found: dict[str, Sequence[Any]] = dict(
            zip(columns.number_names, columns.numbers.tolist(), strict=True)
        )
        found.update(zip(columns.text_names, columns.words, strict=True))
        return found
    return {name: _listed(values) for name, values in columns.items()}


def picked(lists: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> dict[str, Sequence[Any]]:
    """Return some of the rows of columns that are lists.

    >>> picked({"age": [40.0, None, 38.0]}, [2, 0])
    {'age': [38.0, 40.0]}
    """
    return {name: [values[row] for row in rows] for name, values in lists.items()}


def _listed(values: NDArray[Any]) -> list[Any]:
    given: list[Any] = values.tolist()
    if values.dtype == object:
        return given
    return [None if value != value else value for value in given]  # noqa: PLR0124 - NaN
