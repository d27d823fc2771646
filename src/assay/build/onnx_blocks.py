"""A converted model, rewritten to take its columns in two blocks in place of one input for each.

A runtime pays for each input, and more for each text that it looks up; for few rows that is most
of the time. What a text column becomes on its way to the model is known when it is packaged: one
number, or a row of zeros and a one. So it is looked up outside, and the model takes the numbers
that come of it. Nothing is computed otherwise than before: scores are the same, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from assay.build.onnx_cells import Cells, Numbers, Texts, Value, followed, lookups_of
from assay.evidence.bundle import Input
from assay.evidence.input_blocks import KEY, InputBlocks

__all__ = ["to_blocks"]

_NUMBERS, _LOOKUPS = "assay:numbers", "assay:lookups"


def to_blocks(model: Any, inputs: Sequence[Input]) -> None:
    """Rewrite a model with one input for each of `inputs`, in place.

    All numbers become one input, and all that text columns are looked up for becomes another. A
    text column that the model reads in any other way keeps the input of its own.
    """
    graph = model.graph
    _keep_alive(graph, (), frozenset())
    plan = _plan(graph, inputs)
    used = {name for node in graph.node for name in _names(node)}
    used |= {column.name for column in inputs} | {tensor.name for tensor in graph.initializer}
    numbers, lookups = (_free(name, used) for name in (_NUMBERS, _LOOKUPS))
    count = sum(column.kind == "number" for column in inputs)
    width = sum(len(value.cells) for value in plan.cells.values())
    made = [*_numbers(graph, plan, numbers, count, used), *_lookups(graph, plan, lookups, used)]
    instead = plan.numbers.keys() | plan.cells.keys()
    _keep_alive(graph, made, instead)
    del graph.input[:]
    if plan.numbers:
        graph.input.append(_tensor(numbers, TensorProto.FLOAT, count))
    if plan.cells:
        graph.input.append(_tensor(lookups, TensorProto.FLOAT, width))
    read = {name for node in graph.node for name in _names(node)}
    texts = [column for column in inputs if column.kind == "category" and column.name in read]
    graph.input.extend(_tensor(column.name, TensorProto.STRING, 1) for column in texts)
    cells = [cell for value in plan.cells.values() for cell in value.cells]
    blocks = InputBlocks(
        tuple(inputs),
        lookups_of(cells),
        numbers if plan.numbers else None,
        lookups if plan.cells else None,
    )
    helper.set_model_props(model, {KEY: blocks.document()})
    onnx.checker.check_model(model)


@dataclass(frozen=True)
class _Plan:
    """The values of the graph that blocks are to bring, with what they hold."""

    numbers: Mapping[str, Numbers]
    cells: Mapping[str, Cells]
    order: Mapping[str, int]


def _plan(graph: Any, inputs: Sequence[Input]) -> _Plan:
    """Find the last values that are known to be columns side by side, or looked up in texts.

    A text that something else reads as text must stay, and so must all that is made of it.
    """
    order = [column.name for column in inputs if column.kind == "number"]
    looked_up = {column.name for column in inputs if column.kind == "category"}
    while True:
        given: dict[str, Value] = {name: Numbers((name,)) for name in order}
        given |= {name: Texts((name,)) for name in sorted(looked_up)}
        ends = _ends(graph, given)
        kept = {
            column
            for value in ends.values()
            if isinstance(value, Texts) or (isinstance(value, Cells) and not value.floating)
            for column in value.columns
        }
        if not kept:
            break
        looked_up -= kept
    return _Plan(
        {name: value for name, value in ends.items() if isinstance(value, Numbers)},
        {name: value for name, value in ends.items() if isinstance(value, Cells)},
        {name: place for place, name in enumerate(order)},
    )


def _ends(graph: Any, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the known values that a node reads whose result is not known, in the graph's order."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    answers = {slot.name for slot in graph.output}
    known, ends = dict(given), dict[str, Value]()
    for node in graph.node:
        answered = answers.intersection(node.output)
        value = None if answered else followed(node, known, constants)
        if value is None:
            ends |= {name: known[name] for name in _names(node) if name in known}
        else:
            known[node.output[0]] = value
    return ends


def _numbers(
    graph: Any, plan: _Plan, slot: str, count: int, used: set[str]
) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that bring numbers: the whole block, or some of its columns."""
    for name, value in plan.numbers.items():
        places = [plan.order[column] for column in value.columns]
        if places == list(range(count)):
            yield helper.make_node("Identity", [slot], [name])
        else:
            constant = _constant(graph, f"{slot}:places", places, used)
            yield helper.make_node("Gather", [slot, constant], [name], axis=1)


def _lookups(graph: Any, plan: _Plan, slot: str, used: set[str]) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that bring what was looked up, from the one block."""
    if not plan.cells:
        return
    flat = {
        name: name if value.rank == 2 else _free(f"{slot}:part", used)
        for name, value in plan.cells.items()
    }
    if len(flat) == 1:
        yield helper.make_node("Identity", [slot], list(flat.values()))
    else:
        widths = [len(value.cells) for value in plan.cells.values()]
        constant = _constant(graph, f"{slot}:widths", widths, used)
        yield helper.make_node("Split", [slot, constant], list(flat.values()), axis=1)
    for name, part in flat.items():
        if part != name:
            axis = _constant(graph, f"{slot}:axis", [1], used)
            yield helper.make_node("Unsqueeze", [part, axis], [name])


def _keep_alive(graph: Any, made: Sequence[Any], instead: Set[str]) -> None:
    """Put the new nodes first, and leave out the nodes and constants that nothing reads any more.

    `instead` are values that the new nodes bring, in the place of the nodes that did.
    """
    needed, kept = {slot.name for slot in graph.output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output) - instead:
            needed.update(_names(node))
            kept.append(node)
    nodes = [*made, *reversed(kept)]
    read = {name for node in nodes for name in _names(node)}
    tensors = [tensor for tensor in graph.initializer if tensor.name in read]
    infos = [info for info in graph.value_info if info.name in read]
    for field, values in (("node", nodes), ("initializer", tensors), ("value_info", infos)):
        copied = [type(value).FromString(value.SerializeToString()) for value in values]
        graph.ClearField(field)
        getattr(graph, field).extend(copied)


def _names(node: Any) -> Iterator[str]:
    """Yield the values that a node reads, those that its inner graphs read included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for one in inner.node:
                yield from _names(one)
            yield from (slot.name for slot in inner.output)


def _constant(graph: Any, name: str, values: Sequence[int], used: set[str]) -> str:
    name = _free(name, used)
    tensor = helper.make_tensor(name, TensorProto.INT64, [len(values)], list(values))
    graph.initializer.append(tensor)
    return name


def _free(name: str, used: set[str]) -> str:
    """Return a name that nothing has, and take it."""
    while name in used:
        name += ":"
    used.add(name)
    return name


def _tensor(name: str, kind: int, width: int) -> Any:
    return helper.make_tensor_value_info(name, kind, [None, width])
