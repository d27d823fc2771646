"""MLflow's scoring protocol, in the words of the inference protocol and back.

Source: https://mlflow.org/docs/latest/ml/deployment (`/invocations`): JSON with one of
`dataframe_split`, `dataframe_records`, `instances` and `inputs`, and `params` beside it; or CSV
with a head. The answer has `predictions`; what they are named by lies in its `parameters`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.deploy.serving import Serving
from assay.errors import DataError
from assay.gateway.answer_document import Told
from assay.gateway.batching import Form
from assay.gateway.http_message import Request
from assay.gateway.protocol import Body
from assay.gateway.refusal import Refusal
from assay.gateway.tensor import shown

__all__ = ["invocation"]

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_DATATYPES = {"number": "FP64", "category": "BYTES"}
_TRUE, _FALSE = "true", "false"

Table = Mapping[str, Sequence[Any]]


def invocation(serving: Serving, request: Request) -> Form:
    """Return how a request to `/invocations` is read and answered.

    `params` become the request's parameters, but `id` and `outputs` (a list of names; one of them
    gives plain predictions, several give records). Raises Refusal (415) for other content.
    """
    kind = request.headers.get(b"content-type", b"application/json").partition(b";")[0].strip()
    if kind.lower() == b"text/csv":
        return Form(lambda body: _inference(_of_csv(body), {}, serving), _predictions)
    if kind.lower() in (b"application/json", b""):
        return Form(lambda body: _inference(*_of_json(body), serving), _predictions)
    raise Refusal(415, "Send JSON (application/json) or CSV (text/csv).")


def _inference(table: Table, params: dict[str, Any], serving: Serving) -> Body:
    """Write a table as a request of the inference protocol."""
    outputs = _outputs(params)
    given = {
        "inputs": [_tensor(name, values, serving.reads) for name, values in table.items()],
        "outputs": [{"name": name} for name in outputs],
        "id": params.pop("id", None),
        "parameters": params or None,
    }
    try:
        return msgspec.convert(given, Body)
    except msgspec.ValidationError as error:
        raise DataError(f"The request is wrong: {error}.") from error


def _predictions(told: Told) -> bytes:
    """Write an answer as MLflow's clients read it."""
    names = [output.name for output in told.body.outputs or ()]
    columns = [told.rows(name) for name in names]
    if len(names) == 1:
        predictions = columns[0]
    else:
        rows = zip(*columns, strict=True)
        predictions = [dict(zip(names, row, strict=True)) for row in rows]
    parameters = {**told.parameters, "model_name": told.serving.desired.model, "id": told.name}
    return msgspec.json.encode({"predictions": predictions, "parameters": parameters})


def _of_json(body: bytes) -> tuple[Table, dict[str, Any]]:
    try:
        given = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise DataError(f"The body is no JSON: {error}.") from error
    forms = [form for form in _FORMS if form in given] if isinstance(given, dict) else []
    if len(forms) != 1:
        raise DataError(f"Send an object with one of {', '.join(_FORMS)}; `params` may be beside.")
    params = given.get("params")
    params = {} if params is None else params
    if not isinstance(params, dict):
        raise DataError("`params` is an object of names and values.")
    form, table = forms[0], given[forms[0]]
    if form == "dataframe_split":
        return _of_split(table), dict(params)
    if form == "inputs" and isinstance(table, dict):
        return _of_columns(table), dict(params)
    return _of_records(form, table), dict(params)


def _of_split(table: Any) -> Table:
    """Read {"columns": [...], "data": [[...], ...]}; an `index` is left aside."""
    columns: Any = table.get("columns") if isinstance(table, dict) else None
    rows: Any = table.get("data") if isinstance(table, dict) else None
    if not _texts(columns) or not isinstance(rows, list):
        raise DataError('`dataframe_split` is {"columns": [names], "data": [rows]}.')
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise DataError(f"Row {place} of `data` is not a list of {len(columns)} values.")
    if len(set(columns)) != len(columns):
        raise DataError("`columns` names a column twice.")
    if not rows:
        return {name: [] for name in columns}
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


def _of_records(form: str, table: Any) -> Table:
    """Read [{name: value, ...}, ...]; a name that one record lacks is missing there."""
    if not isinstance(table, list) or not all(isinstance(row, dict) for row in table):
        raise DataError(f"`{form}` is a list of records, each with the columns by name.")
    names = dict.fromkeys(name for row in table for name in row)
    return {name: [row.get(name) for row in table] for name in names}


def _of_columns(table: Mapping[str, Any]) -> Table:
    """Read {name: [values]}; a value alone is one row."""
    return {
        name: values if isinstance(values, list) else [values] for name, values in table.items()
    }


def _of_csv(body: bytes) -> Table:
    """Read rows below a head; an empty field is a missing value."""
    try:
        head, *rows = [row for row in csv.reader(io.StringIO(body.decode())) if row]
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise DataError(f"The body is no CSV with a head: {error}.") from error
    strange = next((n for n, row in enumerate(rows) if len(row) != len(head)), None)
    if strange is not None or len(set(head)) != len(head):
        where = "the head names a column twice" if strange is None else f"row {strange} is uneven"
        raise DataError(f"The body is no CSV of {len(head)} columns: {where}.")
    return {name: [row[place] or None for row in rows] for place, name in enumerate(head)}


def _tensor(name: str, values: Sequence[Any], reads: Mapping[str, str | None]) -> dict[str, Any]:
    """Return a column as the model reads it; one that it does not read, as it came."""
    kind = reads.get(name)
    datatype = _DATATYPES[kind] if kind is not None else _datatype(values)
    if datatype == "FP64":
        data = [_number(name, value) for value in values]
    else:
        data = [_text(value) for value in values]
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


def _datatype(values: Sequence[Any]) -> str:
    numbers = (int, float, type(None))
    return "FP64" if all(isinstance(value, numbers) for value in values) else "BYTES"


def _number(name: str, value: Any) -> Any:
    """Return a number; texts of numbers (from CSV) are read."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError as error:
            raise DataError(
                f"Column {name[:100]} needs numbers; {shown(value)} is none."
            ) from error
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _outputs(params: dict[str, Any]) -> list[str]:
    wanted = params.pop("outputs", ["prediction"])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if not _texts(wanted) or not wanted:
        raise DataError("`params.outputs` is a list of names of outputs.")
    return list(wanted)


def _texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)
