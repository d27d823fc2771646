"""Texts to the block of numbers that a model takes in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.evidence.input_blocks import Lookup

__all__ = ["BlockOfLookups", "block_of_lookups"]

BlockOfLookups = Callable[[NDArray[Any]], NDArray[np.float32]]
"""From texts (m, n) to the block (n, width)."""

_MOST_NARROW = 1 << 18
"""So many numbers at most are kept for narrow lookups: a megabyte."""
_FEW_ROWS = 128
_ROWS_AT_ONCE = 1_024


def block_of_lookups(lookups: Sequence[Lookup], texts: Sequence[str]) -> BlockOfLookups:
    """Return what fills the block of `lookups`, from the columns `texts` in this order.

    >>> lookups = [Lookup("job", ("a", "b")), Lookup("job", ("b",), (7.0,))]
    >>> block_of_lookups(lookups, ["job"])(np.array([["b", "?"]], dtype=object)).tolist()
    [[0.0, 1.0, 7.0], [0.0, 0.0, 0.0]]
    """
    rows = [texts.index(lookup.column) for lookup in lookups]
    numbers = sum((len(one.categories) + 1) * one.width for one in lookups)
    return (_Narrow if numbers <= _MOST_NARROW else _Wide)(
        lookups, None if rows == list(range(len(texts))) else rows
    )


class _Known(dict[str, Any]):
    """What each text is looked up as; one thing for all texts that are not known.

    What is no text counts as ONNX Runtime takes it: as what `str` makes of it.
    """

    def __init__(self, known: Mapping[str, Any], otherwise: Any) -> None:
        super().__init__(known)
        self.otherwise = otherwise

    def __missing__(self, text: Any) -> Any:
        if not isinstance(text, str):
            return self[str(text)]
        text.encode()  # ONNX Runtime refuses what is no Unicode, and so does this
        return self.otherwise


class _Narrow:
    """Each text brings its bytes of the row, and a row is bytes side by side."""

    def __init__(self, lookups: Sequence[Lookup], rows: Sequence[int] | None) -> None:
        self._rows = rows
        self._widths = [lookup.width for lookup in lookups]
        self._width = sum(self._widths)
        self._bytes = [_bytes(lookup).__getitem__ for lookup in lookups]

    def __call__(self, texts: NDArray[Any]) -> NDArray[np.float32]:
        n = texts.shape[1]
        if self._rows is not None:
            texts = texts[self._rows]
        if n == 1:
            row = zip(self._bytes, texts[:, 0].tolist(), strict=True)
            whole = b"".join([brought(text) for brought, text in row])
            return np.ndarray((1, self._width), np.float32, whole)
        if n <= _FEW_ROWS:
            parts = zip(*map(map, self._bytes, texts.tolist()), strict=True)
            whole = b"".join(chain.from_iterable(parts))
            return np.ndarray((n, self._width), np.float32, whole)
        block = np.empty((n, self._width), dtype=np.float32)
        for first in range(0, n, _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            self._fill(block[rows], texts[:, rows].tolist())
        return block

    def _fill(self, block: NDArray[np.float32], texts: Sequence[Sequence[str]]) -> None:
        """Fill many rows column by column, few enough that they stay in the processor's cache."""
        begins = 0
        for brought, column, width in zip(self._bytes, texts, self._widths, strict=True):
            part = np.ndarray((len(block), width), np.float32, b"".join(map(brought, column)))
            block[:, begins : begins + width] = part
            begins += width


class _Wide:
    """Of each text, the number that it brings and the place it goes to: the rest is zeros."""

    def __init__(self, lookups: Sequence[Lookup], rows: Sequence[int] | None) -> None:
        self._rows = rows
        self._width = sum(lookup.width for lookup in lookups)
        self._parts = []
        begins = 0
        for lookup in lookups:
            one_hot, count = lookup.values is None, len(lookup.categories)
            places = [*range(count), 0] if one_hot else [0] * (count + 1)
            known = _Known(dict(zip(lookup.categories, range(count), strict=True)), count)
            numbers = [1.0] * count + [0.0] if one_hot else _values(lookup)
            at, brought = np.array(places, np.intp) + begins, np.array(numbers, np.float32)
            self._parts.append((known.__getitem__, at, brought))
            begins += lookup.width

    def __call__(self, texts: NDArray[Any]) -> NDArray[np.float32]:
        n = texts.shape[1]
        if self._rows is not None:
            texts = texts[self._rows]
        block = np.zeros(n * self._width, dtype=np.float32)
        begins = np.arange(0, n * self._width, self._width) if n > 1 else 0
        for (code, at, numbers), row in zip(self._parts, texts.tolist(), strict=True):
            codes = np.fromiter(map(code, row), dtype=np.intp, count=n)
            block[begins + at[codes]] = numbers[codes]
        return block.reshape(n, self._width)


def _bytes(lookup: Lookup) -> _Known:
    table = np.eye(len(lookup.categories) + 1, lookup.width, dtype=np.float32)
    if lookup.values is not None:
        table[:, 0] = _values(lookup)
    rows = [row.tobytes() for row in table]
    return _Known(dict(zip(lookup.categories, rows, strict=False)), rows[-1])


def _values(lookup: Lookup) -> list[float]:
    values = (*(lookup.values or ()), lookup.otherwise)
    return [np.nan if value is None else value for value in values]
