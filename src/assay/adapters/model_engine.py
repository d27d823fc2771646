"""The engine that a model's bytes ask for: ONNX Runtime here, or a process of its own."""

from __future__ import annotations

from collections.abc import Sequence

from assay.adapters.onnx_engine import OnnxEngine
from assay.adapters.process_engine import ProcessEngine
from assay.evidence.bundle import Input
from assay.evidence.uncompiled import described
from assay.ports.engine import Engine

__all__ = ["load_model"]


def load_model(
    model: bytes, inputs: Sequence[Input], threads: int = 1, *, code: bool = False
) -> Engine:
    """Return a loaded model: compiled models run here, others in a process of their own.

    A compiled model runs on so many `threads`, 0 is one for each core. The caller checks the digest
    of `model` first. `code` is the leave to run code that nobody could audit; it never comes from
    the bundle itself. Raises ModelError where the bytes are no model that can be served, or would
    run such code without leave.
    """
    if described(model) is None:
        return OnnxEngine(model, inputs, threads)
    return ProcessEngine(model, inputs, code=code)
