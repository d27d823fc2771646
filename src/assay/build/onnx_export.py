"""From a fitted scikit-learn estimator to an ONNX model over its input columns."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, Literal

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from assay.build.first_line import first_line
from assay.build.onnx_blocks import to_blocks
from assay.build.raw_scores import Places
from assay.errors import ModelError
from assay.evidence.bundle import Input

__all__ = ["SCORE", "floored", "to_onnx_bytes", "with_inputs"]

SCORE = "assay:score"
"""The one output before calibration, shape (n, 1): P(positive), or the point prediction; or shape
(n, K), the probability of each of K > 2 outcomes.

Its name gets a colon more where a column is called so.
"""

_OPSETS = {"": 18, "ai.onnx.ml": 3}
_MATRIX = "matrix"

Task = Literal["classification", "regression"]


def to_onnx_bytes(
    estimator: Any,
    inputs: Sequence[Input],
    features: Sequence[str],
    task: Task,
    places: Places = (1,),
    *,
    blocks: bool = True,
) -> bytes:
    """Return the estimator as ONNX bytes; the same estimator gives the same bytes.

    The graph takes its columns in blocks (see `onnx_blocks`); without `blocks` it takes every input
    column under its own name, shape (n, 1): float32 for numbers, text for categories.
    `features` are those that the estimator reads, in its order; the others are not read. `places`
    says where an estimator's probabilities hold the outcomes. Raises ModelError where the
    estimator has no ONNX counterpart.
    """
    _register()
    kinds = {column.name: column for column in inputs}
    read = [kinds[name] for name in features]
    by_column = _starts_with_columns(estimator)
    if not by_column and any(column.kind == "category" for column in read):
        raise ModelError(
            f"{type(estimator).__name__} reads text columns without a ColumnTransformer, which has "
            "no ONNX counterpart. Put a sklearn ColumnTransformer first that encodes the columns "
            f"{', '.join(column.name for column in read if column.kind == 'category')} by name."
        )
    try:
        with warnings.catch_warnings():
            # Converters lag behind NumPy and scikit-learn, and warn of it at each call.
            warnings.simplefilter("ignore")
            model = to_onnx(
                estimator,
                name="assay",
                initial_types=_slots(read) if by_column else _one_slot(read),
                target_opset=_OPSETS,
                options=_options(estimator, task),
            )
    except Exception as error:
        raise ModelError(_no_counterpart(estimator, error)) from error
    if by_column:
        _rename_inputs(model.graph, read)
    else:
        _concatenate_inputs(model.graph, read)
    names = [column.name for column in inputs]
    _only_score(model.graph, () if task == "regression" else places, names)
    _add_unread_inputs(model.graph, inputs)
    _sort_opsets(model)
    if blocks:
        to_blocks(model, inputs)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _starts_with_columns(estimator: Any) -> bool:
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    return isinstance(estimator, ColumnTransformer)


def _slots(read: Sequence[Input]) -> list[tuple[str, Any]]:
    kinds = {"number": FloatTensorType, "category": StringTensorType}
    return [(column.name, kinds[column.kind]([None, 1])) for column in read]


def _one_slot(read: Sequence[Input]) -> list[tuple[str, Any]]:
    return [(_MATRIX, FloatTensorType([None, len(read)]))]


def _options(estimator: Any, task: Task) -> dict[int, Any] | None:
    if task == "regression":
        return None
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return {id(last): {"zipmap": False}}


def _no_counterpart(estimator: Any, error: Exception) -> str:
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    reason = first_line(error)
    return (
        f"{type(last).__name__} cannot be converted to ONNX: {reason}. Use an estimator that "
        "skl2onnx converts (linear models, trees, boosting, neighbours, LightGBM), or hand in an "
        "ONNX file of your own with `assay submit`."
    )


def _rename_inputs(graph: Any, read: Sequence[Input]) -> None:
    """Give the inputs the columns' own names: the converter rewrites dots and blanks."""
    _rename(graph, {slot.name: column.name for slot, column in zip(graph.input, read, strict=True)})


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Rename inputs; an inner value that has an input's new name gets another one."""
    for slot in graph.input:
        slot.name = names[slot.name]
    inner = {name for node in graph.node for name in node.output}
    clash = {name: f"{name}:inner" for name in inner & set(names.values())}
    for node in graph.node:
        node.input[:] = [names.get(name, clash.get(name, name)) for name in node.input]
        node.output[:] = [clash.get(name, name) for name in node.output]
    for slot in graph.output:
        slot.name = clash.get(slot.name, slot.name)


def _concatenate_inputs(graph: Any, read: Sequence[Input]) -> None:
    """Put a node in front that joins the columns into the one matrix that the model takes."""
    matrix = graph.input[0].name
    del graph.input[:]
    graph.input.append(_tensor_info(Input(matrix, "number")))
    _rename(graph, {matrix: _free(matrix, [column.name for column in read])})
    matrix = graph.input[0].name
    join = helper.make_node("Concat", [column.name for column in read], [matrix], axis=1)
    graph.node.insert(0, join)
    del graph.input[:]
    graph.input.extend(_tensor_info(column) for column in read)


