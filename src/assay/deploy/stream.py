"""Messages as requests of the Open Inference Protocol, and answers in the words of messages.

A message is a request of the protocol, or one flat JSON row {column: value, "id": ..., "entity":
...}; it is answered in the form that it came in.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from assay.errors import DataError
from assay.ports.stream import Arrived, Sent

__all__ = ["StreamRequest", "answered", "dead_letter", "request_of"]

Kinds = Mapping[str, Literal["number", "category"] | None]
_OWN = ("id", "entity")


@dataclass(frozen=True)
class StreamRequest:
    """A request's body, and the row that it was made of; None where it came as a request."""

    body: bytes
    row: Mapping[str, Any] | None = None


def request_of(arrived: Arrived, kinds: Kinds) -> StreamRequest:
    """Return a message as a request; DataError where it is neither a request nor a row.

    One that does not name itself gets the message's id, so that it has the same predictions
    whenever it is delivered. `kinds` are the columns that the model reads.

    >>> row = Arrived("s-1", b'{"age": 41, "job": "nurse", "entity": "ana"}')
    >>> found = request_of(row, {"age": "number", "job": "category"})
    >>> msgspec.json.decode(found.body)["inputs"][0]
    {'name': 'age', 'shape': [1], 'datatype': 'FP64', 'data': [41]}
    """
    try:
        given = msgspec.json.decode(arrived.body)
    except (ValueError, RecursionError) as error:
        raise DataError(f"The message is no JSON: {error}.") from error
    if not isinstance(given, dict):
        raise DataError("The message is no JSON object; send a request, or one flat row.")
    if isinstance(given.get("inputs"), list):
        named = given if given.get("id") else {**given, "id": arrived.id}
        return StreamRequest(msgspec.json.encode(named))
    inputs = [
        {"name": name, "shape": [1], "datatype": _datatype(name, value, kinds), "data": [value]}
        for name, value in given.items()
        if name in kinds or (name not in _OWN and value is not None)
    ]
    document: dict[str, Any] = {"id": str(given.get("id") or arrived.id), "inputs": inputs}
    if given.get("entity") is not None:
        document["parameters"] = {"entity": given["entity"]}
    return StreamRequest(msgspec.json.encode(document), given)


def answered(arrived: Arrived, request: StreamRequest, answer: bytes) -> Sent:
    """Return what is sent about a message, from the answer to its request."""
    if request.row is None:
        return Sent(arrived.id, answer)
    given = msgspec.json.decode(answer)
    told = given["parameters"]
    document = {name: request.row[name] for name in _OWN if name in request.row}
    document |= {
        "prediction_id": told["prediction_ids"][0],
        "arm": told["arms"][0],
        "version": told["versions"][0],
    }
    document |= {output["name"]: output["data"][0] for output in given["outputs"]}
    if "flags" in told:
        document["flags"] = told["flags"][0]
    return Sent(arrived.id, msgspec.json.encode(document))


def dead_letter(arrived: Arrived, why: str) -> Sent:
    """Return what is sent about a message that cannot be answered: why, and the message.

    >>> dead_letter(Arrived("s-1", b"{"), "it is no JSON").body
    b'{"id":"s-1","error":"it is no JSON","message":"{"}'
    """
    document = {"id": arrived.id, "error": why}
    try:
        document["message"] = arrived.body.decode()
    except UnicodeDecodeError:
        document["base64"] = base64.b64encode(arrived.body).decode()
    return Sent(arrived.id, msgspec.json.encode(document), dead=True)


def _datatype(name: str, value: Any, kinds: Kinds) -> str:
    if isinstance(value, bool):
        return "BOOL"
    kind = kinds.get(name)
    if kind is None:
        kind = "number" if isinstance(value, int | float) else "category"
    if isinstance(value, str | None) and kind == "category":
        return "BYTES"
    if isinstance(value, int | float | None) and kind == "number":
        return "FP64"
    wanted = "a number" if kind == "number" else "a text"
    raise DataError(f"{name} is {str(value)[:50]!r}; it must be {wanted}, or null.")
