"""The model of the gateway's bench: gradient boosting on 14 numbers and 6 texts, as a bundle."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from assay.build.onnx_export import to_onnx_bytes
from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes
from assay.stats.calibration import Calibrator
from assay.value.valuation import valuation

MODEL = "bench"

_NUMBERS = [f"number_{n}" for n in range(14)]
_TEXTS = [f"text_{n}" for n in range(6)]
_WORDS = np.array(["admin", "retired", "student", "services", "unknown"], dtype=object)


def make_bundle() -> Bundle:
    numbers, texts = _rows(2_000)
    outcome = numbers[:, 0] + numbers[:, 1] * (texts[:, 0] == "retired") > 0.5
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("numbers", StandardScaler(), list(range(14))),
                ("texts", OneHotEncoder(handle_unknown="ignore"), list(range(14, 20))),
            ],
            sparse_threshold=0.0,
        ),
        HistGradientBoostingClassifier(max_iter=100, random_state=0),
    )
    with threadpool_limits(1):
        model = pipeline.fit(np.column_stack([numbers.astype(object), texts]), outcome)
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
    inputs = [Input(name, "number") for name in _NUMBERS]
    inputs += [Input(name, "category") for name in _TEXTS]
    signature = Signature("classification", tuple(inputs), valued.labels, valued.actions)
    calibration = {"kind": "calibrator", "calibrator": Calibrator.identity().document()}
    files = {
        "model.onnx": to_onnx_bytes(model, inputs, _NUMBERS + _TEXTS, "classification"),
        "signature.json": msgspec.json.encode(signature),
        "policy.json": canonical_bytes(valued.document()),
        "calibration.json": canonical_bytes(calibration),
    }
    return Bundle(MODEL, files, {"seed": 0})


def body_of_one_row() -> bytes:
    numbers, texts = _rows(1)
    tensors: list[dict[str, Any]] = [
        {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
        for name, value in zip(_NUMBERS, numbers[0].tolist(), strict=True)
    ]
    tensors += [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
        for name, value in zip(_TEXTS, texts[0].tolist(), strict=True)
    ]
    return json.dumps({"inputs": tensors}).encode()


def _rows(n: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    random = np.random.default_rng(0)
    return random.normal(size=(n, 14)), random.choice(_WORDS, (n, 6))
