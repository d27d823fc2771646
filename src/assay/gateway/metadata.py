"""What a gateway says of itself and of its models, in the forms of the inference protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version as installed_version
from typing import Any

from assay.deploy.serving import Serving
from assay.gateway.answer_document import REASONS, output_names, output_shape
from assay.gateway.models import ModelEntry

__all__ = ["EXTENSIONS", "model_metadata", "repository_index", "server_metadata"]

EXTENSIONS = ("repository_index", "outcomes", "invocations")
"""What is offered beyond the protocol's text: POST /v2/repository/index (as Triton has it, but
nothing is loaded or unloaded by request), POST .../outcomes, and MLflow's POST /invocations."""

_DATATYPES = {"number": "FP64", "category": "BYTES"}


def server_metadata() -> dict[str, Any]:
    """Return the server's name, version and extensions.

    >>> server_metadata()["name"]
    'assay'
    """
    return {
        "name": "assay",
        "version": installed_version("assay"),
        "extensions": list(EXTENSIONS),
    }


def model_metadata(serving: Serving, index: int) -> dict[str, Any]:
    """Return what the version on one arm takes and answers.

    `parameters` say what a request needs beside the model's inputs: the columns that payoffs read,
    and whom a row is about. The output `reasons` is given where a request asks for it.
    """
    arm = serving.arms[index]
    signature = arm.scorer.signature
    inputs = {column.name: column.kind for column in signature.inputs}
    also = [name for name in serving.reads if name not in inputs]
    names = output_names(signature)
    return {
        "name": serving.desired.model,
        "versions": serving.versions,
        "platform": "onnx_onnxruntime",
        "inputs": [
            {"name": name, "datatype": _DATATYPES[kind], "shape": [-1]}
            for name, kind in inputs.items()
        ],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": output_shape(signature, name)}
            for name, datatype in names.items()
        ]
        + ([{"name": REASONS, "datatype": "BYTES", "shape": [-1]}] if arm.typical else []),
        "parameters": {
            **({"also_read": also} if also else {}),
            **({"entity": serving.desired.entity} if serving.desired.entity else {}),
        },
    }


def repository_index(
    entries: Iterable[ModelEntry], shown: Callable[[ModelEntry], bool], *, ready: bool
) -> list[dict[str, Any]]:
    """Return each model that has a version, and whether it is loaded; `ready` leaves out others."""
    listed = []
    for entry in entries:
        if not entry.desired.arms or not shown(entry):
            continue
        loaded = entry.serving is not None
        if loaded or not ready:
            listed.append(
                {
                    "name": entry.name,
                    "version": str(entry.desired.arms[0].version),
                    "state": "READY" if loaded else "UNAVAILABLE",
                    "reason": "" if loaded else "loaded with its first request",
                }
            )
    return listed
