"""An MLflow model of any flavor, by its Python function."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError, ModelError
from assay.evidence.uncompiled import Uncompiled
from assay.ports.engine import Columns, Floats

__all__ = ["PyfuncModel"]

_WHOLE = {"integer": np.int32, "long": np.int64}
_TYPES: Mapping[str, Any] = {**_WHOLE, "float": np.float32, "double": np.float64}


class PyfuncModel:
    """An MLflow model's `predict`, which runs any code that its author put into it.

    It answers P(positive) for each row, or one probability for each outcome, or the point
    prediction. The caller checked that there is leave for it. The folder is unpacked where the
    process runs, which its parent cleans up. Raises ModelError where MLflow cannot load it.
    """

    def __init__(self, content: bytes, uncompiled: Uncompiled, kinds: Mapping[str, str]) -> None:
        folder = _unpacked(content)
        try:
            self._frame = import_module("pandas").DataFrame
            self._model = import_module("mlflow.pyfunc").load_model(str(folder))
        except Exception as error:
            raise ModelError(
                f"MLflow cannot load the model: {type(error).__name__}: {error}. Install what its "
                "requirements.txt names (and assay[tracking]) where models are built and served."
            ) from error
        schema = self._model.metadata.get_input_schema()
        declared = {} if schema is None or not schema.has_input_names() else schema.input_dict()
        self._kinds, self._uncompiled = kinds, uncompiled
        self._types = {name: _TYPES.get(str(_type(one))) for name, one in declared.items()}

    def score(self, columns: Columns) -> Floats:
        """Return raw scores, (n,) or (n, K); DataError where there are none for a row."""
        given = {name: self._typed(name, columns[name]) for name in self._uncompiled.features}
        try:
            answer = np.asarray(self._model.predict(self._frame(given)), dtype=np.float64)
        except Exception as error:
            text = str(error).strip().split("\n")[0]
            raise DataError(
                f"The model cannot score these rows: {type(error).__name__}: {text}."
            ) from error
        return self._scores(answer, len(next(iter(given.values()))))

    def _typed(self, name: str, column: NDArray[Any]) -> NDArray[Any]:
        """Return a column as the type that the model declares, where no value is lost by it."""
        kind = self._types.get(name)
        if kind is None or self._kinds[name] != "number":
            return column
        if kind in _WHOLE.values() and not (np.isfinite(column) & (column % 1 == 0)).all():
            return column
        return column.astype(kind)

    def _scores(self, answer: NDArray[Any], n: int) -> Floats:
        places = self._uncompiled.places
        wide = answer.reshape(len(answer), -1) if answer.ndim else answer.reshape(0, 0)
        widths = {1} if self._uncompiled.task == "regression" else {1, 2}
        if len(places) > 1:
            widths = {len(places)}
        if len(wide) != n or wide.shape[1] not in widths:
            raise DataError(
                f"The model answered {n} rows with an array of shape {answer.shape}; "
                f"{' or '.join(f'({n}, {width})' for width in sorted(widths))} is needed."
            )
        if not np.isfinite(wide).all():
            raise DataError("The model has no finite score for a row: a number may be missing.")
        if self._uncompiled.task == "classification" and (wide.min() < 0 or wide.max() > 1):
            raise DataError(
                f"The model answered {wide.flat[0]:g}, which is no probability. Log one whose "
                "`predict` returns probabilities (MLflow: pyfunc_predict_fn='predict_proba')."
            )
        return wide if len(places) > 1 else wide[:, -1]


def _type(column: Any) -> str:
    kind = getattr(column, "type", column)
    return str(getattr(kind, "name", kind))


def _unpacked(content: bytes) -> Path:
    """Unpack a zip into a folder of its own; ModelError where a member lies outside of it."""
    folder = Path(mkdtemp(prefix="model-", dir=Path.cwd()))
    with zipfile.ZipFile(io.BytesIO(content)) as given:
        for name in given.namelist():
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name:
                raise ModelError(f"The model's zip names a file outside of its folder: {name}.")
        given.extractall(folder)
    return folder
