"""What a foreign ONNX model takes and answers, looked at before any of it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto

from assay.build.columns import kind_of, left_out
from assay.build.first_line import first_line
from assay.build.onnx_export import with_inputs
from assay.charter.charter import Charter
from assay.errors import ModelError
from assay.evidence.bundle import Input
from assay.evidence.input_blocks import InputBlocks, read_blocks

__all__ = ["audited"]

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_KINDS = {TensorProto.FLOAT: "number", TensorProto.STRING: "category"}


def audited(
    content: bytes, schema: Any, charter: Charter, needed: frozenset[str]
) -> tuple[bytes, tuple[Input, ...], tuple[str, ...]]:
    """Return a foreign model's bytes, the bundle's inputs, and the columns the model reads.

    `schema` is the table's (name -> polars type), `needed` the columns that payoffs and baselines
    read: where the model takes its columns one by one and not these, the bytes that come back do
    (and do not read them); else they are the bytes that were given. Raises ModelError where the
    model is none, brings operators or data of its own, or takes what a decision cannot know.
    """
    model = _parsed(content)
    foreign = sorted({opset.domain for opset in model.opset_import} - _DOMAINS)
    if foreign:
        raise ModelError(
            f"The ONNX model uses operators of {', '.join(foreign)}, which are not standard. "
            "Export it with the standard operators (ai.onnx, ai.onnx.ml) only."
        )
    outside = any(
        tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer
    )
    if outside:
        raise ModelError(
            "The ONNX model keeps weights in other files. Save it as one file "
            "(onnx.save with save_as_external_data=False)."
        )
    constants = {tensor.name for tensor in model.graph.initializer}
    slots = [slot for slot in model.graph.input if slot.name not in constants]
    blocks = _blocks(model, slots)
    taken = [_single(slot) for slot in slots] if blocks is None else blocks.inputs
    inputs = tuple(_input(column, schema, charter) for column in taken)
    read = tuple(column.name for column in inputs)
    more = [
        Input(name, "number" if kind_of(schema[name]) == "number" else "category")
        for name in sorted(needed - set(read))
    ]
    if not more or blocks is not None:
        return content, (*inputs, *more), read
    return with_inputs(model, _renamed(slots, inputs), more), (*inputs, *more), read


def _renamed(slots: Sequence[Any], inputs: Sequence[Input]) -> dict[str, str]:
    return {slot.name: column.name for slot, column in zip(slots, inputs, strict=True)}


def _parsed(content: bytes) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and the checker raise errors of many kinds
        raise ModelError(
            f"The file is no valid ONNX model: {first_line(error)}. Export the model again."
        ) from error
    return model


def _blocks(model: onnx.ModelProto, slots: Sequence[Any]) -> InputBlocks | None:
    """Return how the model takes its columns in blocks, where it was packaged here."""
    metadata = {one.key: one.value for one in model.metadata_props}
    kinds = {TensorProto.FLOAT: "float", TensorProto.STRING: "string"}
    forms = {
        slot.name: (kinds.get(slot.type.tensor_type.elem_type, "other"), tuple(_shape(slot)[1:]))
        for slot in slots
    }
    return read_blocks(metadata, forms)


def _shape(slot: Any) -> list[int]:
    return [dim.dim_value for dim in slot.type.tensor_type.shape.dim]


def _single(slot: Any) -> Input:
    """Return the one column that an input takes."""
    kind, shape = _KINDS.get(slot.type.tensor_type.elem_type), _shape(slot)
    if kind is None or len(shape) != 2 or shape[1] != 1:
        raise ModelError(
            f"The model's input {slot.name} is no column: one input of shape (n, 1) for each "
            "column is needed, float for numbers and string for categories. Export the model "
            "with one input for each column (skl2onnx: initial_types of shape [None, 1])."
        )
    return Input(slot.name, "number" if kind == "number" else "category")


def _input(taken: Input, schema: Any, charter: Charter) -> Input:
    """Return the column of the table that the model takes, if a decision can know it."""
    name = _column(taken.name, list(schema))
    if name is None:
        raise ModelError(
            f"The model takes {taken.name}, and the table has no such column; it has "
            f"{', '.join(schema)}."
        )
    if name in left_out(charter) - set(charter.data.ignore):
        raise ModelError(
            f"The model reads {name}, which is the outcome, or known only after the decision, or "
            "names time or entity (see `data` in the charter): nobody has it when deciding. "
            "Train it without that column."
        )
    return Input(name, taken.kind)


def _column(name: str, columns: Sequence[str]) -> str | None:
    """Return the column that an input means; converters write `_` for dots and blanks."""
    if name in columns:
        return name
    alike = [column for column in columns if re.sub(r"\W", "_", column) == name]
    return alike[0] if len(alike) == 1 else None
