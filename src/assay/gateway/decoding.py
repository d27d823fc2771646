"""Requests of one tick turned into columns at once: lists joined first, arrays made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.deploy.serving import Kind, Serving
from assay.errors import DataError
from assay.gateway.protocol import Body
from assay.gateway.tensor import FLOATS, Tensor, values_of
from assay.ports.column_blocks import ColumnBlocks
from assay.ports.engine import AsyncEngine, Columns

__all__ = ["ExactColumns", "Layout", "Plan", "Values"]

Values = Sequence[list[Any]]
"""The data of each tensor of a request, in the request's order."""

_NUMBERS: set[Any] = {int, float, type(None)}
_TEXTS: set[Any] = {str, type(None)}
_MOST_LAYOUTS = 64
_MOST_NAMES = 1000
_SELDOM = 64

_Key = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Layout:
    """Where the columns stand in requests whose tensors have the same names and datatypes.

    Numbers and texts are kept apart, since each kind becomes one array; `others` (whole numbers and
    booleans, whose values must fit their datatypes) become one each.
    """

    numbers: tuple[str, ...]
    number_places: tuple[int, ...]
    texts: tuple[str, ...]
    text_places: tuple[int, ...]
    others: tuple[tuple[int, str, str, Kind | None], ...]

    @classmethod
    def of(cls, key: _Key, reads: Mapping[str, Kind | None]) -> Layout | None:
        """Return a layout; None where a column comes as what it must not be, or comes twice."""
        names, datatypes = key
        if len(set(names)) < len(names) or len(names) > _MOST_NAMES:
            return None
        place_of = {name: place for place, name in enumerate(names)}
        numbers, texts, others = [], [], []
        for name, kind in reads.items():  # in the model's order, which spares it one of its own
            if name not in place_of:
                continue
            place, datatype = place_of[name], datatypes[place_of[name]]
            if datatype in FLOATS and kind != "category":
                numbers.append((name, place))
            elif datatype == "BYTES" and kind != "number":
                texts.append((name, place))
            else:
                others.append((place, name, datatype, kind))
        return cls(
            tuple(name for name, _ in numbers),
            tuple(place for _, place in numbers),
            tuple(name for name, _ in texts),
            tuple(place for _, place in texts),
            tuple(others),
        )

    def columns(self, given: Sequence[Values], rows: int) -> Columns:
        """Return the columns of requests joined, `rows` in all; DataError where one is amiss.

        Which of the requests it is, is not said: read each alone, by `columns_of`.
        """
        values = given[0]
        if len(given) > 1:
            values = [list(one) for one in given[0]]
            for more in given[1:]:
                for mine, theirs in zip(values, more, strict=True):
                    mine.extend(theirs)
        flat = list(chain.from_iterable([values[place] for place in self.number_places]))
        _demand(flat, _NUMBERS)
        numbers = np.array(flat, dtype=np.float64).reshape(len(self.numbers), rows)
        flat = list(chain.from_iterable([values[place] for place in self.text_places]))
        _demand(flat, _TEXTS)
        if None in flat:
            flat = ["" if value is None else value for value in flat]
        texts = np.array(flat, dtype=object).reshape(len(self.texts), rows)
        columns = ColumnBlocks(self.numbers, numbers, self.texts, texts)
        if not self.others:
            return columns
        other = {
            name: values_of(Tensor(name, [rows], datatype, values[place]), kind)
            for place, name, datatype, kind in self.others
        }
        return {**columns, **other}


class ExactColumns(Mapping[str, NDArray[Any]]):
    """The columns of one request, each checked when it is read; DataError where it is amiss.

    So what an arm does not read can harm none of its answers.
    """

    def __init__(self, body: Body, reads: Mapping[str, Kind | None]) -> None:
        self._tensors = {tensor.name: tensor for tensor in body.inputs}
        self._reads = reads
        self._read: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._read:
            self._read[name] = values_of(self._tensors[name], self._reads.get(name))
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


class Plan:
    """How requests for one serving state are read; it learns the layouts that clients use.

    They are joined only where each row is decided by itself (`joins`). `elsewhere` says that a
    model answers in a process of its own.
    """

    def __init__(self, serving: Serving) -> None:
        self.reads = serving.reads
        self.joins = serving.case_by_case
        self.elsewhere = any(isinstance(one.scorer.engine, AsyncEngine) for one in serving.loaded)
        self.entity = serving.desired.entity
        self.limits = serving.rules.limits
        self.skeleton: Any = None
        self._layouts: dict[_Key, Layout | None] = {}
        self._names: list[str] = []
        self._datatypes: list[str] = []
        self._last: Layout | None = None
        self._asked = 0

    def may_learn(self) -> bool:
        """Whether it is worth while to learn what requests have alike: at first, then seldom."""
        self._asked += 1
        return self._asked % _SELDOM == 1

    def laid_out(self, body: Body) -> tuple[Layout, Values, int] | None:
        """Return layout, data and number of rows; None where it takes a closer look.

        That is so for rows that come as lists, shapes that do not agree with each other, inputs of
        the wrong kind, and anything else amiss.
        """
        inputs = body.inputs
        if not inputs:
            return None
        names = [tensor.name for tensor in inputs]
        datatypes = [tensor.datatype for tensor in inputs]
        layout = self._last
        if names != self._names or datatypes != self._datatypes:
            layout = self._of(names, datatypes)
        if layout is None:
            return None
        shape = inputs[0].shape
        rows = shape[0] if shape else 0
        data = [tensor.data for tensor in inputs]
        if set(map(len, data)) != {rows} or not rows:
            return None
        shapes = [tensor.shape for tensor in inputs]
        alike = shapes.count(shape)
        if alike < len(shapes) or len(shape) > 1:
            alike = shapes.count([rows]) + shapes.count([rows, 1])
        return (layout, data, rows) if alike == len(shapes) else None

    def _of(self, names: list[str], datatypes: list[str]) -> Layout | None:
        """Return the layout of these names and datatypes, and keep it at hand for the next."""
        key = (tuple(names), tuple(datatypes))
        if key not in self._layouts:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = Layout.of(key, self.reads)
        self._names, self._datatypes = names, datatypes
        self._last = layout = self._layouts[key]
        return layout


def _demand(values: list[Any], types: set[Any]) -> None:
    if not types.issuperset(map(type, values)):
        raise DataError("A value does not fit its datatype.")
