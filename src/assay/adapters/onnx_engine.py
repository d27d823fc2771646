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
from assay.ports.column_blocks import ColumnBlocks
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
_OUTSIDE = "session.model_external_initializers_file_folder_path"
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
    model. One thread where no more `threads` are given (0: one for each core): a gateway scales by
    processes.
    """

    def __init__(self, model: bytes, inputs: Sequence[Input], threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Weights in files of their own would be read from wherever this process was started.
        options.add_session_config_entry(_OUTSIDE, "/dev/null/none")
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except _FAILURES as error:
            raise ModelError(
                f"The model cannot be loaded by ONNX Runtime {ort.__version__}: {error}. "
                "Convert it anew."
            ) from error
        # ONNX Runtime's Python looks at each input once more before it hands them on: a third of
        # the time of a lone row. The feed below names every input; the checks of its C++ remain.
        self._run = getattr(self._session, "_sess", self._session).run
        feeds = _feeds(self._session.get_inputs(), inputs)
        self._numbers = tuple((slot, one.name) for slot, one in feeds if one.kind == "number")
        self._texts = tuple((slot, one.name) for slot, one in feeds if one.kind == "category")
        self._number_names = tuple(name for _, name in self._numbers)
        self._text_names = tuple(name for _, name in self._texts)
        self._text_slots = [slot for slot, _ in self._texts]
        self._slots = [slot for slot, _ in self._numbers]
        self._outputs = [_score_output(self._session.get_outputs())]

    def score(self, columns: Columns) -> Floats:
        """Return raw scores before calibration: (n,), or (n, K) for K > 2 outcomes.

        Raises DataError where the model cannot take a row, or has no finite score for one.
        """
        feed: dict[str, NDArray[Any]] = {}
        if isinstance(columns, ColumnBlocks) and columns.text_names == self._text_names:
            feed.update(zip(self._text_slots, columns.texts[:, :, None], strict=True))
        else:
            feed.update((slot, columns[name].reshape(-1, 1)) for slot, name in self._texts)
        if self._numbers:
            feed.update(zip(self._slots, self._float32(columns), strict=True))
        try:
            (raw,) = self._run(self._outputs, feed, None)
        except _FAILURES as error:
            raise DataError(f"The model cannot score these rows: {error}.") from error
        answer = raw.reshape(len(raw), -1)
        scores: Floats = (answer if answer.shape[1] > 2 else answer[:, -1]).astype(np.float64)
        if not np.isfinite(scores).all():
            raise _without_score(scores)
        return scores

    def _float32(self, columns: Columns) -> NDArray[np.float32]:
        """Return the numbers as the model takes them, (columns, n, 1), in the order of its slots.

        One array for all of them: for few rows the calls cost more than the work.
        """
        names = self._number_names
        if isinstance(columns, ColumnBlocks) and columns.number_names == names:
            whole = columns.numbers
        else:
            whole = np.concatenate([columns[name] for name in names])
        if np.fmax.reduce(np.abs(whole), axis=None, initial=0.0) > _LARGEST:
            for name in names:
                _demand_in_range(name, columns[name])
        block: NDArray[np.float32] = whole.astype(np.float32).reshape(len(self._numbers), -1, 1)
        return block


def _without_score(scores: Floats) -> DataError:
    lost = np.flatnonzero(~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1))
    return DataError(
        f"The model has no finite score for row {lost[0]}"
        f"{f' and {lost.size - 1} more' if lost.size > 1 else ''}: "
        "a number may be too large, or missing where the model needs one."
    )


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


def _demand_in_range(name: str, values: NDArray[Any]) -> None:
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(np.abs(values) > _LARGEST)
    if beyond.size:
        raise DataError(
            f"Column {name}, row {beyond[0]}: {values[beyond[0]]:g} is beyond what the "
            f"model takes (at most {_LARGEST:.3g} in size). Send a smaller number, or none."
        )
