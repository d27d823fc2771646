"""The Open Inference Protocol, version 2, as far as an edge needs it: requests in, answers out."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.deploy.edge.deciding import Refused
from assay.deploy.edge.exported import Exported

__all__ = ["Request", "document_of", "read_request"]

_FLOATS = ("FP16", "FP32", "FP64")
_WHOLE = tuple(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))


class Request:
    """A request that holds together: columns, one prediction id and entity for each row."""

    def __init__(self, model: Exported, given: Mapping[str, Any]) -> None:
        tensors = {one["name"]: one for one in given["inputs"]}
        kinds = {one["name"]: one["kind"] for one in model.inputs} | dict.fromkeys(model.also)
        missing = [name for name in kinds if name not in tensors]
        if missing or len(tensors) != len(given["inputs"]):
            raise Refused(f"Send each input once; missing are: {', '.join(missing) or 'none'}.")
        self.columns = {name: _column(tensors[name], kind) for name, kind in kinds.items()}
        lengths = {len(values) for values in self.columns.values()}
        if len(lengths) != 1 or not 0 < max(lengths) <= model.about["most_rows"]:
            raise Refused(f"Inputs need one number of rows, 1 to {model.about['most_rows']}.")
        (self.rows,) = lengths
        self.outputs = [one["name"] for one in given.get("outputs") or ()]
        named = (given.get("parameters") or {}).get("entity")
        self.entities = self._entities(named, model.about["entity"], tensors)
        self.name = uuid.uuid4().hex
        if given.get("id"):
            self.name = _named(given["id"], [tensors, self.entities], model.key)
        self.id = given.get("id") or self.name
        self.ids = [f"{self.name}/{row}" for row in range(self.rows)]

    def _entities(
        self, named: Any, column: str | None, tensors: Mapping[str, Any]
    ) -> list[str] | None:
        if named is None and column is not None:
            if column not in tensors:
                raise Refused(f"Each row is about a {column}: send it as the parameter `entity`.")
            named = _column(tensors[column], None).tolist()
        listed = named if isinstance(named, list) else [named] * self.rows
        if len(listed) != self.rows:
            raise Refused("Send one `entity` for each row, or one for all.")
        return None if named is None else [_entity(one) for one in listed]


def read_request(model: Exported, body: bytes) -> Request:
    """Read an inference request; Refused where it is none."""
    try:
        return Request(model, json.loads(body, parse_constant=_not_json))
    except Refused:
        raise
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError) as e:
        raise Refused(
            f"The body is no inference request: {e!r}. "
            'Send JSON: {"inputs": [{"name", "shape", "datatype", "data"}, ...]}.'
        ) from e


def document_of(model: Exported, asked: Request, found: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return the answer to a request."""
    texts = "BYTES" if model.classifies else "FP64"
    kinds = {
        "prediction": texts,
        "probability": "FP64",
        "decision": texts,
        "expected_value": "FP64",
    }
    if not model.classifies:
        del kinds["probability"]
    unknown = [name for name in asked.outputs if name not in kinds]
    if unknown:
        raise Refused(f"There is no output {unknown[0]!r}; there are {', '.join(kinds)}.")
    version = str(model.about["version"])
    told: dict[str, Any] = {
        "prediction_ids": asked.ids,
        "arms": [model.about["arm"]] * asked.rows,
        "versions": [version] * asked.rows,
    }
    if any(found["flags"]):
        told["flags"] = found["flags"]
    outputs = [
        {"name": one, "datatype": kinds[one], "shape": np.shape(found[one]), "data": found[one]}
        for one in asked.outputs or kinds
    ]
    own = {"model_name": model.about["model"], "model_version": version, "id": asked.id}
    return {**own, "parameters": told, "outputs": outputs}


def _named(given: str, asked: list[Any], key: bytes) -> str:
    """Return what a request that names itself is called: sent again the same, and no other one.

    The digest of what was asked is keyed: captures keep it, and nobody without the key can try out
    what was asked.
    """
    if not 0 < len(given.encode()) <= 200:
        raise Refused("The id is a text of at most 200 bytes.")
    text = json.dumps(asked, sort_keys=True).encode()
    digest = hashlib.blake2b(text, key=key, digest_size=8, person=b"prediction id")
    return f"{given}-{digest.hexdigest()}"


def _column(tensor: Mapping[str, Any], kind: str | None) -> Any:
    """Return a column: float64 with NaN, or an object array of str with ""."""
    datatype, data = tensor["datatype"], _flat(tensor)
    types = {type(value) for value in data}
    if datatype == "BOOL" and types <= {bool}:
        words = ["true" if value else "false" for value in data]
        return _texts(words) if kind == "category" else np.array(data, dtype=np.float64)
    if datatype == "BYTES" and kind != "number" and types <= {str, type(None)}:
        return _texts(["" if value is None else value for value in data])
    if kind != "category" and datatype in _FLOATS and types <= {int, float, type(None)}:
        values = np.array(data, dtype=np.float64)
        if not np.isinf(values).any():
            return values
    if kind != "category" and datatype in _WHOLE and types <= {int}:
        limits = np.iinfo(datatype.lower())
        if all(limits.min <= value <= limits.max for value in data):
            return np.array(data, dtype=np.float64)
    name = tensor["name"]
    raise Refused(f"Input {name} comes as {datatype}, or holds values that do not go with it.")


def _flat(tensor: Mapping[str, Any]) -> list[Any]:
    shape, data = tensor["shape"], tensor["data"]
    if len(shape) == 2 and all(isinstance(one, list) for one in data):
        data = [value for (value,) in data]
    if shape not in ([len(data)], [len(data), 1]):
        raise Refused(
            f"Input {tensor['name']} needs the shape [rows] or [rows, 1], and so many values."
        )
    return list(data)


def _not_json(word: str) -> Any:
    raise Refused(f"JSON has no {word}; send null for a number that is missing.")


def _texts(values: Sequence[str]) -> Any:
    "".join(values).encode()  # halves of characters are refused here
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _entity(given: Any) -> str:
    """Return an entity as text: 17, 17.0 and "17" are the same one."""
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if type(given) not in (str, int) or not 0 < len(str(given)) <= 1000:
        raise Refused("An entity is named by a text or a whole number of at most 1000 characters.")
    str(given).encode()  # halves of characters are refused here
    return str(given)
