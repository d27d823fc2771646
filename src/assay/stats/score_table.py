"""What was decided at which score: counts and sums that add up over windows.

The table is the mergeable (approximate) sufficient statistic for calibration, for every metric of
performance and for value: with cells fine enough, a new threshold on a cell's edge, a new
calibration or new coefficients of the stored payoff terms need no second look at the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALL", "ScoreTable", "empty_table", "score_table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ALL = ("", "")
"""The segment of all rows."""

_NAMES = ("segments", "pairs", "terms")
_COUNTS = ("n", "ripe", "labelled")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Counts and sums for each of S segments, D pairs of actions and C score cells.

    A `segment` is (column, value); the first is `ALL`, and a row counts there and in one segment of
    each segmenting column. A pair is the code of the action taken and that of the baseline's.
    `terms` name T columns of numbers that payoffs are made of, beside the constant 1; products are
    of terms s <= t, T (T + 1) / 2 of them (see `product_of`). There are K outcomes.

    Known when the decision is made: `n` (S, D, C) cases, `score` (S, D, C) the sum of their scores,
    `chance` (K, S, D, C) the sum of their forecast probabilities, `sums` (T, S, D, C) and
    `products` (P, S, D, C). Once the label delay is over: the same of those cases in `ripe`,
    `ripe_chance` and `ripe_sums`. With labels: `labelled` (K, S, D, C) ripe cases by what happened,
    `labelled_sums` (K, T, S, D, C) and `labelled_products` (K, P, S, D, C).

    >>> table = score_table(
    ...     np.array([0, 0]), np.array([0, 1]), chance=np.array([[0.7, 0.3], [0.9, 0.1]]),
    ...     outcomes=np.array([1, -1]), pairs=((0, 1), (1, 1)), size=1)
    >>> table.n[0, :, 0].tolist(), table.labelled[:, 0].sum(axis=(1, 2)).tolist()
    ([1, 1], [0, 1])
    """

    segments: tuple[tuple[str, str], ...]
    pairs: tuple[tuple[int, int], ...]
    terms: tuple[str, ...]
    n: Ints
    score: Floats
    chance: Floats
    sums: Floats
    products: Floats
    ripe: Ints
    ripe_chance: Floats
    ripe_sums: Floats
    labelled: Ints
    labelled_sums: Floats
    labelled_products: Floats

    @property
    def size(self) -> int:
        """Score cells, C."""
        return int(self.n.shape[-1])

    @property
    def outcomes(self) -> int:
        """Outcomes, K."""
        return len(self.chance)

    def product_of(self, s: int, t: int) -> int:
        """Return the place of the product of terms s and t in `products`."""
        low, high = min(s, t), max(s, t)
        return low * len(self.terms) - low * (low - 1) // 2 + high - low

    def __add__(self, other: ScoreTable) -> ScoreTable:
        """Add up tables of the same actions, terms and cells; segments of either are kept."""
        if (self.pairs, self.terms, self.size) != (other.pairs, other.terms, other.size):
            raise ValueError(
                "Score tables add up where actions, payoff terms and score cells are the same; "
                "these are of different models or payoffs."
            )
        names = tuple(dict.fromkeys((*self.segments, *other.segments)))
        one, two = self._over(names), other._over(names)
        added: dict[str, Any] = {
            name: getattr(one, name) + getattr(two, name) for name in _arrays()
        }
        return replace(one, **added)

    def at(self, segment: int | tuple[str, str]) -> ScoreTable:
        """Return the table of one segment, by place or by (column, value), as that of all rows."""
        place = segment if isinstance(segment, int) else self.segments.index(segment)
        picked: dict[str, Any] = {
            name: getattr(self, name)[..., place : place + 1, :, :] for name in _arrays()
        }
        return replace(self, segments=(ALL,), **picked)

    @property
    def pooled(self) -> ScoreTable:
        """The table of all rows, without segments."""
        return self.at(0)

    def unlabelled(self) -> ScoreTable:
        """Return the table as it was before any label delay was over."""
        names = [name for name in _arrays() if name.startswith(("ripe", "labelled"))]
        none: dict[str, Any] = {name: np.zeros_like(getattr(self, name)) for name in names}
        return replace(self, **none)

    def document(self) -> dict[str, Any]:
        """Return the table as a JSON document; cells without a case are left out."""
        used = np.flatnonzero(self.n.ravel())
        document: dict[str, Any] = {
            "segments": [list(one) for one in self.segments],
            "pairs": [list(one) for one in self.pairs],
            "terms": list(self.terms),
            "outcomes": self.outcomes,
            "size": self.size,
            "cells": used.tolist(),
        }
        for name in _arrays():
            array = getattr(self, name)
            flat = array.reshape(*array.shape[:-3], self.n.size)[..., used]
            if flat.any():
                document[name] = flat.tolist()
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ScoreTable:
        """Read a table back."""
        table = empty_table(
            segments=tuple((column, value) for column, value in document["segments"]),
            pairs=tuple((own, base) for own, base in document["pairs"]),
            terms=tuple(document["terms"]),
            outcomes=document["outcomes"],
            size=document["size"],
        )
        used = np.asarray(document["cells"], dtype=np.int64)
        for name in _arrays():
            if name in document:
                array = getattr(table, name)
                array.reshape(*array.shape[:-3], table.n.size)[..., used] = document[name]
        return table

    def _over(self, names: tuple[tuple[str, str], ...]) -> ScoreTable:
        """Return the table with these segments, which hold its own; new ones have no cases."""
        if names == self.segments:
            return self
        table = empty_table(names, self.pairs, self.terms, self.outcomes, self.size)
        places = [names.index(one) for one in self.segments]
        for name in _arrays():
            getattr(table, name)[..., places, :, :] = getattr(self, name)
        return table


