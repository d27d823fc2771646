"""What decided amounts are worth at which prediction: counts and sums that add up over windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.score_table import ALL

__all__ = ["AmountTable", "empty_amounts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NAMES = ("segments",)
_BY_LEVEL = ("by_level", "told_by_level")
_COUNTS = ("n", "ripe", "certain", "labelled", "told")


@dataclass(frozen=True, eq=False)
class AmountTable:
    """Sums for each of S segments and C score cells, all (S, C) unless said otherwise.

    A forecast of an amount is L quantiles that weigh the same, and the score is its point
    prediction. Known when the decision is made: `n` cases, `score` the sum of predictions,
    `absolute` and `squared` the expected error of the prediction and its square, `expected` the
    uplift (payoff above the baseline's) that the quantiles let expect, `expected_squared` its
    square, `noise` its variance over the quantiles, and `by_level` (L, S, B), the uplift at each
    quantile in each calibration block: what an error of the quantiles does to all of them at once.

    Of cases whose label delay is over: `ripe` and `ripe_expected`; `certain` are those that decide
    as the baseline does. With labels: `labelled` ripe cases, `paid` their payoff, and of what
    came `outcome`, `outcome_squared`, and outcome less prediction as `residual`,
    `residual_absolute`, `residual_squared`. Of those `told` that do not decide as the baseline:
    `uplift`, its square, `gap` (uplift less what was expected of it), its square and its product
    with the uplift, `told_noise` and `told_by_level` as above, and `reach`, how far from the
    expected uplift the furthest quantile lay: the one figure that is no sum but a maximum.

    Sums of different payoffs differ: they do not tell what other payoffs would bring.
    """

    segments: tuple[tuple[str, str], ...]
    n: Ints
    score: Floats
    absolute: Floats
    squared: Floats
    expected: Floats
    expected_squared: Floats
    noise: Floats
    by_level: Floats
    ripe: Ints
    ripe_expected: Floats
    certain: Ints
    labelled: Ints
    paid: Floats
    outcome: Floats
    outcome_squared: Floats
    residual: Floats
    residual_absolute: Floats
    residual_squared: Floats
    told: Ints
    uplift: Floats
    uplift_squared: Floats
    gap: Floats
    gap_squared: Floats
    uplift_gap: Floats
    told_noise: Floats
    told_by_level: Floats
    reach: Floats

    @property
    def size(self) -> int:
        """Score cells, C."""
        return int(self.n.shape[-1])

    def __add__(self, other: AmountTable) -> AmountTable:
        """Add up tables of the same cells and quantiles; segments of either are kept."""
        if (self.size, self.by_level.shape[::2]) != (other.size, other.by_level.shape[::2]):
            raise ValueError(
                "Tables of amounts add up where score cells and quantiles are the same; these are "
                "of different models."
            )
        names = tuple(dict.fromkeys((*self.segments, *other.segments)))
        one, two = self._over(names), other._over(names)
        added: dict[str, Any] = {
            name: getattr(one, name) + getattr(two, name) for name in _arrays()
        }
        added["reach"] = np.maximum(one.reach, two.reach)
        return replace(one, **added)

    def at(self, segment: int | tuple[str, str]) -> AmountTable:
        """Return the table of one segment, by place or by (column, value), as that of all rows."""
        place = segment if isinstance(segment, int) else self.segments.index(segment)
        picked: dict[str, Any] = {
            name: getattr(self, name)[..., place : place + 1, :] for name in _arrays()
        }
        return replace(self, segments=(ALL,), **picked)

    @property
    def pooled(self) -> AmountTable:
        """The table of all rows, without segments."""
        return self.at(0)

    def unlabelled(self) -> AmountTable:
        """Return the table as it was before any label delay was over."""
        names = _arrays()[_arrays().index("ripe") :]
        none: dict[str, Any] = {name: np.zeros_like(getattr(self, name)) for name in names}
        return replace(self, **none)

    def document(self) -> dict[str, Any]:
        """Return the table as a JSON document; cells without a case are left out."""
        used = np.flatnonzero(self.n.ravel())
        document: dict[str, Any] = {
            "segments": [list(one) for one in self.segments],
            "size": self.size,
            "levels": list(self.by_level.shape[::2]),
            "cells": used.tolist(),
        }
        for name in _arrays():
            array = getattr(self, name)
            if array.any():
                flat = array if name in _BY_LEVEL else array.ravel()[used]
                document[name] = flat.tolist()
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> AmountTable:
        """Read a table back."""
        levels, blocks = document["levels"]
        segments = tuple((column, value) for column, value in document["segments"])
        table = empty_amounts(segments, size=document["size"], levels=levels, blocks=blocks)
        used = np.asarray(document["cells"], dtype=np.int64)
        for name in _arrays():
            if name in document and name in _BY_LEVEL:
                getattr(table, name)[:] = document[name]
            elif name in document:
                getattr(table, name).reshape(-1)[used] = document[name]
        return table

    def _over(self, names: tuple[tuple[str, str], ...]) -> AmountTable:
        """Return the table with these segments, which hold its own; new ones have no cases."""
        if names == self.segments:
            return self
        levels, blocks = self.by_level.shape[::2]
        table = empty_amounts(names, size=self.size, levels=levels, blocks=blocks)
        places = [names.index(one) for one in self.segments]
        for name in _arrays():
            getattr(table, name)[..., places, :] = getattr(self, name)
        return table


def empty_amounts(
    segments: Sequence[tuple[str, str]] = (ALL,), *, size: int, levels: int, blocks: int
) -> AmountTable:
    """Return a table of no cases.

    >>> table = empty_amounts(size=3, levels=9, blocks=2)
    >>> (table + table).n.tolist()
    [[0, 0, 0]]
    """
    arrays: dict[str, Any] = {}
    for name in _arrays():
        shape = (levels, len(segments), blocks) if name in _BY_LEVEL else (len(segments), size)
        arrays[name] = np.zeros(shape, np.int64 if name in _COUNTS else np.float64)
    return AmountTable(tuple(segments), **arrays)


def _arrays() -> tuple[str, ...]:
    return tuple(one.name for one in fields(AmountTable) if one.name not in _NAMES)
