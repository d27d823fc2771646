"""Payoffs of cases: small trees of arithmetic over columns, worked out without running text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

__all__ = ["Refused", "capped", "columns_of", "evaluate", "finite", "matrix"]


class Refused(ValueError):
    """A request that cannot be answered, with what is wrong in its text."""


def evaluate(tree: Any, columns: Mapping[str, Any]) -> Any:
    """Work a tree out: a number, `["column", name]`, or an operation and its arguments.

    >>> evaluate(["-", ["*", ["column", "fee"], 2.0], 1.0], {"fee": np.array([3.0])})
    array([5.])
    """
    with np.errstate(all="ignore"):
        return _worked_out(tree, columns)


def columns_of(tree: Any) -> set[str]:
    """Return the names of the columns that a tree reads."""
    if not isinstance(tree, list):
        return set()
    if tree[0] == "column":
        return {tree[1]}
    return set().union(*(columns_of(part) for part in tree[1:]))


def finite(tree: Any, columns: Mapping[str, Any]) -> Any:
    """Work a tree out; Refused where a case has no finite result (a zero divisor)."""
    result = np.asarray(evaluate(tree, columns), dtype=np.float64)
    if not np.isfinite(result).all():
        raise Refused("A payoff has no finite result for a case. Send other values of its columns.")
    return result


def capped(columns: Mapping[str, Any], names: set[str], caps: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns as numbers inside their caps; Refused where one is absent or has gaps."""
    found = {}
    for name in sorted(names):
        if name not in columns:
            raise Refused(f"A payoff reads the column {name!r}. Send it with each case.")
        values = columns[name]
        if values.dtype == object:
            raise Refused(f"A payoff reads the column {name!r} as a number. Send numbers.")
        if np.isnan(values).any():
            raise Refused(f"A payoff reads the column {name!r}, which lacks a value. Send each.")
        low, high = caps.get(name, (-np.inf, np.inf))
        found[name] = np.clip(values, low, high)
    return found


def matrix(table: Mapping[str, Any], columns: Mapping[str, Any], n: int) -> Any:
    """Return payoffs (n, A, K), or (1, A, K) where none reads a column."""
    cells = table["cells"]
    names = set().union(*(columns_of(cell) for row in cells for cell in row))
    full = np.array([[0.0 if isinstance(cell, list) else cell for cell in row] for row in cells])
    if not names:
        return full[None]
    read, full = capped(columns, names, table["caps"]), np.repeat(full[None], n, axis=0)
    for a, row in enumerate(cells):
        for k, cell in enumerate(row):
            if isinstance(cell, list):
                full[:, a, k] = finite(cell, read)
    return full


def _worked_out(tree: Any, columns: Mapping[str, Any]) -> Any:
    if not isinstance(tree, list):
        return tree
    if tree[0] == "column":
        return columns[tree[1]]
    return _OPERATIONS[tree[0]](*(_worked_out(part, columns) for part in tree[1:]))


def _compared(compare: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, compare(a, b))


def _where(test: Any, a: Any, b: Any) -> Any:
    return np.where(np.isnan(test), np.nan, np.where(test != 0, a, b))


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "negative": np.negative,
    "<": _compared(np.less),
    "<=": _compared(np.less_equal),
    ">": _compared(np.greater),
    ">=": _compared(np.greater_equal),
    "==": _compared(np.equal),
    "!=": _compared(np.not_equal),
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "where": _where,
}
