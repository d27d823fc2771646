"""The Open Inference Protocol, version 2, as far as an edge needs it: requests in, answers out."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.deploy.edge.exported import Exported
from assay.deploy.edge.payoffs import Refused

__all__ = ["Request", "document_of", "read_request"]

_FLOATS = ("FP16", "FP32", "FP64")
_WHOLE = tuple(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))


class Request:
    """A request that holds together: columns, one prediction id and entity for each row."""

    def __init__(self, model: Exported, given: Mapping[str, Any]) -> None:
        tensors = {one["name"]: one for one in given["inputs"]}
        kinds: dict[str, str | None] = {one["name"]: one["kind"] for one in model.inputs}
        kinds |= {name: None for name in model.also if name not in kinds}
        missing = [name for name in kinds if name not in tensors]
        if missing or len(tensors) != len(given["inputs"]):
            raise Refused(f"Send each input once; missing are: {', '.join(missing) or 'none'}.")
        self.columns = {name: _column(tensors[name], kind) for name, kind in kinds.items()}
        lengths = {len(values) for values in self.columns.values()}
        if len(lengths) != 1 or not 0 < max(lengths) <= model.about["most_rows"]:
            raise Refused(f"Inputs need one number of rows, 1 to {model.about['most_rows']}.")
        (self.rows,) = lengths
        self.id: str | None = given.get("id") or None
        if self.id is not None and not 0 < len(self.id.encode()) <= 200:
            raise Refused("The id is a text of at most 200 bytes.")
        self.outputs = [one["name"] for one in given.get("outputs") or ()]
        named = (given.get("parameters") or {}).get("entity")
        self.entities = self._entities(named, model.about["entity"], tensors)
        self.name = uuid.uuid4().hex
        if self.id is not None:
            asked = json.dumps([given["inputs"], self.entities], sort_keys=True)
            self.name = f"{self.id}-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
        self.ids = [f"{self.name}/{row}" for row in range(self.rows)]

    def _entities(
        self, named: Any, column: str | None, tensors: Mapping[str, Any]
    ) -> list[str] | None:
        if named is None and column is not None and column in tensors:
            named = _column(tensors[column], None).tolist()
        if named is None:
            if column is None:
                return None
            raise Refused(f"Each row is about a {column}: send it as the parameter `entity`.")
        listed = named if isinstance(named, list) else [named] * self.rows
        if len(listed) != self.rows:
            raise Refused("Send one `entity` for each row, or one for all.")
        return [_entity(one) for one in listed]


def read_request(model: Exported, body: bytes) -> Request:
    """Read an inference request; Refused where it is none."""
    try:
        return Request(model, json.loads(body, parse_constant=_not_json))
    except Refused:
        raise
    except (
        AttributeError,
        KeyError,
        TypeError,
        ArithmeticError,
        ValueError,
        RecursionError,
    ) as error:
        raise Refused(
            f"The body is no inference request: {error!r}. "
            'Send JSON: {"inputs": [{"name", "shape", "datatype", "data"}, ...]}.'
        ) from error


def document_of(
    model: Exported, request: Request, found: Mapping[str, list[Any]], parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return the answer to a request, with further parameters where there are any."""
    kinds = {"prediction": "BYTES", "probability": "FP64", "decision": "BYTES"}
    if not model.classifies:
        kinds = {"prediction": "FP64", "decision": "FP64"}
    kinds["expected_value"] = "FP64"
    unknown = [name for name in request.outputs if name not in kinds]
    if unknown:
        raise Refused(f"There is no output {unknown[0]!r}; there are {', '.join(kinds)}.")
    version = str(model.about["version"])
    told: dict[str, Any] = {
        "prediction_ids": request.ids,
        "arms": [model.about["arm"]] * request.rows,
        "versions": [version] * request.rows,
    }
    if any(found["flags"]):
        told["flags"] = found["flags"]
    return {
        "model_name": model.about["model"],
        "model_version": version,
        "id": request.id or request.name,
        "parameters": told | parameters,
        "outputs": [_tensor_of(one, kinds[one], found[one]) for one in request.outputs or kinds],
    }


def _tensor_of(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    shape = [len(data), *([len(data[0])] if isinstance(data[0], list) else [])]
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _column(tensor: Mapping[str, Any], kind: str | None) -> Any:
    """Return a column: float64 with NaN, or an object array of str with ""."""
    name, datatype, shape, data = (tensor[key] for key in ("name", "datatype", "shape", "data"))
    if len(shape) == 2 and shape[1] == 1 and all(isinstance(one, list) for one in data):
        data = [value for (value,) in data]
    if len(shape) not in (1, 2) or shape[1:] not in ([], [1]) or shape[0] != len(data):
        raise Refused(f"Input {name} needs the shape [rows] or [rows, 1], and so many values.")
    types, boolean = {type(value) for value in data}, datatype == "BOOL"
    if boolean and types <= {bool}:
        texts: Sequence[Any] = ["true" if value else "false" for value in data]
        return np.array(data, dtype=np.float64) if kind != "category" else _texts(texts)
    if datatype == "BYTES" and kind != "number" and types <= {str, type(None)}:
        return _texts(["" if value is None else value for value in data])
    wanted = {int, float, type(None)} if datatype in _FLOATS else {int}
    if datatype in (*_FLOATS, *_WHOLE) and kind != "category" and types <= wanted:
        values = np.array(data, dtype=np.float64)
        if not np.isinf(values).any() and (datatype in _FLOATS or _holds(datatype, data)):
            return values
    raise Refused(f"Input {name} comes as {datatype}, or holds values that do not go with it.")


def _holds(datatype: str, data: list[int]) -> bool:
    limits = np.iinfo(datatype.lower())
    return limits.min <= min(data, default=0) and max(data, default=0) <= limits.max


def _not_json(word: str) -> Any:
    raise Refused(f"JSON has no {word}; send null for a number that is missing.")


def _texts(values: Sequence[Any]) -> Any:
    "".join(values).encode()  # halves of characters are refused here
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _entity(given: Any) -> str:
    """Return an entity as text: 17, 17.0 and "17" are the same one."""
    if isinstance(given, float) and np.isfinite(given) and given.is_integer():
        given = int(given)
    if (
        isinstance(given, bool)
        or not isinstance(given, str | int)
        or not 0 < len(str(given)) <= 1000
    ):
        raise Refused("An entity is named by a text or a whole number of at most 1000 characters.")
    str(given).encode()
    return str(given)
