"""Score cells of three and more outcomes: of each outcome against all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassCells", "ClassTables", "class_cells", "class_tables"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCKS = 20
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class ClassCells:
    """Cells of each outcome's score, and which of them err together.

    `edges[k]` cut the raw score of outcome k as `ScoreCells.edges` do. `block` (K, C) groups
    neighbouring cells of an outcome, `labelled` (K, B) are the calibration cases behind each group,
    shared out evenly: the calibrator of all outcomes keeps no counts by one outcome's score.
    """

    edges: tuple[Floats, ...]
    block: Ints
    labelled: Ints

    @property
    def size(self) -> int:
        """Cells of each outcome; those of few edges leave the last ones empty."""
        return int(self.block.shape[1])

    def of(self, score: Floats) -> Ints:
        """Return the cell (n, K) of each outcome's score (n, K)."""
        return np.column_stack(
            [np.searchsorted(cuts, score[:, k], side="left") for k, cuts in enumerate(self.edges)]
        ).astype(np.int64)


def class_cells(edges: Sequence[Floats], labelled: int) -> ClassCells:
    """Return cells at the edges of each outcome's score axis, for `labelled` calibration cases.

    >>> cells = class_cells([np.array([0.2, 0.4]), np.array([0.5])], 100)
    >>> cells.of(np.array([[0.3, 0.7]])).tolist(), cells.size
    ([[1, 1]], 3)
    """
    size = max(len(cuts) for cuts in edges) + 1
    count = min(_BLOCKS, size)
    block = np.zeros((len(edges), size), dtype=np.int64)
    behind = np.zeros((len(edges), count), dtype=np.int64)
    for k, cuts in enumerate(edges):
        own = len(cuts) + 1
        block[k, :own] = np.arange(own) * count // own
        block[k, own:] = count - 1
        used = np.unique(block[k, :own])
        behind[k, used] = labelled // len(used)
    return ClassCells(tuple(edges), block, behind)


@dataclass(frozen=True, eq=False)
class ClassTables:
    """Counts for each of K outcomes, whether a case was taken for it, and C cells of its score.

    A case is taken for its most probable outcome (the first where tied). `n` (K, 2, C) are cases,
    row 1 those taken for the outcome, `chance` the sum of its forecast probabilities; `ripe` and
    `ripe_chance` the same once the label delay is over; `positive` and `negative` labelled cases
    that were the outcome and that were another. All of them add up over windows.
    """

    n: Ints
    chance: Floats
    ripe: Ints
    ripe_chance: Floats
    positive: Ints
    negative: Ints

    def __add__(self, other: ClassTables) -> ClassTables:
        """Add up tables of the same outcomes and cells."""
        if self.n.shape != other.n.shape:
            raise ValueError("class tables add up where outcomes and score cells are the same")
        names = [one.name for one in fields(self)]
        added: list[Any] = [getattr(self, name) + getattr(other, name) for name in names]
        return ClassTables(*added)

    def unlabelled(self) -> ClassTables:
        """Return the tables as they were before any label delay was over."""
        none, nothing = np.zeros_like(self.n), np.zeros_like(self.chance)
        return ClassTables(self.n, self.chance, none, nothing, none, none)

    def document(self) -> dict[str, Any]:
        """Return the tables as a JSON document; cells without a case are left out."""
        used = np.flatnonzero(self.n.ravel())
        kept = {one.name: getattr(self, one.name).ravel()[used].tolist() for one in fields(self)}
        return {
            "format": _FORMAT,
            "shape": list(self.n.shape),
            "cells": used.tolist(),
            **{name: values for name, values in kept.items() if any(values)},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ClassTables:
        """Read tables back; ValueError for a format this version does not know."""
        if document.get("format") != _FORMAT:
            raise ValueError(f"class tables of format {document.get('format')!r} cannot be read")
        arrays: list[Any] = []
        for one in fields(cls):
            kind = np.float64 if one.name in {"chance", "ripe_chance"} else np.int64
            array = np.zeros(tuple(document["shape"]), dtype=kind)
            if one.name in document:
                array.ravel()[np.asarray(document["cells"], np.int64)] = document[one.name]
            arrays.append(array)
        return cls(*arrays)


def class_tables(
    cells: Ints,
    forecast: Floats,
    size: int,
    *,
    outcomes: Ints | None = None,
    ripe: NDArray[np.bool_] | None = None,
) -> ClassTables:
    """Count n cases with `cells` (n, K) and forecasts (n, K).

    `outcomes` (n,) are codes, -1 where not known; of which cases the label delay is over says
    `ripe` (all where None), and only their outcomes count.

    >>> sure = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    >>> one = class_tables(np.zeros((2, 3), np.int64), sure, 1, outcomes=np.array([0, -1]))
    >>> one.n[:, 1, 0].tolist(), one.positive[:, 1, 0].tolist()
    ([1, 0, 1], [1, 0, 0])
    """
    n, count = forecast.shape
    known = np.full(n, -1, dtype=np.int64) if outcomes is None else outcomes
    over = np.ones(n, dtype=np.bool_) if ripe is None else ripe
    taken = forecast.argmax(axis=1)[:, None] == np.arange(count)
    place = (np.arange(count) * 2 + taken) * size + cells
    shape = (count, 2, size)

    def counted(chosen: NDArray[np.bool_]) -> Ints:
        return np.bincount(place[chosen], minlength=count * 2 * size).reshape(shape)

    def added(chosen: NDArray[np.bool_]) -> Floats:
        sums = np.bincount(place[chosen], forecast[chosen], count * 2 * size)
        return sums.astype(np.float64).reshape(shape)

    every = np.ones(forecast.shape, dtype=np.bool_)
    told = over & (known >= 0)
    came = known[:, None] == np.arange(count)
    return ClassTables(
        counted(every),
        added(every),
        counted(every & over[:, None]),
        added(every & over[:, None]),
        counted(came & told[:, None]),
        counted(~came & told[:, None]),
    )
