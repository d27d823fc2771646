"""What each action is worth given each outcome, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import Cell
from assay.errors import DataError
from assay.expression import Expression, parse

__all__ = ["Caps", "Columns", "Floats", "Ints", "PayoffTable", "capped", "finite"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]
"""Input columns by name, all of one length: float64 with NaN, or object arrays of str with ""."""

Caps = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class PayoffTable:
    """Payoffs of A actions given K outcomes: numbers, or expressions over input columns.

    `cells[a][k]` is the payoff of action `a` given outcome `k`, in currency per decision, as the
    charter wrote it. A column with a cap enters with its value moved inside the cap, so that the
    bounds known before any data hold for every case (design, section 4).

    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, "rate * 100 - 1"), (0.0, 0.0)),
    ...                     {"rate": (0.0, 0.5)})
    >>> table.matrix({"rate": np.array([0.1, 0.9])}, 2)[:, 0]
    array([[-1.,  9.],
           [-1., 49.]])
    >>> table.bounds()
    (-1.0, 49.0)
    """

    actions: tuple[str, ...]
    labels: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    caps: Caps = field(default_factory=dict)

    @cached_property
    def terms(self) -> tuple[tuple[float | Expression, ...], ...]:
        """The cells with their expressions parsed (ExpressionError where one does not parse)."""
        return tuple(tuple(_term(cell) for cell in row) for row in self.cells)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The input columns that the payoffs read."""
        return frozenset().union(
            *(term.columns for row in self.terms for term in row if isinstance(term, Expression))
        )

    @cached_property
    def _constant(self) -> Floats:
        """The cells that are numbers, shape (1, A, K); zero where an expression stands."""
        return np.array(
            [[0.0 if isinstance(term, Expression) else term for term in row] for row in self.terms]
        )[None]

    def matrix(self, columns: Columns, n: int) -> Floats:
        """Return the payoffs: shape (1, A, K) where no cell reads a column, else (n, A, K).

        Raises DataError where a column is not there, is no number, or has missing values.
        """
        if not self.columns:
            return self._constant
        readable = capped(columns, self.columns, self.caps)
        full = np.repeat(self._constant, n, axis=0)
        for a, row in enumerate(self.terms):
            for k, term in enumerate(row):
                if isinstance(term, Expression):
                    full[:, a, k] = finite(term, readable)
        return full

    def bounds(self) -> tuple[float, float]:
        """Return the least and the most that one case can pay, known before any data."""
        ends = [
            term.bounds(self.caps) if isinstance(term, Expression) else (term, term)
            for row in self.terms
            for term in row
        ]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def document(self) -> dict[str, Any]:
        """Return the table as a JSON document."""
        return {
            "actions": list(self.actions),
            "labels": list(self.labels),
            "cells": [list(row) for row in self.cells],
            "caps": {name: list(cap) for name, cap in sorted(self.caps.items())},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PayoffTable:
        """Read a table back from its document."""
        return cls(
            actions=tuple(document["actions"]),
            labels=tuple(document["labels"]),
            cells=tuple(tuple(row) for row in document["cells"]),
            caps={name: (low, high) for name, (low, high) in document["caps"].items()},
        )


def capped(
    columns: Columns, names: Sequence[str] | frozenset[str], caps: Caps
) -> dict[str, Floats]:
    """Return the named columns as numbers, each moved inside its cap where it has one.

    Raises DataError where a column is absent, holds no numbers, or has missing values: a payoff
    in currency must not be guessed.
    """
    readable: dict[str, Floats] = {}
    for name in sorted(names):
        if name not in columns:
            raise DataError(
                f"A payoff or baseline reads the column {name!r}, which is not among the columns "
                f"given ({', '.join(sorted(columns)) or 'none'}). Give that column with each case."
            )
        values = _numbers(name, columns[name])
        low, high = caps.get(name, (-np.inf, np.inf))
        readable[name] = np.clip(values, low, high)
    return readable


def finite(expression: Expression, columns: Columns) -> Floats:
    """Work an expression out; DataError where a case's result is not finite (a zero divisor)."""
    result = np.asarray(expression.evaluate(columns), dtype=np.float64)
    if not np.isfinite(result).all():
        count = int((~np.isfinite(result)).sum())
        raise DataError(
            f"The expression `{expression}` has no finite result for {count} of {result.size} "
            "cases. Keep its divisor away from zero, as in x / max(y, 1)."
        )
    return result


def _numbers(name: str, values: NDArray[Any]) -> Floats:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"A payoff or baseline reads the column {name!r} as a number, but it holds text. "
            "Name a column of numbers, or make this one a number."
        ) from None
    missing = int(np.isnan(numbers).sum())
    if missing:
        raise DataError(
            f"A payoff or baseline reads the column {name!r}, which has {missing} missing "
            f"value{'s' if missing != 1 else ''} in {len(numbers)} rows. "
            "Fill them before, or leave those rows out: money must not be guessed."
        )
    return numbers


def _term(cell: Cell) -> float | Expression:
    """Read a cell; an expression that names no column is worked out at once."""
    if not isinstance(cell, str):
        return float(cell)
    expression = parse(cell)
    return expression if expression.columns else float(expression.evaluate({}))
