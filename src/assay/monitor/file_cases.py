"""Decisions, scores and outcomes of a large table, counted into score tables as it is read.

A forecast is not needed for that: the score table's cells are those of the score's axis, and once
the reference is counted, the calibration is learned from its cells and forecasts are filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError
from assay.ports.row_groups import Column
from assay.stats.calibration import Calibrator
from assay.stats.coded import Coded
from assay.stats.grid import NumberAxis
from assay.stats.score_table import ALL, ScoreTable, empty_table
from assay.stats.tally_kernel import Runs, cells_of
from assay.value.classification import ClassificationValuation
from assay.value.payoff_terms import PayoffTerms, payoff_terms

__all__ = ["FileCases", "with_chances"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class FileCases:
    """Counts cases of two outcomes: the names of their columns, and what decisions are worth.

    A decision and an outcome are a word of the value model, or 1 and 0: acted or not (the first
    action that is not the baseline's, and the baseline's), positive or not. An outcome that is
    missing may still come. Cases without a score are not counted; one without a decision, or
    with one that the value model does not know, is DataError. Where no column holds decisions
    (None), none is known: scores alone have performance, and no value.
    """

    score: str
    decision: str | None
    outcome: str | None
    axis: NumberAxis
    valuation: ClassificationValuation

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it reads."""
        told = [name for name in (self.decision, self.outcome) if name]
        return list(dict.fromkeys([self.score, *told, *self._paying]))

    @cached_property
    def terms(self) -> PayoffTerms:
        """What payoffs are made of."""
        return payoff_terms(self.valuation)

    def tables(self, columns: Mapping[str, Column], runs: Runs, windows: int) -> list[ScoreTable]:
        """Return one group's table of each window; forecasts are 0 until `with_chances`."""
        score = _numbers(self.score, columns[self.score])
        cells = cells_of(self.axis, score)
        decided = self._decisions(columns.get(self.decision or ""), len(score))
        told = self._outcomes(columns.get(self.outcome or ""), len(score))
        paid = {name: _raw(columns[name]) for name in self._paying}
        values = self.terms.values(paid, len(score))
        starts = runs.starts.astype(np.int64)
        window = np.repeat(runs.windows.astype(np.int64), starts[1:] - starts[:-1])
        size, pairs = self.axis.size - 1, len(self._pairs)
        inner = decided * size + cells
        scored = cells < size
        if not scored.all():
            window, inner, told = window[scored], inner[scored], told[scored]
            score, values = score[scored], values[scored]
        return self._added(_Sums(window, inner, told, (windows, pairs, size)), score, values)

    def _added(self, found: _Sums, score: Floats, values: Floats) -> list[ScoreTable]:
        terms = range(values.shape[1])
        products = [values[:, s] * values[:, t] for s in terms for t in terms[s:]]
        parts: dict[str, Any] = {"score": found.sum(score), "labelled": found.labelled()}
        parts["ripe"] = parts["labelled"].sum(axis=1)
        parts["n"] = parts["ripe"] if found.all_told else found.count()
        for name, columns in (("sums", list(values.T)), ("products", products)):
            told = parts[f"labelled_{name}"] = found.each_labelled(columns)
            parts[name] = told.sum(axis=1) if found.all_told else found.each(columns)
        parts["ripe_sums"] = parts["labelled_sums"].sum(axis=1)
        windows, _, size = found.shape
        empty = empty_table((ALL,), self._pairs, self.terms.terms, 2, size)
        return [
            replace(empty, **{name: part[window][..., None, :, :] for name, part in parts.items()})
            for window in range(windows)
        ]

    @cached_property
    def _paying(self) -> list[str]:
        return sorted(self.valuation.columns)

    @cached_property
    def _baseline(self) -> int:
        return self.valuation.actions.index(self.valuation.baselines[self.valuation.baseline_name])

    @cached_property
    def _pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of the action taken and the baseline's; one of an unknown action without any."""
        base = self._baseline
        if self.decision is None:
            return ((_UNKNOWN, base),)
        return tuple((own, base) for own in range(len(self.valuation.actions)))

    def _decisions(self, column: Column | None, n: int) -> Ints:
        """Return the place of each case's pair."""
        if column is None:
            return np.zeros(n, dtype=np.int64)
        actions = self.valuation.actions
        acted = next(code for code in range(len(actions)) if code != self._baseline)
        codes = _codes(
            column, {name: code for code, name in enumerate(actions)}, self._baseline, acted
        )
        if (codes == _UNKNOWN).any():
            raise DataError(
                f"`{self.decision}` has a missing or unknown decision ({_first(column, codes)}). "
                f"Write {', '.join(actions)}, or 1 for `{actions[acted]}` and 0 for "
                f"`{actions[self._baseline]}`; other words are the actions of a value section "
                "(--value)."
            )
        return codes

    def _outcomes(self, column: Column | None, n: int) -> Ints:
        if column is None:
            return np.full(n, _UNKNOWN, dtype=np.int64)
        labels = self.valuation.labels
        codes = _codes(column, {name: code for code, name in enumerate(labels)}, 0, 1)
        strange = (codes == _UNKNOWN) & ~_missing(column)
        if strange.any():
            raise DataError(
                f"`{self.outcome}` has an unknown outcome ({_first(column, codes)}). Write "
                f"{' or '.join(labels)}, or 1 for `{labels[1]}` and 0 for `{labels[0]}`; leave "
                "out what is not known yet."
            )
        return codes