def empty_table(
    segments: tuple[tuple[str, str], ...],
    pairs: tuple[tuple[int, int], ...],
    terms: tuple[str, ...],
    outcomes: int,
    size: int,
) -> ScoreTable:
    """Return a table of no cases: what tables of the same shape are added to."""
    inner = (len(segments), len(pairs), size)
    t = len(terms)
    p = t * (t + 1) // 2
    leading: dict[str, tuple[int, ...]] = {
        "n": (),
        "score": (),
        "chance": (outcomes,),
        "sums": (t,),
        "products": (p,),
        "ripe": (),
        "ripe_chance": (outcomes,),
        "ripe_sums": (t,),
        "labelled": (outcomes,),
        "labelled_sums": (outcomes, t),
        "labelled_products": (outcomes, p),
    }
    arrays: dict[str, Any] = {
        name: np.zeros((*shape, *inner), np.int64 if name in _COUNTS else np.float64)
        for name, shape in leading.items()
    }
    return ScoreTable(segments, pairs, terms, **arrays)


def score_table(
    cells: Ints,
    pair: Ints,
    *,
    chance: Floats,
    pairs: tuple[tuple[int, int], ...],
    size: int,
    score: Floats | None = None,
    terms: tuple[str, ...] = (),
    values: Floats | None = None,
    outcomes: Ints | None = None,
    ripe: NDArray[np.bool_] | None = None,
    segments: tuple[tuple[str, str], ...] = (ALL,),
    memberships: Sequence[Ints] = (),
) -> ScoreTable:
    """Add up n cases.

    `cells` (n,) and `pair` (n,) are places among `size` cells and in `pairs`; `chance` (n, K) are
    forecasts; `values` (n, T) those of the `terms`. `outcomes` (n,) are codes, -1 where not known;
    of which cases the label delay is over says `ripe` (all where None), and only their outcomes
    count. `memberships` hold, for each segmenting column, each row's place (n,) in `segments`.
    """
    n, k = chance.shape
    values = np.empty((n, 0)) if values is None else values
    known = np.full(n, -1, dtype=np.int64) if outcomes is None else outcomes
    over = np.ones(n, dtype=np.bool_) if ripe is None else ripe
    table = empty_table(segments, pairs, terms, k, size)
    inside, stride = pair * size + cells, len(pairs) * size
    rows = _Rows((inside, *(inside + place * stride for place in memberships)))
    told = rows.where(over)
    rows.count(table.n)
    told.count(table.ripe)
    if score is not None:
        rows.add(table.score, score)
    products = _products(values)
    rows.add_each(table.chance, chance)
    told.add_each(table.ripe_chance, chance[over])
    rows.add_each(table.sums, values)
    told.add_each(table.ripe_sums, values[over])
    rows.add_each(table.products, products)
    for code in range(k):
        came = over & (known == code)
        labelled = rows.where(came)
        labelled.count(table.labelled[code])
        labelled.add_each(table.labelled_sums[code], values[came])
        labelled.add_each(table.labelled_products[code], products[came])
    return table


@dataclass(frozen=True)
class _Rows:
    """Where each row counts in a table's flattened cells, once for each segment it is in."""

    places: tuple[Ints, ...]

    def where(self, chosen: NDArray[np.bool_]) -> _Rows:
        return _Rows(tuple(place[chosen] for place in self.places))

    def count(self, into: Ints) -> None:
        for place in self.places:
            into += np.bincount(place, minlength=into.size).reshape(into.shape)

    def add(self, into: Floats, weights: Floats) -> None:
        for place in self.places:
            into += np.bincount(place, weights, into.size).reshape(into.shape)

    def add_each(self, into: Floats, weights: Floats) -> None:
        for k in range(weights.shape[1]):
            self.add(into[k], weights[:, k])


def _products(values: Floats) -> Floats:
    """Return the products (n, P) of columns s <= t."""
    count = values.shape[1]
    pairs = [(s, t) for s in range(count) for t in range(s, count)]
    return np.stack([values[:, s] * values[:, t] for s, t in pairs], axis=1) if pairs else values


def _arrays() -> tuple[str, ...]:
    return tuple(one.name for one in fields(ScoreTable) if one.name not in _NAMES)
