"""The Open Inference Protocol, version 2 (REST): requests read, answers and errors written.

Source: https://github.com/open-inference/open-inference-protocol, specification/protocol.
Three things go beyond the text of the specification, each one optional for the client: `null`
in FP and BYTES data is a missing value; the request parameter `entity` (a text, or a list with one
for each row) names whom a row is about; parameters of an answer may be lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from assay.errors import DataError
from assay.evidence.bundle import Input
from assay.gateway.tensor import MAX_ROWS, Tensor, row_count, shown, values_of
from assay.ports.engine import Columns

__all__ = [
    "Body",
    "InferRequest",
    "Output",
    "checked",
    "columns_of",
    "decode_body",
    "decode_request",
    "demand_short_id",
    "encode_answer",
    "encode_error",
    "entities_of",
    "output_tensor",
]

_LONGEST_ID = 200
_LONGEST_ENTITY = 1000


class Output(msgspec.Struct, gc=False):
    """One output that is asked for."""

    name: str
    parameters: dict[str, Any] | None = None


class Body(msgspec.Struct, gc=False):
    """A request as it came: of the right form, and not checked any further."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[Output] | None = None


_DECODER = msgspec.json.Decoder(Body)


@dataclass(frozen=True)
class InferRequest:
    """A request that holds together: tensors by name, each with `rows` rows.

    `entities` has one text for each row, or is None where the request names none. `outputs` are
    the names asked for, None where all are.
    """

    id: str | None
    rows: int
    tensors: Mapping[str, Tensor]
    entities: tuple[str, ...] | None
    outputs: tuple[str, ...] | None


def decode_body(body: bytes) -> Body:
    """Read the form of a request; DataError where it is none."""
    try:
        return _DECODER.decode(body)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"The body is no inference request: {error}. "
            'Send JSON: {"inputs": [{"name", "shape", "datatype", "data"}, ...]}.'
        ) from error


def decode_request(body: bytes, entity_column: str | None = None) -> InferRequest:
    """Read an inference request; raises DataError naming what is wrong and where.

    `entity_column` is the input that names a row's entity where the parameter `entity` does not.

    >>> request = decode_request(
    ...     b'{"id": "a", "parameters": {"entity": "ana"}, "inputs": '
    ...     b'[{"name": "age", "shape": [2], "datatype": "FP64", "data": [31, null]}]}'
    ... )
    >>> request.rows, request.entities
    (2, ('ana', 'ana'))
    >>> columns_of(request, [Input("age", "number")])
    {'age': array([31., nan])}
    """
    return checked(decode_body(body), entity_column)


def checked(given: Body, entity_column: str | None = None) -> InferRequest:
    """Return a request whose parts hold together; arguments and errors as of `decode_request`."""
    tensors = {tensor.name: tensor for tensor in given.inputs}
    if len(tensors) != len(given.inputs):
        raise DataError("Two inputs have the same name; give each column once.")
    demand_short_id(given.id)
    rows = _rows(given.inputs)
    return InferRequest(
        id=given.id or None,
        rows=rows,
        tensors=tensors,
        entities=entities_of(given, rows, entity_column),
        outputs=None if not given.outputs else tuple(output.name for output in given.outputs),
    )


def demand_short_id(given: str | None) -> None:
    """Raise DataError where a request's id is too long."""
    if given is not None and len(given) > _LONGEST_ID:
        raise DataError(f"The id is longer than {_LONGEST_ID} characters; give a shorter one.")


def columns_of(
    request: InferRequest, inputs: Sequence[Input], also: frozenset[str] = frozenset()
) -> Columns:
    """Return the model's input columns, and the columns `also` needed, of the kind they come in.

    Inputs that nobody asks for are left aside, so that a client may send what an earlier or a
    later version of the model needs. Raises DataError naming every column that is missing.
    """
    kinds = {column.name: column.kind for column in inputs}
    names = [*kinds, *sorted(also - set(kinds))]
    missing = [name for name in names if name not in request.tensors]
    if missing:
        raise DataError(
            f"The request lacks the input{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has {', '.join(sorted(request.tensors))[:500]}. Send each as one tensor."
        )
    return {name: values_of(request.tensors[name], kinds.get(name)) for name in names}


def output_tensor(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    """Return one tensor of an answer; rows that are lists make its second dimension.

    >>> output_tensor("decision", "BYTES", ["call"])
    {'name': 'decision', 'datatype': 'BYTES', 'shape': [1], 'data': ['call']}
    """
    shape = [len(data), *([len(data[0])] if data and isinstance(data[0], list) else [])]
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def encode_answer(document: Mapping[str, Any]) -> bytes:
    """Return an answer as JSON."""
    return msgspec.json.encode(document)


def encode_error(text: str) -> bytes:
    r"""Return an error in the protocol's form; characters that UTF-8 has not become `?`.

    >>> encode_error("no such model")
    b'{"error":"no such model"}'
    """
    return msgspec.json.encode({"error": text.encode(errors="replace").decode()})


def _rows(tensors: Sequence[Tensor]) -> int:
    if not tensors:
        raise DataError("The request has no inputs; send one tensor for each column.")
    counts = {tensor.name: row_count(tensor) for tensor in tensors}
    rows = next(iter(counts.values()))
    unequal = [f"{name} has {count}" for name, count in counts.items() if count != rows]
    if unequal:
        for tensor in tensors:
            if isinstance(tensor.data, list) and len(tensor.data) != counts[tensor.name]:
                values_of(tensor, None)  # its shape and its values do not agree: that is told
        raise DataError(
            f"All inputs need the same number of rows: {tensors[0].name} has {rows}, "
            f"{', '.join(unequal[:5])}."
        )
    if not 0 < rows <= MAX_ROWS:
        raise DataError(f"The request has {rows} rows; send 1 to {MAX_ROWS}.")
    return rows


def entities_of(body: Body, rows: int, column: str | None) -> tuple[str, ...] | None:
    """Return whom each row is about: by the parameter `entity`, else by a column.

    None where neither is there; DataError where they do not name one for each row.
    """
    given = None if body.parameters is None else body.parameters.get("entity")
    if given is None:
        tensor = None
        if column is not None:
            tensor = next((tensor for tensor in body.inputs if tensor.name == column), None)
        if tensor is None:
            return None
        given = values_of(tensor, None).tolist()
    if not isinstance(given, list):
        return (_entity(given),) * rows
    if len(given) != rows:
        raise DataError(
            f"The parameter `entity` names {len(given)} entities for {rows} rows; "
            "give one for each row, or one for all."
        )
    return tuple(map(_entity, given))


def _entity(given: object) -> str:
    """Return an entity as text: 17, 17.0 and "17" are the same one."""
    if isinstance(given, float) and np.isfinite(given) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise DataError(
            f"An entity is {shown(given)}; name it by a text or a whole number, so that it "
            "stays on one arm of a release."
        )
    text = str(given)
    if not 0 < len(text) <= _LONGEST_ENTITY:
        raise DataError(f"An entity needs a name of 1 to {_LONGEST_ENTITY} characters.")
    return text
