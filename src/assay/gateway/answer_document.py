"""Answers of the Open Inference Protocol: one request's share of what was answered at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from assay.deploy.answering import Answered
from assay.deploy.serving import Serving
from assay.errors import DataError
from assay.evidence.bundle import Signature
from assay.gateway.protocol import Body

__all__ = [
    "REASONS",
    "Told",
    "encode_told",
    "output_names",
    "output_shape",
    "wanted_outputs",
]

REASONS = "reasons"
"""The output that is given only where it is asked for: what moved each row's answer most."""


@dataclass(slots=True)
class Told:
    """What one request is told: rows `begin` to `end` of what was answered.

    `name` is what the request is called, `ids` are the predictions' ids; `reasons` has one text for
    each of its rows where it asked for them. `captured` is False where it is known that the
    predictions could not be recorded.
    """

    serving: Serving
    body: Body
    name: str
    ids: Sequence[str]
    answered: Answered
    begin: int
    end: int
    reasons: Sequence[str] | None = None
    captured: bool = True

    def rows(self, output: str) -> list[Any]:
        """Return its rows of an output."""
        if output == REASONS:
            return list(self.reasons or ())
        values: list[Any] = getattr(self.answered, output)[self.begin : self.end]
        return values

    @property
    def parameters(self) -> dict[str, Any]:
        """What is told beside the outputs, after what the client sent with its request."""
        answered, begin, end = self.answered, self.begin, self.end
        told: dict[str, Any] = dict(self.body.parameters) if self.body.parameters else {}
        told["prediction_ids"] = self.ids
        told["arms"] = answered.arm[begin:end]
        told["versions"] = [str(version) for version in answered.version[begin:end]]
        if answered.flags is not None and any(flags := answered.flags[begin:end]):
            told["flags"] = flags
        if not self.captured:
            told["captured"] = False
        return told


def output_shape(signature: Signature, name: str) -> list[int]:
    """Return an output's shape: one number a row, but K probabilities of K > 2 outcomes."""
    several = name == "probability" and len(signature.labels) > 2
    return [-1, len(signature.labels)] if several else [-1]


def output_names(signature: Signature) -> Mapping[str, str]:
    """Return the outputs of a model and their datatypes.

    `probability` is that of the positive outcome, or of K > 2 outcomes one for each in the order of
    the signature's labels. `reasons` (see `REASONS`) is not among them.
    """
    return _AMOUNTS if signature.task == "regression" else _CLASSES


_CLASSES = {
    "prediction": "BYTES",
    "probability": "FP64",
    "decision": "BYTES",
    "expected_value": "FP64",
}
_AMOUNTS = {"prediction": "FP64", "decision": "FP64", "expected_value": "FP64"}


def wanted_outputs(serving: Serving, body: Body) -> Sequence[str]:
    """Return the names of the outputs asked for; DataError where there is no such output."""
    datatypes = output_names(serving.arms[0].scorer.signature)
    if not body.outputs:
        return tuple(datatypes)
    wanted = [output.name for output in body.outputs]
    for name in wanted:
        if name not in datatypes and name != REASONS:
            raise DataError(
                f"There is no output {name[:50]!r}; there are {', '.join(datatypes)}, "
                f"and on request {REASONS}."
            )
    return wanted


def encode_told(told: Told) -> bytes:
    """Return an answer as JSON."""
    serving, n = told.serving, told.end - told.begin
    datatypes = output_names(serving.arms[0].scorer.signature)
    parameters = told.parameters
    versions = parameters["versions"]
    outputs = []
    begin, end, answered = told.begin, told.end, told.answered
    for name in wanted_outputs(serving, told.body) if told.body.outputs else datatypes:
        data = getattr(answered, name)[begin:end] if name in datatypes else told.rows(name)
        shape = [n, len(data[0])] if type(data[0]) is list else [n]
        datatype = datatypes.get(name, "BYTES")
        outputs.append({"name": name, "datatype": datatype, "shape": shape, "data": data})
    document = {
        "model_name": serving.desired.model,
        "id": told.body.id or told.name,
        "parameters": parameters,
        "outputs": outputs,
    }
    if n == 1 or len(set(versions)) == 1:
        document["model_version"] = versions[0]
    try:
        return orjson.dumps(document)
    except TypeError:  # halves of characters, which JSON has and UTF-8 has not
        return msgspec.json.encode(document)
