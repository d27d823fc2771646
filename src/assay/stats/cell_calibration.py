"""Scores turned into probabilities that hold whatever amount is at stake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator, fit_calibrator, link
from assay.stats.cell_shifts import CellShifts, fit_cell_shifts

__all__ = ["CellCalibrator", "fit_cell_calibrator"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_CELLS = 10
_FEWEST_CASES = 200
_FEWEST_RARER = 50
"""Cases in a cell, and of the rarer outcome there, below which there are fewer cells."""
_BLOCKS = 20
_FOLDS = 5
_TINY = 1e-7


@dataclass(frozen=True)
class CellCalibrator:
    """A map from score and amount to P(positive): one calibrator, bent in each cell of an amount.

    `base` maps scores to probabilities for all cases alike; `shifts` bend its log odds cell by cell
    and never turn the order of scores around within a cell. Amounts (n, A) come with the scores;
    column `axis` of them is cut by `cuts` into cells. Blocks are cases of one cell with a like
    probability: `edges[c]` cuts those of cell c, `counts` are the labelled cases behind each block.

    No probability of m labelled cases leaves at less than `1 / (m + 2)` from 0 and 1.

    >>> twice = CellShifts(np.array([1.0, 9.0]), np.array([0.0, np.log(2)]), np.ones(2), 0.0)
    >>> uncut = (np.empty(0), np.empty(0))
    >>> fitted = CellCalibrator(
    ...     Calibrator.identity(), twice, 0, np.array([5.0]), uncut, np.array([200, 200]))
    >>> fitted.apply(np.array([0.5, 0.5, 0.5]), np.array([[1.0], [5.0], [9.0]])).round(3)
    array([0.5  , 0.586, 0.667])
    """

    base: Calibrator
    shifts: CellShifts
    axis: int
    cuts: Floats
    edges: tuple[Floats, ...]
    counts: Ints

    def apply(self, scores: Floats, amounts: Floats) -> Floats:
        """Return the probability of the positive outcome, (n,), for scores (n,), amounts (n, A)."""
        p = self.shifts.apply(_odds(self.base, scores), amounts[:, self.axis])
        margin = 1.0 / (float(self.counts.sum()) + 2.0)
        clipped: Floats = np.clip(p, margin, 1.0 - margin)
        return clipped

    def blocks(self, scores: Floats, amounts: Floats) -> Ints:
        """Return the index of each case's block."""
        cells = _cells(self.cuts, amounts[:, self.axis])
        return _blocks(self.apply(scores, amounts), cells, self.edges)

    def document(self) -> dict[str, Any]:
        """Return the map as a JSON document."""
        return {
            "format": 1,
            "base": self.base.document(),
            "shifts": self.shifts.document(),
            "axis": self.axis,
            "cuts": self.cuts.tolist(),
            "edges": [cuts.tolist() for cuts in self.edges],
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CellCalibrator:
        """Read a map back from its document; ValueError for a format this version does not know."""
        if document.get("format") != 1:
            raise ValueError(f"a calibration of format {document.get('format')!r} cannot be read")
        return cls(
            base=Calibrator.from_document(document["base"]),
            shifts=CellShifts.from_document(document["shifts"]),
            axis=int(document["axis"]),
            cuts=np.array(document["cuts"], dtype=np.float64),
            edges=tuple(np.array(cuts, dtype=np.float64) for cuts in document["edges"]),
            counts=np.array(document["counts"], dtype=np.int64),
        )


def fit_cell_calibrator(
    scores: Floats, outcomes: NDArray[Any], amounts: Floats
) -> Calibrator | CellCalibrator:
    """Learn the map from held-out scores (n,), outcomes (n,) 0 or 1, and finite amounts (n, A).

    Calibration by score alone leaves P(y | score) right and P(y | score, amount) wrong where the
    amount says something of the outcome: the map is multicalibrated over the cells instead
    (Hébert-Johnson, Kim, Reingold and Rothblum, Multicalibration: calibration for the
    computationally-identifiable masses, ICML 2018). Each column of amounts is cut into at most
    ten cells of about equal count, fewer where cases of an outcome are few, and the
    calibrator of all cases is bent in each (see `fit_cell_shifts`).

    A calibrator of scores alone comes back where no column varies or cases are few, and wherever
    bending does not lower the log loss by more than its standard error in five interleaved folds
    (the one-standard-error rule of Breiman, Friedman, Olshen and Stone, Classification and
    Regression Trees, 1984, section 3.4.3, on paired differences). The log loss decides, not the
    payoff: the gain of a few large amounts hides what all cases show.

    Assumes that cases are independent. Raises ValueError for what `fit_calibrator` refuses, and
    for amounts of another length or not finite.

    >>> random = np.random.default_rng(0)
    >>> amount = random.exponential(10.0, 4000)
    >>> y = random.random(4000) < np.where(amount > 10, 0.1, 0.3)  # the score knows none of this
    >>> fitted = fit_cell_calibrator(np.full(4000, 0.226), y, amount[:, None])
    >>> fitted.apply(np.full(2, 0.226), np.array([[2.0], [30.0]])).round(1)
    array([0.3, 0.1])
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    base = fit_calibrator(x, y)
    if amounts.shape[:1] != x.shape or amounts.ndim != 2 or not np.isfinite(amounts).all():
        raise ValueError(f"amounts {amounts.shape} must be finite, one row for each of {len(x)}")
    tried = [_bent(base, x, y, amounts, axis) for axis in range(amounts.shape[1])]
    found = [one for one in tried if one is not None]
    if not found:
        return base
    gains = _held_out_gains(base, found, x, y, amounts)
    best = int(np.argmax(gains.mean(axis=1)))
    gain = gains[best]
    if gain.mean() <= gain.std() / np.sqrt(len(gain)):
        return base
    return _with_blocks(found[best], x, amounts)


def _bent(
    base: Calibrator, scores: Floats, outcomes: Floats, amounts: Floats, axis: int
) -> CellCalibrator | None:
    """Return the calibrator bent along one column of amounts, its blocks not cut yet.

    None where there are no two cells.
    """
    amount = amounts[:, axis]
    rarer = int(min(outcomes.sum(), len(outcomes) - outcomes.sum()))
    count = min(_MOST_CELLS, rarer // _FEWEST_RARER, len(outcomes) // _FEWEST_CASES)
    levels = np.arange(1, count) / max(count, 1)
    cuts = np.unique(np.quantile(amount, levels, method="inverted_cdf"))
    cuts = cuts[cuts < amount.max()]
    if not len(cuts):
        return None
    cells = _cells(cuts, amount)
    counts = np.bincount(cells, minlength=len(cuts) + 1).astype(np.int64)
    centres = np.bincount(cells, amount, minlength=len(cuts) + 1) / counts
    shifts = fit_cell_shifts(_odds(base, scores), outcomes, amount, centres)
    return CellCalibrator(base, shifts, axis, cuts, tuple(np.empty(0) for _ in counts), counts)


def _held_out_gains(
    base: Calibrator,
    found: list[CellCalibrator],
    scores: Floats,
    outcomes: Floats,
    amounts: Floats,
) -> Floats:
    """Return by how much each bent map lowers each case's log loss, learned without its fold."""
    gains = np.empty((len(found), len(scores)))
    folds = np.arange(len(scores)) % _FOLDS
    for fold in range(_FOLDS):
        out = folds == fold
        x, y = scores[~out], outcomes[~out]
        plain = fit_calibrator(x, y, _method(base))
        known, new = _odds(plain, x), _odds(plain, scores[out])
        before = _loss(plain.apply(scores[out]), outcomes[out])
        for k, one in enumerate(found):
            shifts = fit_cell_shifts(
                known, y, amounts[~out, one.axis], one.shifts.centres, one.shifts.spreads
            )
            p = shifts.apply(new, amounts[out, one.axis])
            gains[k, out] = before - _loss(p, outcomes[out])
    return gains


def _method(base: Calibrator) -> Literal["identity", "isotonic", "platt"]:
    """Return how to learn the same kind of map again."""
    return "platt" if base.kind == "platt_on_margin" else base.kind


def _with_blocks(fitted: CellCalibrator, scores: Floats, amounts: Floats) -> CellCalibrator:
    """Cut the blocks: up to twenty in all, of about equal count within each cell."""
    p = fitted.apply(scores, amounts)
    cells = _cells(fitted.cuts, amounts[:, fitted.axis])
    count = len(fitted.cuts) + 1
    levels = np.linspace(0, 1, max(2, _BLOCKS // count) + 1)[1:-1]
    edges = tuple(
        np.unique(np.quantile(p[cells == cell], levels, method="inverted_cdf"))
        for cell in range(count)
    )
    size = sum(len(cuts) + 1 for cuts in edges)
    counts = np.bincount(_blocks(p, cells, edges), minlength=size).astype(np.int64)
    return CellCalibrator(fitted.base, fitted.shifts, fitted.axis, fitted.cuts, edges, counts)


def _cells(cuts: Floats, amount: Floats) -> Ints:
    return np.searchsorted(cuts, amount, side="left").astype(np.int64)


def _blocks(p: Floats, cells: Ints, edges: tuple[Floats, ...]) -> Ints:
    found = np.zeros(len(p), dtype=np.int64)
    start = 0
    for cell, cuts in enumerate(edges):
        inside = cells == cell
        found[inside] = start + np.searchsorted(cuts, p[inside], side="left")
        start += len(cuts) + 1
    return found


def _odds(base: Calibrator, scores: Floats) -> Floats:
    return link("platt", base.apply(scores))


def _loss(p: Floats, outcomes: Floats) -> Floats:
    inside = np.clip(p, _TINY, 1 - _TINY)
    loss: Floats = -np.log(np.where(outcomes == 1, inside, 1 - inside))
    return loss
