"""Requests of one row that differ in their values alone: only the values are parsed.

A client sends the same names, shapes and datatypes again and again. What lies between the values is
compared as bytes with a request that was read and checked before; the values of all requests of a
batch are then parsed in two calls, one for numbers and one for texts. Whatever differs in any other
byte is read as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np

from assay.errors import DataError
from assay.gateway.decoding import Layout
from assay.gateway.protocol import Body
from assay.ports.column_blocks import ColumnBlocks

__all__ = ["Filled", "Skeleton"]

_BEFORE = (b'"data":[', b'"data": [')
# No string of JSON holds a line break as it is: a value that ran on into the next is no JSON here.
_BETWEEN = b",\n"
_NUMBERS = msgspec.json.Decoder(list[float | None])
_TEXTS = msgspec.json.Decoder(list[str | None])
_VALUE = rb"([^\]]*+)\]"
_LONGEST = 16 * 2**10
"""Bytes of a request that may be learned from: learning takes about a microsecond for each."""


class Filled(NamedTuple):
    """The values of one request as bytes."""

    numbers: bytes
    texts: bytes


class Skeleton:
    """What requests of one row have alike, learned from one of them.

    `body` is the request without its inputs.
    """

    def __init__(self, pattern: bytes, layout: Layout, body: Body) -> None:
        self.body = Body([], outputs=body.outputs)
        self.layout = layout
        self._match = re.compile(pattern).fullmatch
        # Two more, which are left out, so that one value or none comes in a tuple too.
        self._numbers = (0, 0, *(place + 1 for place in layout.number_places))
        self._texts = (0, 0, *(place + 1 for place in layout.text_places))

    @classmethod
    def of(cls, raw: bytes, layout: Layout, body: Body) -> Self | None:
        """Learn from a request; None where its values cannot be told apart from the rest.

        That is so for several rows, whole numbers and booleans (which must fit their datatypes),
        requests with an id or parameters, and long ones.
        """
        if layout.others or body.id is not None or body.parameters is not None:
            return None
        if len(raw) > _LONGEST or any(len(tensor.data) != 1 for tensor in body.inputs):
            return None
        for before in _BEFORE:
            opening, *pieces = raw.split(before)
            if len(pieces) == len(body.inputs):
                tails = [piece.partition(b"]")[2] for piece in pieces]
                value = re.escape(before) + _VALUE
                pattern = re.escape(opening) + b"".join([value + re.escape(one) for one in tails])
                found = cls(pattern, layout, body)
                return found if found._reads(raw, body) else None
        return None

    def filled(self, raw: bytes) -> Filled | None:
        """Return a request's values; None where it differs in anything else."""
        found = self._match(raw)
        if found is None:
            return None
        numbers, texts = found.group(*self._numbers), found.group(*self._texts)
        return Filled(_BETWEEN.join(numbers[2:]), _BETWEEN.join(texts[2:]))

    def columns(self, given: Sequence[Filled]) -> ColumnBlocks:
        """Return the columns of requests joined; DataError where a value is amiss."""
        layout, rows = self.layout, len(given)
        numbers: list[Any] = []
        texts: list[Any] = []
        try:
            if layout.numbers:
                numbers = _NUMBERS.decode(b"[%b]" % _BETWEEN.join([one.numbers for one in given]))
            if layout.texts:
                texts = _TEXTS.decode(b"[%b]" % _BETWEEN.join([one.texts for one in given]))
        except ValueError as error:
            raise DataError(f"A value does not fit its datatype: {error}.") from error
        if (len(numbers), len(texts)) != (len(layout.numbers) * rows, len(layout.texts) * rows):
            raise DataError("A column has more than one value for one row.")
        if None in texts:
            texts = ["" if value is None else value for value in texts]
        block = np.array(numbers, dtype=np.float64).reshape(rows, -1).T
        words = np.array(texts, dtype=object).reshape(rows, len(layout.texts)).T
        return ColumnBlocks(layout.numbers, np.ascontiguousarray(block), layout.texts, words)

    def _reads(self, raw: bytes, body: Body) -> bool:
        """Whether the request that this was learned from reads the same by it."""
        filled = self.filled(raw)
        if filled is None:
            return False
        try:
            found = self.columns([filled])
        except DataError:
            return False
        exact = self.layout.columns([[tensor.data for tensor in body.inputs]], 1)
        return all(
            np.array_equal(found[name], exact[name], equal_nan=found[name].dtype != object)
            for name in exact
        )
