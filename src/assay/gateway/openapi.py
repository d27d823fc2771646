"""The gateway's API as OpenAPI 3.1: every path, every status, every form; written by hand."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import Any

import msgspec

__all__ = ["OPENAPI", "openapi"]

_JSON = "application/json"
_DATATYPES = [
    *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    *("FP16", "FP32", "FP64", "BYTES"),
]

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_OBJECT = {"type": "object"}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    names = required.split()
    return {
        "type": "object",
        "properties": properties,
        **({"required": names} if names else {}),
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_SCHEMAS: dict[str, Any] = {
    "Error": _object("error", error=_TEXT),
    "Tensor": _object(
        "name shape datatype data",
        name=_TEXT,
        shape=_list({"type": "integer", "minimum": 0}),
        datatype={"type": "string", "enum": _DATATYPES},
        data=_list({}),
        parameters={"type": ["object", "null"]},
    ),
    "InferRequest": _object(
        "inputs",
        id={"type": ["string", "null"], "maxLength": 200},
        parameters={
            "type": ["object", "null"],
            "properties": {
                "entity": {"description": "Whom each row is about: one for all, or a list."},
                "deadline_ms": {"type": "number", "exclusiveMinimum": 0},
            },
        },
        inputs=_list(_ref("Tensor")),
        outputs={"type": ["array", "null"], "items": _object("name", name=_TEXT)},
    ),
    "InferResponse": _object(
        "model_name id parameters outputs",
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        parameters=_ref("Answered"),
        outputs=_list(_ref("Tensor")),
    ),
    "Answered": _object(
        "prediction_ids arms versions",
        prediction_ids=_TEXTS,
        arms=_TEXTS,
        versions=_TEXTS,
        flags=_list(_TEXTS),
        captured={"type": "boolean"},
    ),
    "Column": _object(
        "name datatype shape",
        name=_TEXT,
        datatype=_TEXT,
        shape=_list({"type": "integer"}),
    ),
    "ModelMetadata": _object(
        "name versions platform inputs outputs",
        name=_TEXT,
        versions=_TEXTS,
        platform=_TEXT,
        inputs=_list(_ref("Column")),
        outputs=_list(_ref("Column")),
        parameters=_OBJECT,
    ),
    "ServerMetadata": _object(
        "name version extensions", name=_TEXT, version=_TEXT, extensions=_TEXTS
    ),
    "Ready": _object(
        "", live={"type": "boolean"}, ready={"type": "boolean"}, name=_TEXT, version=_TEXT
    ),
    "Index": _list(
        _object(
            "name version state reason",
            name=_TEXT,
            version=_TEXT,
            state={"type": "string", "enum": ["READY", "UNAVAILABLE"]},
            reason=_TEXT,
        )
    ),
    "Outcomes": _object(
        "outcomes",
        outcomes={
            "type": "array",
            "minItems": 1,
            "maxItems": 100_000,
            "items": _object(
                "id outcome",
                id={"type": "string", "minLength": 1, "maxLength": 1000},
                outcome={"type": ["string", "number", "boolean"], "maxLength": 1000},
            ),
        },
    ),
    "Accepted": _object("accepted", accepted={"type": "integer"}),
    "Invocation": {
        "type": "object",
        "properties": {
            "dataframe_split": _object(
                "columns data", columns=_TEXTS, data=_list({"type": "array"})
            ),
            "dataframe_records": _list(_OBJECT),
            "instances": _list(_OBJECT),
            "inputs": {"type": ["object", "array"]},
            "params": {
                "type": ["object", "null"],
                "properties": {"outputs": {"type": ["array", "string"], "items": _TEXT}},
            },
        },
    },
    "Predictions": _object(
        "predictions parameters", predictions={"type": "array"}, parameters=_ref("Answered")
    ),
}

_WHY = {
    400: "The request is wrong; the text says where.",
    401: "A key is needed, and none that holds was sent.",
    403: "The key does not open this.",
    404: "There is no such model or version here.",
    405: "The path does not take this method.",
    408: "The request did not come whole in time.",
    413: "The body is too large.",
    415: "The body comes in another form.",
    429: "Too much is asked at once; the header Retry-After says when to come again.",
    431: "The request's head is too large.",
    503: "It could not be loaded or recorded, or nothing is served yet.",
    504: "The deadline was over before it was this request's turn.",
}
_ALWAYS = (400, 405, 408, 413, 431)


def _answer(schema: dict[str, Any], *refusals: int, content: str = _JSON) -> dict[str, Any]:
    refused = {
        str(status): {
            "description": _WHY[status],
            "content": {_JSON: {"schema": _ref("Error")}},
        }
        for status in sorted({*_ALWAYS, *refusals})
    }
    answered = {"description": "Answered.", "content": {content: {"schema": schema}}}
    return {"200": answered, **refused}


def _path(method: str, summary: str, responses: Any, *places: str, **more: Any) -> dict[str, Any]:
    named = [
        {"name": place, "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}
        for place in places
    ]
    parameters = [*named, *more.pop("parameters", [])]
    operation = {"summary": summary, "responses": responses, **more}
    if parameters:
        operation["parameters"] = parameters
    return {method: operation}


def _body(schema: dict[str, Any], *, required: bool = True, csv: bool = False) -> dict[str, Any]:
    content = {_JSON: {"schema": schema}, **({"text/csv": {"schema": _TEXT}} if csv else {})}
    return {"requestBody": {"required": required, "content": content}}


def _header(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": schema}


_DEADLINE = _header("x-deadline-ms", {"type": "number", "exclusiveMinimum": 0})
_MODEL = [
    {"name": "model", "in": "query", "required": False, "schema": {**_TEXT, "minLength": 1}},
    _header("x-model", {**_TEXT, "pattern": "^[A-Za-z0-9_-]+$"}),
]
_VERSION = {"name": "version", "in": "query", "required": False, "schema": _TEXT}
_ON_MODEL = (401, 403, 404, 503)
_INFER = (*_ON_MODEL, 429, 504)


def _of_models() -> dict[str, Any]:
    metadata = _answer(_ref("ModelMetadata"), *_ON_MODEL)
    ready = _answer(_ref("Ready"), *_ON_MODEL)
    infer = _answer(_ref("InferResponse"), *_INFER)
    asked = {**_body(_ref("InferRequest")), "parameters": [_DEADLINE]}
    told = _answer(_ref("Accepted"), *_ON_MODEL, 429)
    one, other = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    both = ("model", "version")
    return {
        one: _path("get", "What a model takes and answers", metadata, "model"),
        f"{one}/ready": _path("get", "Whether a model can be asked", ready, "model"),
        f"{one}/infer": _path("post", "Ask a model", infer, "model", **asked),
        f"{one}/outcomes": _path(
            "post", "Tell what really happened", told, "model", **_body(_ref("Outcomes"))
        ),
        other: _path("get", "What a version takes and answers", metadata, *both),
        f"{other}/ready": _path("get", "Whether a version can be asked", ready, *both),
        f"{other}/infer": _path("post", "Ask one version", infer, *both, **asked),
    }


def _of_mlflow() -> dict[str, Any]:
    asked = _body(_ref("Invocation"), csv=True)
    up = _answer(_ref("Ready"), 503)
    return {
        "/invocations": _path(
            "post",
            "Ask as MLflow's clients do",
            _answer(_ref("Predictions"), *_INFER, 415),
            parameters=[*_MODEL, _VERSION, _DEADLINE],
            **asked,
        ),
        "/ping": _path("get", "Whether models can be asked", up),
        "/health": _path("get", "Whether models can be asked", up),
        "/version": _path(
            "get", "The version of Assay", _answer(_TEXT, 401, content="text/plain; charset=utf-8")
        ),
    }


def _of_gateway() -> dict[str, Any]:
    return {
        "/v2": _path("get", "The server and its extensions", _answer(_ref("ServerMetadata"), 401)),
        "/v2/health/live": _path("get", "Whether the gateway runs", _answer(_ref("Ready"))),
        "/v2/health/ready": _path(
            "get", "Whether models can be asked", _answer(_ref("Ready"), 503)
        ),
        "/v2/repository/index": _path(
            "post",
            "The models that may be asked",
            _answer(_ref("Index"), 401),
            **_body(_object("", ready={"type": "boolean"}), required=False),
        ),
        "/outcomes": _path(
            "post",
            "Tell what really happened",
            _answer(_ref("Accepted"), *_ON_MODEL, 429),
            parameters=_MODEL,
            **_body(_ref("Outcomes")),
        ),
        "/metrics": _path(
            "get",
            "Counters for Prometheus",
            _answer(_TEXT, 401, 403, 503, content="text/plain; version=0.0.4; charset=utf-8"),
        ),
        "/openapi.json": _path("get", "This document", _answer(_OBJECT)),
    }


def openapi() -> dict[str, Any]:
    """Return the document.

    >>> openapi()["openapi"], len(openapi()["paths"])
    ('3.1.0', 18)
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Assay gateway",
            "version": installed_version("assay"),
            "description": "Open Inference Protocol 2, MLflow's scoring protocol, and outcomes.",
        },
        "paths": {**_of_gateway(), **_of_models(), **_of_mlflow()},
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"key": []}],
    }


OPENAPI = msgspec.json.encode(openapi())
"""The document as it is sent."""
