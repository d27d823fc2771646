"""Scoring by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from assay.adapters.onnx_feeds import BlockFeed, ColumnFeed, Feed, surely_small
from assay.errors import DataError, ModelError
from assay.evidence.bundle import Input
from assay.evidence.input_blocks import read_blocks
from assay.ports.engine import Columns, Floats

__all__ = ["OnnxEngine"]

_FAILURES: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    *(
        kind
        for kind in vars(ort_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
_OUTSIDE = "session.model_external_initializers_file_folder_path"


class OnnxEngine:
    """A model in ONNX with one input of shape (n, 1) for each column, or one for a block of them.

    Numbers go in as float32 (a number beyond its range is refused: as infinity it would turn
    into a score that means nothing), categories as text. The model's own metadata say how columns
    lie in blocks, where they do (see `InputBlocks`). The score is the last column of the one
    floating output, P(positive) of shape (n, 2) or the point prediction of shape (n, 1); or all of
    it, of shape (n, K) for K > 2 outcomes.

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
        self._feed = _feed(self._session, inputs)
        self._outputs = [_score_output(self._session.get_outputs())]

    def score(self, columns: Columns) -> Floats:
        """Return raw scores before calibration: (n,), or (n, K) for K > 2 outcomes.

        Raises DataError where the model cannot take a row, or has no finite score for one.
        """
        try:
            feed = self._feed.of(columns)
            (raw,) = self._run(self._outputs, feed, None)
        except _FAILURES as error:
            raise DataError(f"The model cannot score these rows: {error}.") from error
        answer = raw.reshape(len(raw), -1)
        scores: Floats = (answer if answer.shape[1] > 2 else answer[:, -1]).astype(np.float64)
        if not surely_small(scores) and not np.isfinite(scores).all():
            raise _without_score(scores)
        return scores


def _without_score(scores: Floats) -> DataError:
    lost = np.flatnonzero(~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1))
    return DataError(
        f"The model has no finite score for row {lost[0]}"
        f"{f' and {lost.size - 1} more' if lost.size > 1 else ''}: "
        "a number may be too large, or missing where the model needs one."
    )


def _feed(session: ort.InferenceSession, inputs: Sequence[Input]) -> Feed:
    slots = session.get_inputs()
    metadata = session.get_modelmeta().custom_metadata_map
    forms = {slot.name: (slot.type[len("tensor(") : -1], tuple(slot.shape[1:])) for slot in slots}
    blocks = read_blocks(metadata, forms)
    return ColumnFeed(slots, inputs) if blocks is None else BlockFeed(blocks, slots, inputs)


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
