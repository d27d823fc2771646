"""What a model in ONNX is fed with: its columns one by one, or in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.adapters.onnx_lookups import block_of_lookups
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input
from assay.evidence.input_blocks import InputBlocks
from assay.ports.column_blocks import ColumnBlocks
from assay.ports.engine import Columns

__all__ = ["BlockFeed", "ColumnFeed", "Feed", "surely_small"]

_LARGEST = float(np.finfo(np.float32).max)
_SQUARED = 1e76
"""Where squares add up to no more, no number is beyond single precision."""
_FEW_NUMBERS = 4_096
_TENSORS = {"number": "tensor(float)", "category": "tensor(string)"}


class Feed(Protocol):
    """Turns columns into a model's inputs."""

    def of(self, columns: Columns) -> dict[str, NDArray[Any]]:
        """Return the inputs by name; DataError where the model cannot take a number."""
        ...


class ColumnFeed:
    """Every column as an input of shape (n, 1): an input of the same name, else in the same place.

    Converters rewrite dots and blanks, so that names may differ. Raises ModelError where the
    model's inputs are not those of the signature.
    """

    def __init__(self, slots: Sequence[Any], inputs: Sequence[Input]) -> None:
        feeds = _paired(slots, inputs)
        self._numbers = [slot for slot, one in feeds if one.kind == "number"]
        self._texts = [slot for slot, one in feeds if one.kind == "category"]
        self._number_names = tuple(one.name for _, one in feeds if one.kind == "number")
        self._text_names = tuple(one.name for _, one in feeds if one.kind == "category")

    def of(self, columns: Columns) -> dict[str, NDArray[Any]]:
        """Return one array for each column."""
        feed: dict[str, NDArray[Any]] = {}
        if isinstance(columns, ColumnBlocks) and columns.text_names == self._text_names:
            feed.update(zip(self._texts, columns.texts[:, :, None], strict=True))
        else:
            pairs = zip(self._texts, self._text_names, strict=True)
            feed.update((slot, columns[name].reshape(-1, 1)) for slot, name in pairs)
        if self._numbers:
            whole = _numbers(columns, self._number_names)
            block = whole.astype(np.float32)[:, :, None]
            feed.update(zip(self._numbers, block, strict=True))
        return feed


class BlockFeed:
    """All numbers as one input (n, k), and what texts are looked up for as another (n, width).

    Texts that the model reads as such are inputs of their own. Raises ModelError where the
    signature lacks a column that the model takes, or has it of another kind.
    """

    def __init__(self, blocks: InputBlocks, slots: Sequence[Any], inputs: Sequence[Input]) -> None:
        _demand(blocks.inputs, inputs)
        there = {slot.name for slot in slots}
        self._number_slot, self._number_names = blocks.number_slot, blocks.numbers
        self._lookup_slot, self._text_names = blocks.lookup_slot, blocks.texts
        self._texts = [name for name in blocks.texts if name in there]
        self._block = block_of_lookups(blocks.lookups, blocks.texts)

    def of(self, columns: Columns) -> dict[str, NDArray[Any]]:
        """Return the blocks."""
        feed: dict[str, NDArray[Any]] = {name: columns[name].reshape(-1, 1) for name in self._texts}
        if self._number_slot is not None:
            numbers = _numbers(columns, self._number_names)
            feed[self._number_slot] = numbers.T.astype(np.float32, order="C")
        if self._lookup_slot is not None:
            if isinstance(columns, ColumnBlocks) and columns.text_names == self._text_names:
                texts = columns.texts
            else:
                texts = np.array([columns[name] for name in self._text_names], dtype=object)
            feed[self._lookup_slot] = self._block(texts)
        return feed


def _numbers(columns: Columns, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the numbers (k, n); DataError where one is beyond single precision.

    As infinity it would turn into a score that means nothing. One array for all of them: for few
    rows the calls cost more than the work.
    """
    whole: NDArray[np.float64]
    if isinstance(columns, ColumnBlocks) and columns.number_names == names:
        whole = columns.numbers
    else:
        whole = np.array([columns[name] for name in names], dtype=np.float64)
    if not surely_small(whole) and _greatest(whole) > _LARGEST:
        for name in names:
            _demand_in_range(name, columns[name])
    return whole


def _greatest(whole: NDArray[np.float64]) -> float:
    return float(np.fmax.reduce(np.abs(whole), axis=None, initial=0.0))


def surely_small(numbers: NDArray[np.float64]) -> bool:
    """Whether one call shows every number to be finite and within single precision.

    It does for few numbers without a gap, by the sum of their squares.
    """
    # Unlike `dot`, `vdot` warns of no overflow.
    return numbers.size <= _FEW_NUMBERS and bool(np.vdot(numbers, numbers) < _SQUARED)


def _demand_in_range(name: str, values: NDArray[Any]) -> None:
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(np.abs(values) > _LARGEST)
    if beyond.size:
        raise DataError(
            f"Column {name}, row {beyond[0]}: {values[beyond[0]]:g} is beyond what the "
            f"model takes (at most {_LARGEST:.3g} in size). Send a smaller number, or none."
        )


def _demand(wanted: Sequence[Input], inputs: Sequence[Input]) -> None:
    missing = [f"{one.name} ({one.kind})" for one in wanted if one not in inputs]
    if missing:
        raise ModelError(
            f"The model takes {len(wanted)} columns, and its signature lacks "
            f"{', '.join(missing)}; it has "
            f"{', '.join(f'{one.name} ({one.kind})' for one in inputs)}. Package it anew."
        )


def _paired(slots: Sequence[Any], inputs: Sequence[Input]) -> tuple[tuple[str, Input], ...]:
    by_name = {column.name: column for column in inputs}
    if len(slots) != len(inputs):
        raise ModelError(
            f"The model takes {len(slots)} inputs ({', '.join(slot.name for slot in slots)}), "
            f"its signature has {len(inputs)} ({', '.join(by_name)}). Package it anew."
        )
    named = all(slot.name in by_name for slot in slots)
    columns = [by_name[slot.name] for slot in slots] if named else inputs
    for slot, column in zip(slots, columns, strict=True):
        if slot.type != _TENSORS[column.kind]:
            raise ModelError(
                f"The model's input {slot.name} is a {slot.type}, but the column {column.name} is "
                f"a {column.kind} and needs {_TENSORS[column.kind]}. Package it anew."
            )
    return tuple((slot.name, column) for slot, column in zip(slots, columns, strict=True))
