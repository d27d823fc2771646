"""How a part of a capture log is written as a line of JSON, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part

__all__ = ["batch_line", "part_of", "record_line"]

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def record_line(record: Mapping[str, Any]) -> bytes:
    r"""Return one record; a number that is missing (NaN) is null.

    >>> record_line({"id": "a/0", "inputs": {"x": float("nan")}})
    b'{"id":"a/0","inputs":{"x":null}}\n'
    """
    return msgspec.json.encode(record) + b"\n"


def batch_line(batch: CaptureBatch) -> bytes:
    r"""Return one batch, whatever lies in it: what JSON does not know is written as text.

    A batch is written with those of other requests, and long after it was handed over: one odd
    value must not cost them.

    >>> batch_line(CaptureBatch(1, {}, {"id": ["a/0"]}, {"x": ["\ud800"]}))
    b'{"n":1,"all":{},"each":{"id":["a/0"]},"inputs":{"x":["?"]}}\n'
    """
    document = batch.document()
    try:
        return orjson.dumps(document, _as_text, _OPTIONS)
    except TypeError:
        return orjson.dumps(_plain(document), option=_OPTIONS)


def part_of(line: bytes) -> Part:
    r"""Read a line back.

    >>> part_of(b'{"id":"a/0"}\n')
    {'id': 'a/0'}
    """
    document: dict[str, Any] = msgspec.json.decode(line)
    return CaptureBatch.from_document(document) if "each" in document else document


def _as_text(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _plain(value: Any) -> Any:
    """Return a document with whatever JSON has no form for, lone surrogates too, as text."""
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value
    return str(value).encode("utf-8", "replace").decode()
