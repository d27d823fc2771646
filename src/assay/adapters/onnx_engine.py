"""Scoring by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input
from assay.ports.engine import Columns, Floats

__all__ = ["OnnxEngine"]

_FAILURES: tuple[type[Exception], ...] = (
    ValueError,
    *(
        kind
        for kind in vars(ort_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
_LARGEST = float(np.finfo(np.float32).max)
_TENSORS = {"number": "tensor(float)", "category": "tensor(string)"}


class OnnxEngine:
    """A model in ONNX with one input of shape (n, 1) for each column.

    Numbers go in as float32 (a number beyond its range is refused: as infinity it would turn
    into a score that means nothing), categories as text. An input of the model belongs to the
    column of the same name; where names differ (converters rewrite dots and blanks), to the column
    at the same place. The score is the last column of the one floating output, P(positive) of
    shape (n, 2) or the point prediction of shape (n, 1); or all of it, of shape (n, K) for K > 2
    outcomes.

    The caller checks the digest of `model` first. Raises ModelError where the bytes are no such
    model. One thread: a gateway scales by processes.
    """

    def __init__(self, model: bytes, inputs: Sequence[Input]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except _FAILURES as error:
            raise ModelError(
                f"The model cannot be loaded by ONNX Runtime {ort.__version__}: {error}. "
                "Convert it anew."
            ) from error
        self._feeds = _feeds(self._session.get_inputs(), inputs)
        self._output = _score_output(self._session.get_outputs())

    def score(self, columns: Columns) -> Floats:
        """Return raw scores before calibration: (n,), or (n, K) for K > 2 outcomes.

        Raises DataError where the model cannot take a row, or has no finite score for one.
        """
        feed = {name: _tensor(column, columns[column.name]) for name, column in self._feeds}
        try:
            (raw,) = self._session.run([self._output], feed)
        except _FAILURES as error:
            raise DataError(f"The model cannot score these rows: {error}.") from error
        answer = np.asarray(raw, dtype=np.float64).reshape(len(raw), -1)
        lost = np.flatnonzero(
            ~np.isfinite(answer if answer.shape[1] > 2 else answer[:, -1:]).all(axis=1)
        )
        if lost.size:
            raise DataError(
                f"The model has no finite score for row {lost[0]}"
                f"{f' and {lost.size - 1} more' if lost.size > 1 else ''}: "
                "a number may be too large, or missing where the model needs one."
            )
        scores: Floats = answer if answer.shape[1] > 2 else answer[:, -1]
        return scores


def _feeds(slots: Sequence[Any], inputs: Sequence[Input]) -> tuple[tuple[str, Input], ...]:
    by_name = {column.name: column for column in inputs}
    if len(slots) != len(inputs):
        raise ModelError(
            f"The model takes {len(slots)} inputs ({', '.join(slot.name for slot in slots)}), "
            f"its signature has {len(inputs)} ({', '.join(by_name)}). Package it anew."
        )
    named = all(slot.name in by_name for slot in slots)
    columns = [by_name[slot.name] for slot in slots] if named else inputs
    for slot, column in zip(slots, columns, strict=True):
        if slot.type != _TENSORS[column.kind]:
            raise ModelError(
                f"The model's input {slot.name} is a {slot.type}, but the column {column.name} is "
                f"a {column.kind} and needs {_TENSORS[column.kind]}. Package it anew."
            )
    return tuple((slot.name, column) for slot, column in zip(slots, columns, strict=True))


def _score_output(slots: Sequence[Any]) -> str:
    found = [slot for slot in slots if slot.type in {"tensor(float)", "tensor(double)"}]
    if len(found) != 1 or not _scores(found[0].shape[1:]):
        given = ", ".join(f"{slot.name}: {slot.type} {slot.shape}" for slot in slots)
        raise ModelError(
            "The model must have one floating output, (n, K) probabilities or (n, 1) predictions; "
            f"it has {given}. Convert classifiers with the option zipmap=False."
        )
    name: str = found[0].name
    return name


def _scores(shape: Sequence[Any]) -> bool:
    """Whether a shape behind the rows is that of scores: none, or one whole number of columns."""
    return not shape or (len(shape) == 1 and isinstance(shape[0], int) and shape[0] > 0)


def _tensor(column: Input, values: NDArray[Any]) -> NDArray[Any]:
    if column.kind == "category":
        return values.reshape(-1, 1)
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(np.abs(values) > _LARGEST)
    if beyond.size:
        raise DataError(
            f"Column {column.name}, row {beyond[0]}: {values[beyond[0]]:g} is beyond what the "
            f"model takes (at most {_LARGEST:.3g} in size). Send a smaller number, or none."
        )
    return values.astype(np.float32).reshape(-1, 1)
