"""Scores of three or more outcomes turned into probabilities that hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator, fit_calibrator

__all__ = ["ClassCalibrator", "ClassCalibratorKind", "fit_class_calibrator"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ClassCalibratorKind = Literal["identity", "temperature", "temperature_on_margin", "one_vs_rest"]

_TINY = 1e-7
_BLOCKS = 20
_FEWEST = 50
"""Cases of an outcome, and of the others, below which its own map is a formula."""
_FOLDS = 5


@dataclass(frozen=True)
class ClassCalibrator:
    """A map from scores (n, K) of K outcomes to probabilities (n, K) that add up to one.

    `temperature` is `p ~ exp(slope log score_k + shift_k)`, bias-corrected temperature scaling
    (Alexandari, Kundaje and Shrikumar, Maximum likelihood with bias-corrected calibration, ICML
    2020), on the scores themselves where they are margins; `one_vs_rest` is one rising map for
    each outcome against all others, then normalised (Zadrozny and Elkan, Transforming classifier
    scores into accurate multiclass probability estimates, KDD 2002); `identity` only normalises.

    No probability leaves a map of m labelled cases at less than about `1 / (m + 2)`: no number of
    cases shows that something never happens. Blocks are made of the cases with one most probable
    outcome and a like probability of it: `edges[k]` cuts those of outcome k, and `counts` are the
    labelled cases behind each block, outcome by outcome.

    >>> ClassCalibrator.identity(3).apply(np.array([[0.2, 0.2, 0.4]]))
    array([[0.25, 0.25, 0.5 ]])
    """

    kind: ClassCalibratorKind
    slope: float
    shifts: Floats
    edges: tuple[Floats, ...]
    counts: Ints
    maps: tuple[Calibrator, ...] = field(default=())

    @classmethod
    def identity(cls, outcomes: int) -> ClassCalibrator:
        """Return the map that only normalises, for scores that are probabilities already."""
        nothing = tuple(np.empty(0) for _ in range(outcomes))
        return cls("identity", 1.0, np.zeros(outcomes), nothing, np.zeros(outcomes, np.int64))

    def apply(self, scores: Floats) -> Floats:
        """Return the probability of each outcome; ValueError for another number of outcomes."""
        if scores.ndim != 2 or scores.shape[1] != len(self.edges):
            raise ValueError(
                f"scores of {len(self.edges)} outcomes have shape (n, {len(self.edges)}); these "
                f"have shape {scores.shape}"
            )
        if self.kind == "one_vs_rest":
            return _normalised(
                np.column_stack([one.apply(scores[:, k]) for k, one in enumerate(self.maps)])
            )
        if self.kind == "identity":
            p = _normalised(np.clip(scores, 0.0, None))
        else:
            p = _softmax(self.slope * _link(self.kind, scores) + self.shifts)
        labelled = float(self.counts.sum())
        return _normalised(np.maximum(p, 1.0 / (labelled + 2.0) if labelled else 0.0))

    def blocks(self, scores: Floats) -> Ints:
        """Return the index of each case's block."""
        return _blocks(self.apply(scores), self.edges)

    def document(self) -> dict[str, Any]:
        """Return the map as a JSON document."""
        return {
            "format": 1,
            "kind": self.kind,
            "slope": self.slope,
            "shifts": self.shifts.tolist(),
            "edges": [cuts.tolist() for cuts in self.edges],
            "counts": self.counts.tolist(),
            "maps": [one.document() for one in self.maps],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ClassCalibrator:
        """Read a map back from its document; ValueError for a format this version does not know."""
        if document.get("format") != 1:
            raise ValueError(f"a calibration of format {document.get('format')!r} cannot be read")
        return cls(
            kind=document["kind"],
            slope=float(document["slope"]),
            shifts=np.array(document["shifts"], dtype=np.float64),
            edges=tuple(np.array(cuts, dtype=np.float64) for cuts in document["edges"]),
            counts=np.array(document["counts"], dtype=np.int64),
            maps=tuple(Calibrator.from_document(one) for one in document["maps"]),
        )


def fit_class_calibrator(
    scores: Floats,
    outcomes: NDArray[Any],
    method: Literal["auto", "identity", "temperature", "one_vs_rest"] = "auto",
) -> ClassCalibrator:
    """Learn the map from held-out scores (n, K) and the codes 0..K-1 of their outcomes (n,).

    `auto` takes the map of least log loss in five interleaved folds, a simpler one where the
    difference is within one standard error: maps of single outcomes overfit small samples. The
    single maps are isotonic, and logistic for an outcome of fewer than 50 cases.

    Raises ValueError where lengths differ, a score is not finite or an outcome is no code.

    >>> outcomes = np.arange(300) % 3
    >>> guess = (outcomes + np.array([0, 0, 0, 1, 2])[np.arange(300) // 3 % 5]) % 3
    >>> scores = np.where(np.eye(3)[guess] == 1, 0.9, 0.05)  # and right in 60% of cases only
    >>> fit_class_calibrator(scores, outcomes).apply(np.array([[0.05, 0.05, 0.9]])).round(1)
    array([[0.2, 0.2, 0.6]])
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(outcomes)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(x) or x.shape[1] < 2:
        raise ValueError(f"scores {x.shape} and outcomes {y.shape} must be one row each, not empty")
    if not np.isfinite(x).all() or not np.isin(y, np.arange(x.shape[1])).all():
        raise ValueError("every score must be finite and every outcome the code of a column")
    y = y.astype(np.int64)
    margins = bool(x.min() < 0 or x.max() > 1)
    kind: ClassCalibratorKind
    if method == "auto":
        kind = _chosen(x, y, margins=margins)
    else:
        kind = "temperature_on_margin" if margins and method == "temperature" else method
    return _with_blocks(_fit(kind, x, y), x)


def _chosen(scores: Floats, outcomes: Ints, *, margins: bool) -> ClassCalibratorKind:
    """Return the kind of least cross-validated log loss, the simplest within one standard error."""
    kinds: list[ClassCalibratorKind] = ["identity", "temperature", "one_vs_rest"]
    if margins:
        kinds = ["temperature_on_margin", "one_vs_rest"]
    if len(outcomes) < 2 * _FOLDS:
        return kinds[0]
    losses = {kind: _losses(kind, scores, outcomes) for kind in kinds}
    best = min(losses.values(), key=lambda loss: float(loss.mean()))
    gaps = {kind: loss - best for kind, loss in losses.items()}
    return next(k for k, gap in gaps.items() if gap.mean() <= gap.std() / np.sqrt(len(gap)))


def _losses(kind: ClassCalibratorKind, scores: Floats, outcomes: Ints) -> Floats:
    """Return each case's log loss under a map learned without the case's fold."""
    folds = np.arange(len(outcomes)) % _FOLDS
    given = np.empty(len(outcomes))
    for fold in range(_FOLDS):
        out = folds == fold
        p = _fit(kind, scores[~out], outcomes[~out]).apply(scores[out])
        given[out] = p[np.arange(len(p)), outcomes[out]]
    loss: Floats = -np.log(np.clip(given, _TINY, 1.0))
    return loss


def _fit(kind: ClassCalibratorKind, scores: Floats, outcomes: Ints) -> ClassCalibrator:
    """Learn a map whose blocks are not cut yet: one for each most probable outcome."""
    count = scores.shape[1]
    uncut = tuple(np.empty(0) for _ in range(count))
    slope, shifts = 1.0, np.zeros(count)
    maps: tuple[Calibrator, ...] = ()
    if kind == "one_vs_rest":
        maps = tuple(_own_map(scores[:, k], outcomes == k) for k in range(count))
    elif kind != "identity":
        slope, shifts = _temperature(_link(kind, scores), outcomes)
    seen = np.bincount(outcomes, minlength=count).astype(np.int64)
    return ClassCalibrator(kind, slope, shifts, uncut, seen, maps)


def _own_map(scores: Floats, happened: NDArray[np.bool_]) -> Calibrator:
    rarer = min(int(happened.sum()), int((~happened).sum()))
    return fit_calibrator(scores, happened, "isotonic" if rarer >= _FEWEST else "platt")


def _with_blocks(fitted: ClassCalibrator, scores: Floats) -> ClassCalibrator:
    """Cut the blocks: up to twenty in all, of about equal count for each most probable outcome."""
    p = fitted.apply(scores)
    top, count = p.argmax(axis=1), p.shape[1]
    levels = np.linspace(0, 1, max(2, _BLOCKS // count) + 1)[1:-1]
    edges = tuple(
        np.unique(np.quantile(p[top == k, k], levels, method="inverted_cdf"))
        if (top == k).any()
        else np.empty(0)
        for k in range(count)
    )
    size = sum(len(cuts) + 1 for cuts in edges)
    counts = np.bincount(_blocks(p, edges), minlength=size).astype(np.int64)
    return ClassCalibrator(fitted.kind, fitted.slope, fitted.shifts, edges, counts, fitted.maps)


def _blocks(p: Floats, edges: tuple[Floats, ...]) -> Ints:
    top = p.argmax(axis=1)
    found = np.zeros(len(p), dtype=np.int64)
    start = 0
    for k, cuts in enumerate(edges):
        inside = top == k
        found[inside] = start + np.searchsorted(cuts, p[inside, k], side="left")
        start += len(cuts) + 1
    return found


def _temperature(x: Floats, outcomes: Ints) -> tuple[float, Floats]:
    """Fit slope (>= 0) and shifts (the first is 0) by damped Newton steps on the log loss.

    One more case of each outcome, at the mean score, keeps shifts finite where an outcome is
    rare, as Platt's smoothed targets do for two.
    """
    count = x.shape[1]
    rows = np.vstack([x, np.tile(x.mean(axis=0), (count, 1))])
    happened = np.vstack([np.eye(count)[outcomes], np.eye(count)])
    at = np.concatenate([[1.0], np.zeros(count - 1)])
    for _ in range(100):
        gradient, curvature = _slopes(at, rows, happened)
        step = np.linalg.solve(curvature + 1e-9 * np.eye(count), -gradient)
        before = _log_loss(at, rows, happened)
        while _log_loss(at + step, rows, happened) > before + 1e-12 * abs(before):
            step /= 2
        at = at + step
        if np.abs(step).max() < 1e-9:
            break
    if at[0] >= 0:
        return float(at[0]), np.concatenate([[0.0], at[1:]])
    shares = np.log(happened.mean(axis=0))
    return 0.0, shares - shares[0]


def _slopes(at: Floats, x: Floats, happened: Floats) -> tuple[Floats, Floats]:
    """Return gradient (K,) and Hessian (K, K) in the slope and all shifts but the first."""
    p = _softmax(_odds(at, x))
    off, mean = p - happened, (p * x).sum(axis=1, keepdims=True)
    gradient = np.concatenate([[(off * x).sum()], off[:, 1:].sum(axis=0)])
    curvature = np.empty((len(at), len(at)))
    curvature[0, 0] = (p * (x - mean) ** 2).sum()
    curvature[0, 1:] = curvature[1:, 0] = (p * (x - mean))[:, 1:].sum(axis=0)
    curvature[1:, 1:] = np.diag(p[:, 1:].sum(axis=0)) - p[:, 1:].T @ p[:, 1:]
    return gradient, curvature


def _log_loss(at: Floats, x: Floats, happened: Floats) -> float:
    odds = _odds(at, x)
    highest = odds.max(axis=1, keepdims=True)
    total = highest[:, 0] + np.log(np.exp(odds - highest).sum(axis=1))
    return float((total - (happened * odds).sum(axis=1)).sum())


def _odds(at: Floats, x: Floats) -> Floats:
    odds: Floats = at[0] * x + np.concatenate([[0.0], at[1:]])
    return odds


def _link(kind: ClassCalibratorKind, scores: Floats) -> Floats:
    if kind == "temperature_on_margin":
        return scores
    logs: Floats = np.log(np.clip(scores, _TINY, None))
    return logs


def _normalised(p: Floats) -> Floats:
    """Return rows that add up to one; a row of zeros tells nothing, so that all are alike."""
    total = p.sum(axis=1, keepdims=True)
    shares: Floats = np.where(total > 0, p / np.where(total > 0, total, 1.0), 1.0 / p.shape[1])
    return shares


def _softmax(odds: Floats) -> Floats:
    powers = np.exp(odds - odds.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
