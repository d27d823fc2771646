"""The model of the serving bench: gradient boosting on 14 numbers and 6 texts, in every form.

`python -m bench.served_model FOLDER` saves it for MLflow, in a process that alone imports MLflow.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from assay.adapters.model_engine import load_model
from assay.build.as_it_is import AsItIs
from assay.build.columns import to_columns, to_frame
from assay.build.onnx_export import to_onnx_bytes
from assay.build.raw_scores import raw_scores
from assay.build.seen import seen
from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes
from assay.ports.engine import Columns, Floats
from assay.stats.calibration import Calibrator
from assay.value.valuation import valuation

MODEL = "bench"

_NUMBERS = [f"number_{n}" for n in range(14)]
_TEXTS = [f"text_{n}" for n in range(6)]
_NAMES = (*_NUMBERS, *_TEXTS)
_WORDS = np.array(["admin", "retired", "student", "services", "unknown"], dtype=object)
_INPUTS = tuple(
    Input(name, "number" if name.startswith("number") else "category") for name in _NAMES
)


def fitted(seed: int = 0) -> Pipeline:
    """Return the trained pipeline; another seed, another model of the same kind and size."""
    numbers, texts = _rows(2_000)
    outcome = numbers[:, 0] + numbers[:, 1] * (texts[:, 0] == "retired") > 0.5
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), _NUMBERS),
                ("texts", OneHotEncoder(handle_unknown="ignore"), _TEXTS),
            ],
            sparse_threshold=0.0,
        ),
        HistGradientBoostingClassifier(max_iter=100, max_features=0.9, random_state=seed),
    )
    with threadpool_limits(1):
        return pipeline.fit(rows_of(2_000), outcome)


def make_bundle(seed: int = 0, *, compiled: bool = True) -> Bundle:
    """Return a bundle with the model in ONNX, or as it is."""
    model, known = fitted(seed), to_columns(rows_of(2_000), _INPUTS)
    valued = valuation(
        ValueModel.model_validate(
            {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 1000,
            }
        ),
        Data(source="bench.csv", outcome="y", positive="yes"),
    )
    signature = Signature("classification", _INPUTS, valued.labels, valued.actions)
    calibration = {"kind": "calibrator", "calibrator": Calibrator.identity().document()}
    name, content = _onnx(model) if compiled else _as_it_is(model, known)
    files = {
        name: content,
        "signature.json": msgspec.json.encode(signature),
        "policy.json": canonical_bytes(valued.document()),
        "calibration.json": canonical_bytes(calibration),
        "reference.json": canonical_bytes({"seen": seen(_INPUTS, [known])}),
    }
    return Bundle(MODEL, files, {"seed": seed})


def by_hand(seed: int = 0) -> bytes:
    """Return the model in ONNX as one converts it by hand: an input for each column."""
    return to_onnx_bytes(fitted(seed), _INPUTS, _NAMES, "classification", blocks=False)


def _onnx(model: Pipeline) -> tuple[str, bytes]:
    return "model.onnx", to_onnx_bytes(model, _INPUTS, _NAMES, "classification")


def _as_it_is(model: Pipeline, known: Columns) -> tuple[str, bytes]:
    def trained(columns: Columns) -> Floats:
        with threadpool_limits(1):
            return raw_scores(model, to_frame(columns), "classification")

    sample = {name: values[:100] for name, values in known.items()}
    whole = AsItIs(model, _INPUTS, _NAMES, "classification", (1,), trained, sample)
    content, engine = whole.packaged("it is measured beside its compiled form", load_model)
    getattr(engine, "close", bool)()
    return "model.skops", content


def body_v2(n: int) -> bytes:
    """Return a request of the Open Inference Protocol with n rows."""
    frame = rows_of(n)
    tensors = [
        {
            "name": one.name,
            "shape": [n],
            "datatype": "FP64" if one.kind == "number" else "BYTES",
            "data": frame[one.name].to_list(),
        }
        for one in _INPUTS
    ]
    return json.dumps({"inputs": tensors}).encode()


def body_split(n: int) -> bytes:
    """Return a request to `/invocations` with the same n rows."""
    rows = [list(row) for row in rows_of(n).rows()]
    return json.dumps({"dataframe_split": {"columns": list(_NAMES), "data": rows}}).encode()


def rows_of(n: int) -> pl.DataFrame:
    numbers, texts = _rows(n)
    columns: dict[str, Any] = dict(zip(_NUMBERS, numbers.T, strict=True))
    return pl.DataFrame(
        {**columns, **{name: texts[:, place].tolist() for place, name in enumerate(_TEXTS)}}
    )


def _rows(n: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    random = np.random.default_rng(0)
    numbers = random.normal(size=(2_000, 14)).astype(np.float32).astype(np.float64)
    return numbers[:n], random.choice(_WORDS, (2_000, 6))[:n]


def _main(argv: Sequence[str]) -> None:
    warnings.simplefilter("ignore")
    import_module("mlflow.sklearn").save_model(
        fitted(),
        argv[0],
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )


if __name__ == "__main__":
    _main(sys.argv[1:])
