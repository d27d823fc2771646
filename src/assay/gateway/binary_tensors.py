"""Inputs that come as bytes behind the JSON of a request, as Triton's clients send them.

Source: https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.
Inputs alone: answers are JSON always, which those clients read as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from assay.errors import DataError
from assay.gateway.batching import Form
from assay.gateway.protocol import Body

__all__ = ["LENGTH", "binary_form"]

LENGTH = b"inference-header-content-length"
"""The header that says how many bytes of the body are JSON."""

_TYPES = {
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}


def binary_form(length: bytes) -> Form:
    """Return how a request is read whose first `length` bytes are JSON; DataError if it is none."""

    def read(body: bytes) -> Body:
        if not length.isdigit() or len(length) > 12 or int(length) > len(body):
            raise DataError(
                f"The header {LENGTH.decode()} is no number of bytes that the body has."
            )
        return _read(body[: int(length)], body[int(length) :])

    return Form(read)


def _read(head: bytes, tail: bytes) -> Body:
    try:
        given = msgspec.json.decode(head, type=dict[str, Any])
        for tensor in given.get("inputs", ()):
            parameters = tensor.get("parameters") or {}
            size = parameters.pop("binary_data_size", None)
            if size is not None:
                content, tail = _cut(tensor, tail, size)
                tensor["data"] = list(_values(tensor, content))
        body = msgspec.convert(given, Body)
    except (ValueError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise DataError(f"The body is no inference request with binary data: {error}.") from error
    if tail:
        raise DataError(f"The body has {len(tail)} bytes more than its inputs say.")
    return body


def _cut(tensor: dict[str, Any], tail: bytes, size: Any) -> tuple[bytes, bytes]:
    if type(size) is not int or not 0 <= size <= len(tail):
        raise DataError(f"Input {str(tensor.get('name'))[:100]} has fewer bytes than it says.")
    return tail[:size], tail[size:]


def _values(tensor: dict[str, Any], content: bytes) -> Iterator[Any]:
    datatype = tensor.get("datatype")
    if datatype == "BYTES":
        return _texts(content)
    if datatype not in _TYPES:
        raise DataError(f"Binary data of datatype {str(datatype)[:50]!r} are not known here.")
    read: list[Any] = np.frombuffer(content, dtype=_TYPES[datatype]).tolist()
    # A missing number is NaN in bytes and null in JSON.
    return (None if value != value else value for value in read)  # noqa: PLR0124 - NaN


def _texts(content: bytes) -> Iterator[str]:
    """Read texts, each behind its length in four bytes."""
    place = 0
    while place < len(content):
        (size,) = struct.unpack_from("<I", content, place)
        place += 4 + size
        if place > len(content):
            raise DataError("A text of an input is shorter than it says.")
        yield content[place - size : place].decode()
