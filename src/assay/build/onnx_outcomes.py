"""Which column of a foreign ONNX classifier belongs to which outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper

from assay.errors import ModelError
from assay.value.labels import label_text

__all__ = ["outcomes_in_order"]

_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
_SCORES = (TensorProto.FLOAT, TensorProto.DOUBLE)
_ORDER = "assay:order"


def outcomes_in_order(content: bytes, labels: Sequence[str]) -> tuple[bytes, bool]:
    """Return a model whose K > 2 probabilities stand in the order of `labels`, and if it knew them.

    Classifiers in ONNX name their classes: the charter's outcomes in any order, or the codes 0 to
    K-1 in the charter's order. A model that names none (a neural network) comes back as it was, and
    is taken to answer in the charter's order. Raises ModelError where it names others.
    """
    model = onnx.load_model_from_string(content)
    named = [names for names in _classes(model.graph) if len(names) == len(labels)]
    if not named:
        return content, False
    own = [names for names in named if sorted(names) == sorted(labels)]
    if not own:
        codes = [str(code) for code in range(len(labels))]
        if codes not in named:
            raise ModelError(
                f"The model knows the outcomes {', '.join(named[0])}, and the charter values "
                f"{', '.join(labels)}. Train it on these, or on the codes 0 to {len(labels) - 1} "
                "in this order."
            )
        return content, True
    places = [own[0].index(label) for label in labels]
    if places == list(range(len(labels))):
        return content, True
    return _reordered(model, places), True


def _classes(graph: Any) -> Iterator[list[str]]:
    """Yield every list of class labels that the graph holds."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in _LABELS:
                given = helper.get_attribute_value(attribute)
                yield [one.decode() if isinstance(one, bytes) else str(one) for one in given]
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            given = numpy_helper.to_array(constants[node.input[0]]).ravel().tolist()
            yield [one.decode() if isinstance(one, bytes) else label_text(one) for one in given]


def _reordered(model: Any, places: Sequence[int]) -> bytes:
    graph = model.graph
    found = [slot for slot in graph.output if slot.type.tensor_type.elem_type in _SCORES]
    if len(found) != 1:
        raise ModelError(
            f"The model must have one floating output, and it has {len(found)}. Convert "
            "classifiers with the option zipmap=False."
        )
    inner = f"{found[0].name}:as trained"
    for node in graph.node:
        node.input[:] = [inner if name == found[0].name else name for name in node.input]
        node.output[:] = [inner if name == found[0].name else name for name in node.output]
    graph.initializer.append(
        helper.make_tensor(_ORDER, TensorProto.INT64, [len(places)], list(places))
    )
    graph.node.append(helper.make_node("Gather", [inner, _ORDER], [found[0].name], axis=1))
    content: bytes = model.SerializeToString(deterministic=True)
    return content
