"""Bundles of every kind that can leave for an edge: policies, calibrations, tasks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
from onnx import TensorProto, helper

from assay.adapters.onnx_engine import OnnxEngine
from assay.build.plain import plain
from assay.build.seen import seen
from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.deploy.bundle_file import Packed
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes
from assay.ports.engine import Columns
from assay.stats.calibration import fit_calibrator
from assay.stats.class_calibration import fit_class_calibrator
from assay.stats.forecaster import Forecaster, forecaster_document
from assay.stats.reference import make_reference
from assay.value.classification import ClassificationValuation
from assay.value.stake import forecast_cases, learn_from_cases
from assay.value.valuation import Valuation, valuation

__all__ = ["EDGE_CASES", "INPUTS", "edge_case", "moved", "onnx_model", "rows"]

INPUTS = (Input("x", "number"), Input("amount", "number"), Input("job", "category"))
_JOBS = ("nurse", "pilot", "clerk")

_TWO = {"yes": "0.02 * amount - 1", "no": -1}
_ASKED = {"cost": 0.4, "accuracy": 0.9}
_PEOPLE = {
    "cost": 0.4,
    "confusion": {"yes": {"call": 0.8, "skip": 0.2}, "no": {"call": 0.1, "skip": 0.9}},
}
_THREE = {
    "call": {"none": -1, "small": 3, "large": "9 + 0.01 * amount"},
    "mail": {"none": -0.2, "small": 1, "large": 2},
    "skip": 0,
}


def _choice(**value: Any) -> dict[str, Any]:
    return {
        "actions": {"call": _TWO, "skip": 0},
        "caps": {"amount": (0, 900)},
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "policy": "best_action",
        **value,
    }


def _amount(**value: Any) -> dict[str, Any]:
    return {"baselines": {"ten": 10}, "baseline": "ten", **value}


EDGE_CASES: dict[str, dict[str, Any]] = {
    "best action, flat payoffs": _choice(actions={"call": {"yes": 9, "no": -1}, "skip": 0}),
    "best action, cells": _choice(),
    "best action of three, cells": _choice(
        actions={"call": _TWO, "mail": {"yes": "where(amount > 50, 1, 0.5)", "no": 0}, "skip": 0}
    ),
    "threshold": _choice(policy={"kind": "threshold", "action": "call", "at": 0.4}),
    "threshold learned, refer": _choice(
        policy={"kind": "threshold", "action": "call"}, refer=_ASKED
    ),
    "threshold, refer from": _choice(
        policy={"kind": "threshold", "action": "call", "at": 0.5, "refer_from": 0.2}, refer=_PEOPLE
    ),
    "refer, short of people": _choice(refer={**_PEOPLE, "capacity": {"k": 1, "of": 10}}),
    "top k": _choice(policy={"kind": "top_k", "action": "call", "k": 2, "of": 10}),
    "top k, refer": _choice(
        policy={"kind": "top_k", "action": "call", "k": 50, "per": "day"}, refer=_ASKED
    ),
    "budget": _choice(
        policy={"kind": "budget", "amount": 5, "of": 20, "costs": {"call": "1 + amount / 900"}}
    ),
    "isotonic": _choice(actions={"call": {"yes": 9, "no": -1}, "skip": 0}),
    "platt": _choice(actions={"call": {"yes": 9, "no": -1}, "skip": 0}),
    "three outcomes": _choice(actions=_THREE),
    "three outcomes, one by one": _choice(actions=_THREE),
    "three outcomes, temperature": _choice(actions=_THREE, refer=_ASKED),
    "three outcomes, threshold": _choice(
        actions=_THREE,
        policy={"kind": "threshold", "action": "call", "otherwise": "skip"},
        refer=_ASKED,
    ),
    "amounts, unit costs": _amount(under=3, over=1, caps={"outcome": (0, 500)}),
    "amounts, payoff": _amount(
        payoff="5 * min(decision, outcome) - 2 * decision - 0.001 * amount",
        caps={"amount": (0, 900), "decision": (0, 120)},
    ),
}
"""Value models by name; `edge_case` makes bundles of them."""


def rows(n: int, seed: int, *, odd: bool = False) -> dict[str, Any]:
    """Return input columns; with `odd` ones some are out of range, new or missing."""
    random = np.random.default_rng(seed)
    x, job = random.normal(size=n), random.choice(np.array(_JOBS, dtype=object), n)
    if odd:
        x[random.random(n) < 0.1] *= 10
        x[random.random(n) < 0.05] = np.nan
        job[random.random(n) < 0.1] = "clown"
        job[random.random(n) < 0.1] = ""
    return {"x": x, "amount": random.exponential(100.0, n), "job": job}


def onnx_model(task: str, outcomes: int) -> bytes:
    """Return a model of x, amount and job with so many outcomes; a missing x counts as 0."""
    number, text = TensorProto.FLOAT, TensorProto.STRING
    inputs = [
        helper.make_tensor_value_info("x", number, [None, 1]),
        helper.make_tensor_value_info("amount", number, [None, 1]),
        helper.make_tensor_value_info("job", text, [None, 1]),
    ]
    job = helper.make_node(
        "LabelEncoder",
        ["job"],
        ["j"],
        domain="ai.onnx.ml",
        keys_strings=list(_JOBS),
        values_floats=[0.5, -0.5, 0.1],
        default_float=0.0,
    )
    nodes = [
        job,
        helper.make_node("IsNaN", ["x"], ["gone"]),
        helper.make_node("Where", ["gone", "zero", "x"], ["there"]),
        helper.make_node("Mul", ["amount", "scale"], ["a"]),
        helper.make_node("Sum", ["there", "j", "a"], ["m"]),
    ]
    if task == "regression":
        nodes += [helper.make_node("Mul", ["m", "ten"], ["t"])]
        nodes += [helper.make_node("Add", ["t", "fifty"], ["score"])]
    elif outcomes == 2:
        nodes += [helper.make_node("Sigmoid", ["m"], ["score"])]
    else:
        nodes += [helper.make_node("Concat", ["there", "j", "a"], ["all"], axis=1)]
        nodes += [helper.make_node("Softmax", ["all"], ["score"], axis=1)]
    width = outcomes if outcomes > 2 else 1
    constants = {"zero": 0.0, "scale": 0.002, "ten": 10.0, "fifty": 50.0}
    graph = helper.make_graph(
        nodes,
        "edge",
        inputs,
        [helper.make_tensor_value_info("score", number, [None, width])],
        [helper.make_tensor(name, number, [1], [value]) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    raw: bytes = model.SerializeToString()
    return raw


def edge_case(name: str, **rules: Any) -> Packed:
    """Return a bundle whose calibration and policy were learned from cases of chance."""
    return Packed(_bundle(name), version=7, rules=rules, champion=True)


@cache
def _bundle(name: str) -> Bundle:
    given = ValueModel.model_validate(
        {"currency": "EUR", "decisions_per_month": 3000, **EDGE_CASES[name]}
    )
    positive = {"positive": "large"} if "three" in name and "outcomes" in name else {}
    data = Data(source="x.csv", outcome="y", **({"positive": "yes"} | positive))
    valued = valuation(given, data)
    signature = Signature(valued.task, INPUTS, valued.labels, valued.actions)
    model = onnx_model(valued.task, max(2, len(valued.labels)))
    known = rows(2500, 1)
    raw = OnnxEngine(model, INPUTS).score(known)
    outcomes = _outcomes(valued, raw, known)
    learned = _learned(name, valued, raw, outcomes, known)
    tuned = valued.tuned(forecast_cases(learned, valued, raw, known), outcomes, known)
    reference = make_reference(known) | {"seen": seen(INPUTS, [known])}
    files = {
        "model.onnx": model,
        "signature.json": msgspec.json.encode(signature),
        "policy.json": canonical_bytes(plain(tuned.document())),
        "calibration.json": canonical_bytes(plain(forecaster_document(learned))),
        "reference.json": canonical_bytes(plain(reference)),
    }
    return Bundle("bank", files, {"case": name})


def moved(packed: Packed, name: str) -> Packed:
    """Return the bundle with other payoffs, its calibration learned under those of before."""
    other = edge_case(name).bundle.files["policy.json"]
    before = ClassificationValuation.from_document(
        msgspec.json.decode(packed.bundle.files["policy.json"])
    )
    after = ClassificationValuation.from_document(msgspec.json.decode(other))
    document = replace(after, calibrated_under=before).document()
    files = {**packed.bundle.files, "policy.json": canonical_bytes(plain(document))}
    return replace(packed, bundle=replace(packed.bundle, files=files))


def _outcomes(valued: Valuation, raw: Any, known: Columns) -> Any:
    random = np.random.default_rng(2)
    if valued.task == "regression":
        return np.maximum(0.0, raw + random.normal(0, 8, len(raw)))
    if raw.ndim > 1:
        draws = random.random((len(raw), 1))
        return (draws > np.cumsum(raw**1.5 / (raw**1.5).sum(1, keepdims=True), axis=1)).sum(axis=1)
    chance = 0.8 * raw * np.where(known["amount"] > 100, 0.5, 1.0)
    return (random.random(len(raw)) < chance).astype(np.int64)


def _learned(name: str, valued: Valuation, raw: Any, outcomes: Any, known: Columns) -> Forecaster:
    if name in ("isotonic", "platt"):
        return fit_calibrator(raw, outcomes, "isotonic" if name == "isotonic" else "platt")
    if "one by one" in name:
        return fit_class_calibrator(raw, outcomes, "one_vs_rest")
    if "temperature" in name:
        return fit_class_calibrator(raw, outcomes, "temperature")
    return learn_from_cases(valued, raw, outcomes, known)