@dataclass(frozen=True, eq=False)
class _Sums:
    """Adds up cases by window, pair and cell, and by outcome where it is known.

    `inner` (n,) is each case's place among pairs and cells; where all outcomes are known, what is
    added up by outcome need not be added up again without.
    """

    window: Ints
    inner: Ints
    told: Ints
    shape: tuple[int, int, int]

    @cached_property
    def all_told(self) -> bool:
        """Whether every outcome is known."""
        return bool((self.told >= 0).all())

    @cached_property
    def _place(self) -> Ints:
        place: Ints = self.window * (self.shape[1] * self.shape[2]) + self.inner
        return place

    @cached_property
    def _told_place(self) -> Ints:
        """Places among windows, outcomes, pairs and cells of the cases with an outcome."""
        window, inner, told = (self._of_known(a) for a in (self.window, self.inner, self.told))
        place: Ints = (2 * window + told) * (self.shape[1] * self.shape[2]) + inner
        return place

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        return self.told >= 0

    def _of_known(self, values: NDArray[Any]) -> NDArray[Any]:
        return values if self.all_told else values[self._known]

    def count(self) -> Ints:
        return np.bincount(self._place, minlength=int(np.prod(self.shape))).reshape(self.shape)

    def sum(self, weights: Floats) -> Floats:
        found = np.bincount(self._place, weights, int(np.prod(self.shape)))
        return found.astype(np.float64, copy=False).reshape(self.shape)

    def labelled(self) -> Ints:
        found = np.bincount(self._told_place, minlength=2 * int(np.prod(self.shape)))
        return found.reshape(self.shape[0], 2, *self.shape[1:])

    def each(self, columns: Sequence[Floats]) -> Floats:
        """Return sums (W, T, D, C) of each column."""
        parts = [self.sum(column) for column in columns]
        return np.stack(parts, axis=1) if parts else np.empty((self.shape[0], 0, *self.shape[1:]))

    def each_labelled(self, columns: Sequence[Floats]) -> Floats:
        """Return sums (W, K, T, D, C) of each column by outcome."""
        shape = (self.shape[0], 2, *self.shape[1:])
        size = int(np.prod(shape))
        parts = [
            np.bincount(self._told_place, self._of_known(column), size).reshape(shape)
            for column in columns
        ]
        if not parts:
            return np.empty((*shape[:2], 0, *shape[2:]))
        return np.stack(parts, axis=2).astype(np.float64)


def with_chances(table: ScoreTable, calibrator: Calibrator) -> ScoreTable:
    """Return a table with its cells' forecasts: those of each cell's mean score.

    A calibration that is learned from the cells rises slowly within one, so that the forecast of
    the mean score stands for the mean forecast.
    """
    mean = table.score / np.maximum(table.n, 1)
    positive = np.asarray(calibrator.apply(mean.ravel())).reshape(mean.shape)
    chance = np.stack([1.0 - positive, positive])
    return replace(table, chance=chance * table.n, ripe_chance=chance * table.ripe)


def _codes(column: Column, words: Mapping[str, int], zero: int, one: int) -> Ints:
    """Return a column of words, or of 0 and 1, as codes; -1 is anything else."""
    if isinstance(column, Coded):
        by_number = {"0": zero, "1": one}
        known = [
            words.get(word, by_number.get(word, _UNKNOWN)) if word else _UNKNOWN
            for word in column.words
        ]
        return np.array(known, dtype=np.int64)[column.codes]
    zero, one = words.get("0", zero), words.get("1", one)
    yes = column == 1
    codes = np.where(yes, one, zero)
    strange = ~(yes | (column == 0))
    if strange.any():
        codes[strange] = _UNKNOWN
    return codes


def _missing(column: Column) -> NDArray[np.bool_]:
    if isinstance(column, Coded):
        return np.array([not word for word in column.words])[column.codes]
    return np.isnan(column)


def _first(column: Column, codes: Ints) -> str:
    """Return the first value that has no code, for a message."""
    place = int(np.flatnonzero(codes == _UNKNOWN)[0])
    if isinstance(column, Coded):
        return repr(column.words[column.codes[place]])
    return f"{column[place]:g}"


def _numbers(name: str, column: Column) -> Floats:
    if isinstance(column, Coded):
        raise DataError(f"`{name}` holds text, and a score is a number.")
    return column


def _raw(column: Column) -> NDArray[Any]:
    return column.decoded() if isinstance(column, Coded) else column
