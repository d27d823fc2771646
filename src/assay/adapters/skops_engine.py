"""A scikit-learn model read by skops, fed as cheaply as it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import scipy.sparse
import sklearn
import skops.io
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from assay.errors import DataError, ModelError
from assay.evidence.uncompiled import Uncompiled
from assay.ports.engine import Columns, Floats

__all__ = ["SkopsModel"]


class SkopsModel:
    """A scikit-learn estimator for rows of the columns that it reads.

    Its file holds no type beyond those that skops knows to be safe and those that its description
    names; the caller checked that these were audited, or had leave. Raises ModelError where it
    does, or cannot be read.
    """

    def __init__(self, content: bytes, uncompiled: Uncompiled, kinds: Mapping[str, str]) -> None:
        estimator = _read(content, uncompiled)
        # Rows are looked at in `score`, and scores once more after: see `_checked`.
        sklearn.set_config(assume_finite=True, skip_parameter_validation=True)
        self._task, self._places = uncompiled.task, uncompiled.places
        self._numbers = [name for name in uncompiled.features if kinds[name] == "number"]
        feed = _Parts if uncompiled.feed == "parts" else _Frame
        self._predict = feed(estimator, uncompiled, kinds).predict

    def score(self, columns: Columns) -> Floats:
        """Return raw scores, (n,) or (n, K); DataError where there are none for a row."""
        gaps = not all(np.isfinite(columns[name]).all() for name in self._numbers)
        try:
            # Without its own look at gaps, an estimator that takes none would make up a score.
            with sklearn.config_context(assume_finite=not gaps):
                answer = np.asarray(self._predict(columns), dtype=np.float64)
        except Exception as error:
            text = str(error).strip().split("\n")[0]
            raise DataError(
                f"The model cannot score these rows: {type(error).__name__}: {text}."
            ) from error
        if self._task == "regression":
            return _checked(answer.reshape(len(answer)))
        if len(self._places) == 1:
            return _checked(answer[:, self._places[0]])
        return _checked(answer[:, list(self._places)])


def _read(content: bytes, uncompiled: Uncompiled) -> Any:
    try:
        strange = set(skops.io.get_untrusted_types(data=content)) - set(uncompiled.trusted)
        estimator = None if strange else skops.io.loads(content, trusted=[*uncompiled.trusted])
    except Exception as error:
        raise ModelError(
            f"The model cannot be read by skops {skops.__version__} with scikit-learn "
            f"{sklearn.__version__}: {type(error).__name__}: {error}. Build it again."
        ) from error
    if strange:
        raise ModelError(
            f"The model holds types that were not audited: {', '.join(sorted(strange)[:5])}. "
            "Build or submit it again."
        )
    return estimator


def _checked(scores: Floats) -> Floats:
    lost = np.flatnonzero(~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1))
    if lost.size:
        raise DataError(
            f"The model has no finite score for row {lost[0]}"
            f"{f' and {lost.size - 1} more' if lost.size > 1 else ''}: "
            "a number may be missing where the model needs one."
        )
    return scores


def _prediction(estimator: Any, task: str) -> Callable[[Any], Any]:
    predict: Callable[[Any], Any] = (
        estimator.predict_proba if task == "classification" else estimator.predict
    )
    return predict


class _Frame:
    """Rows as a polars frame, as training had them."""

    def __init__(self, estimator: Any, uncompiled: Uncompiled, kinds: Mapping[str, str]) -> None:
        self._predict = _prediction(estimator, uncompiled.task)
        self._polars = import_module("polars")
        self._types = {
            name: self._polars.Float64 if kinds[name] == "number" else self._polars.String
            for name in uncompiled.features
        }

    def predict(self, columns: Columns) -> Any:
        ordered = {
            name: self._polars.Series(name, columns[name], dtype=kind)
            for name, kind in self._types.items()
        }
        return self._predict(self._polars.DataFrame(ordered))


class _Parts:
    """Rows as the steps of the first ColumnTransformer read them, each its own part at once.

    A frame for one row costs more than the model. Without a ColumnTransformer all columns are
    numbers, and the model reads one matrix.
    """

    def __init__(self, estimator: Any, uncompiled: Uncompiled, kinds: Mapping[str, str]) -> None:
        first, *later = _flat(estimator)
        names, self._sparse = uncompiled.features, False
        self._parts: list[tuple[list[str], bool, Callable[[Any], Any]]] = []
        if isinstance(first, ColumnTransformer):
            self._sparse = first.sparse_output_
            for columns, transform in _steps(first):
                read = [names[place] for place in columns]
                numbers = all(kinds[name] == "number" for name in read)
                self._parts.append((read, numbers, transform))
        else:
            self._parts.append((list(names), True, _same))
            later = [first, *later]
        *between, last = later
        self._between = [step.transform for step in between]
        self._predict = _prediction(last, uncompiled.task)

    def predict(self, columns: Columns) -> Any:
        made = [
            transform(_matrix([columns[name] for name in read], numbers=numbers))
            for read, numbers, transform in self._parts
        ]
        rows = made[0] if len(made) == 1 else self._joined(made)
        for transform in self._between:
            rows = transform(rows)
        return self._predict(rows)

    def _joined(self, made: list[Any]) -> Any:
        if self._sparse:
            return scipy.sparse.hstack(made).tocsr()
        return np.hstack([one.toarray() if scipy.sparse.issparse(one) else one for one in made])


def _flat(estimator: Any) -> Iterator[Any]:
    """Yield the steps of a pipeline, and of pipelines in it, without those that do nothing."""
    if not isinstance(estimator, Pipeline):
        yield estimator
        return
    for _, step in estimator.steps:
        if step is not None and step != "passthrough":
            yield from _flat(step)


def _steps(first: ColumnTransformer) -> Iterator[tuple[list[int], Callable[[Any], Any]]]:
    """Yield which columns each step reads, and what it makes of them; ModelError for weights."""
    if first.transformer_weights:
        raise ModelError("A ColumnTransformer with weights is fed as a frame.")
    places = first._transformer_to_input_indices  # noqa: SLF001 - shown nowhere else
    for name, step, _ in first.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if len(places[name]):
            transform = _same if isinstance(step, str) else step.transform
            yield [int(place) for place in places[name]], transform


def _same(rows: Any) -> Any:
    return rows


def _matrix(columns: list[NDArray[Any]], *, numbers: bool) -> NDArray[Any]:
    matrix = np.empty((len(columns[0]), len(columns)), dtype=np.float64 if numbers else object)
    for place, column in enumerate(columns):
        matrix[:, place] = column
    return matrix