def _only_score(graph: Any, places: Places, taken: Sequence[str]) -> None:
    """Replace the outputs by one: some columns of the probabilities, or the prediction."""
    last, score = graph.output[-1].name, _free(SCORE, taken)
    if len(places) == 1:
        ends = {"from": places[0], "to": places[0] + 1, "axis": 1}
        names = {_free(f"{SCORE}:{end}", taken): place for end, place in ends.items()}
        graph.initializer.extend(
            helper.make_tensor(name, TensorProto.INT64, [1], [place])
            for name, place in names.items()
        )
        graph.node.append(helper.make_node("Slice", [last, *names], [score]))
    elif places:
        order = _free(f"{SCORE}:order", taken)
        graph.initializer.append(
            helper.make_tensor(order, TensorProto.INT64, [len(places)], list(places))
        )
        graph.node.append(helper.make_node("Gather", [last, order], [score], axis=1))
    else:
        graph.node.append(helper.make_node("Identity", [last], [score]))
    del graph.output[:]
    width = max(1, len(places))
    graph.output.append(helper.make_tensor_value_info(score, TensorProto.FLOAT, [None, width]))


def _free(name: str, taken: Sequence[str]) -> str:
    """Return a name that no column has."""
    while name in taken:
        name += ":"
    return name


def _add_unread_inputs(graph: Any, inputs: Sequence[Input]) -> None:
    there = {slot.name: slot for slot in graph.input}
    ordered = [there.get(column.name) or _tensor_info(column) for column in inputs]
    del graph.input[:]
    graph.input.extend(ordered)


def _sort_opsets(model: Any) -> None:
    """Put the operator sets in order: the converter keeps them in a set, in any order."""
    ordered = sorted(model.opset_import, key=lambda opset: opset.domain, reverse=True)
    kept = [helper.make_opsetid(opset.domain, opset.version) for opset in ordered]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def with_inputs(model: Any, names: Mapping[str, str], more: Sequence[Input]) -> bytes:
    """Return a model with its inputs renamed, and further inputs that it takes and ignores."""
    constants = {tensor.name for tensor in model.graph.initializer}
    kept = [slot for slot in model.graph.input if slot.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    _rename(model.graph, names)
    model.graph.input.extend(_tensor_info(column) for column in more)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _tensor_info(column: Input) -> Any:
    kind = TensorProto.FLOAT if column.kind == "number" else TensorProto.STRING
    return helper.make_tensor_value_info(column.name, kind, [None, 1])


@cache
def _register() -> None:
    """Teach the converter LightGBM, and work around what it does to boosted trees.

    skl2onnx 1.20 writes booleans among the integers of a histogram-boosting tree, which
    protobuf 7 refuses; and both converters round thresholds to the nearest single.
    """
    classifier = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    update_registered_converter(
        LGBMClassifier,
        "LightGbmLGBMClassifier",
        calculate_linear_classifier_output_shapes,
        _carefully(convert_lightgbm),
        options=classifier,
    )
    update_registered_converter(
        LGBMRegressor,
        "LightGbmLGBMRegressor",
        calculate_linear_regressor_output_shapes,
        _carefully(convert_lightgbm),
        options={"split": None},
    )
    scored = {"raw_scores": [True, False], "output_class_labels": [False, True]}
    for kind, options in (
        (HistGradientBoostingClassifier, {**classifier, **scored}),
        (HistGradientBoostingRegressor, None),
    ):
        alias = sklearn_operator_name_map[kind]
        update_registered_converter(
            kind,
            alias,
            get_shape_calculator(alias),
            _carefully(get_converter(alias)),
            options=options,
        )


def _carefully(convert: Callable[..., None]) -> Callable[..., None]:
    def converted(scope: Any, operator: Any, container: Any) -> None:
        operator.raw_operator = _with_floored_thresholds(operator.raw_operator)
        convert(scope, operator, _CarefulContainer(container))

    return converted


class _CarefulContainer:
    """A converter's container that mends the attributes of nodes on their way in."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        """Add a node whose integers are plain and whose thresholds are not rounded up."""
        mended = {name: _plain(value) for name, value in attributes.items()}
        if "nodes_values" in mended:
            mended["nodes_values"] = floored(np.asarray(mended["nodes_values"])).tolist()
        self._container.add_node(op_type, inputs, outputs, **mended)


def floored(thresholds: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the greatest single-precision number not above each threshold.

    For a single-precision x, `x <= t` holds exactly where `x <= floored(t)` does. Rounding to the
    nearest instead can move a threshold up onto the next value of x, which then takes
    the wrong branch.

    >>> t = np.array([0.1])
    >>> float(floored(t)[0]) <= 0.1 < float(np.float32(0.1))
    True
    """
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


def _with_floored_thresholds(model: Any) -> Any:
    """Return histogram boosting with thresholds in single precision; its converter rounds them."""
    if not isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        return model
    model = deepcopy(model)
    for predictors in model._predictors:  # noqa: SLF001 - scikit-learn shows its trees nowhere else
        for predictor in predictors:
            nodes = predictor.nodes
            nodes["num_threshold"] = floored(nodes["num_threshold"])
    return model


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [int(each) if isinstance(each, bool | np.integer) else each for each in value]
    return value
