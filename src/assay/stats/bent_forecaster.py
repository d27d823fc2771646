"""A forecaster bent to newer outcomes: the same kind of map, with a slope and shifts in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.stats.calibration import Calibrator, link
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.class_calibration import ClassCalibrator
from assay.stats.forecaster import Forecaster
from assay.stats.residuals import PredictiveQuantiles

__all__ = ["bent"]

Floats = NDArray[np.float64]

_TINY = 1e-7
_BEYOND = 10.0
"""Spans beyond the outer centres up to which a bent prediction is exact."""


def bent(
    forecaster: Forecaster,
    slope: float,
    shift: Sequence[float],
    spread: float = 1.0,
    labelled: int | None = None,
) -> Forecaster:
    """Return the forecaster whose forecasts are `p' ~ exp(slope log p_k + shift_k)`.

    Quantiles move to `shift + slope * mean` and spread by `spread` around it. Maps with a formula
    are bent exactly, isotonic ones where they pass through their blocks' values; among maps of
    single outcomes each is bent by its own shift. `labelled` are the cases that the bend
    was learned from: no block then claims to rest on more than its share of them.

    >>> twice = bent(Calibrator.identity(), 1.0, (0.0, np.log(2)))
    >>> twice.apply(np.array([0.5])).round(3)
    array([0.667])
    """
    if isinstance(forecaster, PredictiveQuantiles):
        return _quantiles(forecaster, slope, shift[0], spread)
    if isinstance(forecaster, ClassCalibrator):
        return _classes(forecaster, slope, np.asarray(shift, dtype=np.float64), labelled)
    between = float(shift[1] - shift[0])
    if isinstance(forecaster, CellCalibrator):
        return _cells(forecaster, slope, between, labelled)
    return _rising(forecaster, slope, between, labelled)


def _rising(one: Calibrator, slope: float, shift: float, labelled: int | None) -> Calibrator:
    values, counts = _bend(one.values, slope, shift), _behind(one.counts, labelled)
    if one.kind == "isotonic":
        return replace(one, values=values, counts=counts)
    a, b = one.logistic
    return replace(
        one,
        kind="platt" if one.kind == "identity" else one.kind,
        logistic=(slope * a, slope * b + shift),
        values=values,
        counts=counts,
    )


def _cells(one: CellCalibrator, slope: float, shift: float, labelled: int | None) -> CellCalibrator:
    own = one.shifts
    slopes = slope * own.slopes
    moved = slope * (own.shifts - (own.slopes - 1.0) * own.pivot) + shift
    shifts = moved + (slopes - 1.0) * own.pivot
    return replace(
        one,
        shifts=replace(own, shifts=shifts, slopes=slopes),
        edges=tuple(_bend(cuts, slope, shift) for cuts in one.edges),
        counts=_behind(one.counts, labelled),
    )


def _classes(
    one: ClassCalibrator, slope: float, shift: Floats, labelled: int | None
) -> ClassCalibrator:
    counts = _behind(one.counts, labelled)
    if one.kind == "one_vs_rest":
        least = shift - shift.max()
        maps = tuple(_scaled(each, slope, float(least[k])) for k, each in enumerate(one.maps))
        return replace(one, maps=maps, counts=counts)
    kind = "temperature" if one.kind == "identity" else one.kind
    return replace(
        one, kind=kind, slope=slope * one.slope, shifts=slope * one.shifts + shift, counts=counts
    )


def _scaled(one: Calibrator, slope: float, shift: float) -> Calibrator:
    """Return the map of one outcome among many with `p' = p ** slope * exp(shift)` at its knots."""
    p = one.values if one.kind == "isotonic" else one.apply(one.centres)
    return replace(one, kind="isotonic", values=np.asarray(p**slope * np.exp(shift)))


def _quantiles(
    one: PredictiveQuantiles, slope: float, shift: float, spread: float
) -> PredictiveQuantiles:
    """Bend residuals: `(slope - 1) * prediction` is linear, so that interpolation keeps it."""
    far = _BEYOND * max(float(np.ptp(one.centres)), float(np.abs(one.centres).max()), 1.0)
    centres = np.concatenate([[one.centres[0] - far], one.centres, [one.centres[-1] + far]])
    own = np.vstack([one.residuals[:1], one.residuals, one.residuals[-1:]])
    middle = own.mean(axis=1, keepdims=True)
    moved = shift + (slope - 1.0) * centres[:, None] + slope * middle + spread * (own - middle)
    return replace(one, centres=centres, residuals=moved)


def _bend(p: Floats, slope: float, shift: float) -> Floats:
    odds = slope * link("platt", np.clip(p, _TINY, 1.0 - _TINY)) + shift
    moved: Floats = 1.0 / (1.0 + np.exp(-odds))
    return moved


def _behind(counts: NDArray[np.int64], labelled: int | None) -> NDArray[np.int64]:
    total = int(counts.sum())
    if labelled is None or total <= labelled:
        return counts
    shared: NDArray[np.int64] = np.maximum(1, np.rint(counts * labelled / total)).astype(np.int64)
    return shared
