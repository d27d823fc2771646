"""What a value in a converted graph is known to hold: columns, or cells looked up in texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isinf, isnan
from typing import Any

from onnx import TensorProto, helper, numpy_helper

from assay.evidence.input_blocks import Lookup

__all__ = ["Cell", "Cells", "Numbers", "Texts", "Value", "followed", "lookups_of"]

_ML = "ai.onnx.ml"
_EXACT = 1 << 24
"""Whole numbers up to here are the same in single precision."""


@dataclass(frozen=True)
class Numbers:
    """Number columns side by side, (n, k)."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Texts:
    """Text columns side by side, (n, k)."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One column of numbers that is a function of a text: `values` beside `categories`.

    Without `values` it is one for the one category, else zero.
    """

    column: str
    categories: tuple[str, ...]
    values: tuple[float | None, ...] | None = None
    otherwise: float | None = 0.0


@dataclass(frozen=True)
class Cells:
    """Such columns side by side: (n, k), or (n, 1, k) as the encoder of ONNX makes them."""

    cells: tuple[Cell, ...]
    rank: int = 2
    floating: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The text columns that they are looked up in."""
        return tuple(cell.column for cell in self.cells)


Value = Numbers | Texts | Cells


def followed(node: Any, known: Mapping[str, Value], constants: Mapping[str, Any]) -> Value | None:
    """Return what a node's result holds where its inputs are known; None where that is not sure."""
    rule = _RULES.get((node.domain, node.op_type))
    first = known.get(node.input[0]) if node.input else None
    if first is None or len(node.output) != 1:
        return None
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if node.op_type == "Concat":
        values = [known[name] for name in node.input if name in known]
        return _concat(values, given["axis"]) if len(values) == len(node.input) else None
    tensors = [constants.get(name) for name in node.input[1:]]
    if rule is None or None in tensors:
        return None
    return rule(first, given, [numpy_helper.to_array(tensor) for tensor in tensors])


def lookups_of(cells: Sequence[Cell]) -> tuple[Lookup, ...]:
    """Return cells as lookups: those that stand together and tell one text's categories as one.

    >>> [one.categories for one in lookups_of([Cell("job", ("a",)), Cell("job", ("b",))])]
    [('a', 'b')]
    """
    found: list[Lookup] = []
    for cell in cells:
        last = found[-1] if found else None
        if cell.values is not None:
            found.append(Lookup(cell.column, cell.categories, cell.values, cell.otherwise))
        elif (
            last
            and last.values is None
            and last.column == cell.column
            and not set(cell.categories).intersection(last.categories)
        ):
            found[-1] = Lookup(cell.column, (*last.categories, *cell.categories))
        else:
            found.append(Lookup(cell.column, cell.categories))
    return tuple(found)


Rule = Callable[[Any, Mapping[str, Any], Sequence[Any]], Value | None]


def _concat(values: Sequence[Value], axis: int) -> Value | None:
    first = values[0]
    if not _last_axis(first, axis):
        return None
    if isinstance(first, Cells):
        alike = [one for one in values if isinstance(one, Cells) and _like(one, first)]
        joined = tuple(cell for one in alike for cell in one.cells)
        return replace(first, cells=joined) if len(alike) == len(values) else None
    same = [one for one in values if type(one) is type(first)]
    if len(same) < len(values):
        return None
    return type(first)(tuple(column for one in same for column in one.columns))


def _like(one: Cells, other: Cells) -> bool:
    return (one.rank, one.floating) == (other.rank, other.floating)


def _gather(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    """Some of the columns; one place without an axis of its own would take the axis away."""
    if len(rest) != 1 or rest[0].ndim != 1 or not _last_axis(value, given.get("axis", 0)):
        return None
    return _taken(value, rest[0].tolist())


def _extracted(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    if given or len(rest) != 1 or rest[0].size == 0 or _rank(value) != 2:
        return None
    return _taken(value, rest[0].ravel().tolist())


def _taken(value: Value, places: Sequence[int]) -> Value | None:
    whole: Sequence[Any] = value.cells if isinstance(value, Cells) else value.columns
    if not all(-len(whole) <= place < len(whole) for place in places):
        return None
    some = tuple(whole[place] for place in places)
    return replace(value, cells=some) if isinstance(value, Cells) else type(value)(some)


def _one_hot(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    """A category that it does not know must become zeros: else it refuses the row."""
    names = _texts(given.get("cats_strings", ()))
    plain = given.keys() <= {"cats_strings", "zeros"} and given.get("zeros", 1) == 1
    if not (isinstance(value, Texts) and len(value.columns) == 1 and names and plain and not rest):
        return None
    return Cells(tuple(Cell(value.columns[0], (name,)) for name in names), rank=3)


def _encoded(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    """The code or the number beside a category."""
    names = _texts(given.get("keys_strings", ()))
    if not (isinstance(value, Texts) and len(value.columns) == 1 and names and not rest):
        return None
    floating = "values_floats" in given
    kind, default = ("floats", -0.0) if floating else ("int64s", -1)
    if not given.keys() <= {"keys_strings", f"values_{kind}", f"default_{kind[:-1]}"}:
        return None
    values = list(given.get(f"values_{kind}", ()))
    otherwise = given.get(f"default_{kind[:-1]}", default)
    if len(values) != len(names) or not _exact([*values, otherwise], floating=floating):
        return None
    cell = Cell(value.columns[0], names, tuple(map(_number, values)), _number(otherwise))
    return Cells((cell,), floating=floating)


def _reshaped(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    flat = isinstance(value, Cells) and [one.tolist() for one in rest] == [[-1, len(value.cells)]]
    return replace(value, rank=2) if isinstance(value, Cells) and flat and not given else None


def _cast(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    plain = given == {"to": TensorProto.FLOAT} and not rest
    return replace(value, floating=True) if isinstance(value, Cells) and plain else None


def _identity(value: Value, given: Mapping[str, Any], rest: Sequence[Any]) -> Value | None:
    return None if given or rest else value


_RULES: Mapping[tuple[str, str], Rule] = {
    ("", "Gather"): _gather,
    ("", "Reshape"): _reshaped,
    ("", "Cast"): _cast,
    ("", "Identity"): _identity,
    (_ML, "ArrayFeatureExtractor"): _extracted,
    (_ML, "LabelEncoder"): _encoded,
    (_ML, "OneHotEncoder"): _one_hot,
}


def _last_axis(value: Value, axis: int) -> bool:
    return axis in {-1, _rank(value) - 1}


def _rank(value: Value) -> int:
    return value.rank if isinstance(value, Cells) else 2


def _texts(names: Sequence[bytes]) -> tuple[str, ...]:
    """Return categories as text; none where one stands twice: which one counts is not sure."""
    texts = tuple(name.decode() for name in names)
    return texts if len(set(texts)) == len(texts) else ()


def _exact(values: Sequence[float], *, floating: bool) -> bool:
    """Whether values are the same as single-precision numbers in JSON, which has no infinity."""
    if floating:
        return not any(isinf(value) for value in values)
    return all(abs(value) <= _EXACT for value in values)


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)
