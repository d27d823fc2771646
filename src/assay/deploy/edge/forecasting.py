"""From raw scores to forecasts, as `calibration.json` of a bundle says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["forecaster"]

_TINY = 1e-7


def forecaster(document: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """Return the map from raw scores, (n,) or (n, K), and stakes (2, n) to forecasts (n, K).

    Stakes are read by calibration over cells alone.

    >>> flat = {"kind": "identity", "edges": [], "values": [0.5], "counts": [0], "centres": [0.5],
    ...         "logistic": [1.0, 0.0]}
    >>> forecaster({"kind": "calibrator", "calibrator": flat})(np.array([0.25]), None)
    array([[0.75, 0.25]])
    """
    kinds = {"calibrator": _two, "cells": _cells, "classes": _classes, "predictive": _quantiles}
    return kinds[document["kind"]](document[document["kind"]])


def _array(values: Any) -> Any:
    return np.array(values, dtype=np.float64)


def _both(positive: Any) -> Any:
    return np.column_stack([1.0 - positive, positive])


def _two(document: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    apply = _rising(document)
    return lambda raw, _: _both(apply(raw))


def _rising(document: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a rising map of scores to probabilities, held off 0 and 1."""
    kind, (slope, intercept) = document["kind"], document["logistic"]
    edges, values, centres = (_array(document[name]) for name in ("edges", "values", "centres"))
    counts = _array(document["counts"])
    margins = 1.0 / (counts + 2.0)
    if kind != "isotonic":
        labelled = counts.sum()
        margins = np.full(len(counts), 1.0 / (labelled + 2.0) if labelled else 0.0)

    def apply(scores: Any) -> Any:
        if kind == "identity":
            raw = scores
        elif kind == "isotonic":
            raw = np.interp(scores, centres, values)
        else:
            odds = scores if kind == "platt_on_margin" else _odds(scores)
            raw = _sigmoid(slope * odds + intercept)
        margin = margins[np.searchsorted(edges, scores, side="left")]
        return np.clip(raw, margin, 1.0 - margin)

    return apply


def _cells(document: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """Return a rising map that is bent by an amount at stake."""
    base, axis, bends = _rising(document["base"]), document["axis"], document["shifts"]
    centres, shifts, slopes = (_array(bends[name]) for name in ("centres", "shifts", "slopes"))
    margin, pivot = 1.0 / (sum(document["counts"]) + 2.0), bends["pivot"]

    def apply(raw: Any, stakes: Any) -> Any:
        odds, amount = _odds(base(raw)), stakes[axis]
        shift, slope = np.interp(amount, centres, shifts), np.interp(amount, centres, slopes)
        p = _sigmoid(odds + shift + (slope - 1.0) * (odds - pivot))
        return _both(np.clip(p, margin, 1.0 - margin))

    return apply


def _classes(document: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """Return a map of K scores to K probabilities."""
    kind, slope, shifts = document["kind"], document["slope"], _array(document["shifts"])
    maps = [_rising(one) for one in document["maps"]]
    labelled = sum(document["counts"])
    least = 1.0 / (labelled + 2.0) if labelled else 0.0

    def apply(raw: Any, _: Any) -> Any:
        if kind == "one_vs_rest":
            return _normalised(np.column_stack([one(raw[:, k]) for k, one in enumerate(maps)]))
        if kind == "identity":
            p = _normalised(np.clip(raw, 0.0, None))
        else:
            on_margin = kind == "temperature_on_margin"
            odds = slope * (raw if on_margin else np.log(np.clip(raw, _TINY, None))) + shifts
            powers = np.exp(odds - odds.max(axis=1, keepdims=True))
            p = powers / powers.sum(axis=1, keepdims=True)
        return _normalised(np.maximum(p, least))

    return apply


def _quantiles(document: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """Return a map of point predictions to equally weighted quantiles."""
    centres, residuals = _array(document["centres"]), _array(document["residuals"])
    floor, places = document["floor"], np.arange(len(document["centres"]))

    def apply(point: Any, _: Any) -> Any:
        place = np.interp(point, centres, places)
        left = np.floor(place).astype(np.int64)
        right = np.minimum(left + 1, len(centres) - 1)
        share = (place - left)[:, None]
        spread = (1 - share) * residuals[left] + share * residuals[right]
        found = np.maximum.accumulate(point[:, None] + spread, axis=1)
        return found if floor is None else np.maximum(found, floor)

    return apply


def _odds(scores: Any) -> Any:
    inside = np.clip(scores, _TINY, 1 - _TINY)
    return np.log(inside / (1 - inside))


def _sigmoid(x: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _normalised(p: Any) -> Any:
    total = p.sum(axis=1, keepdims=True)
    return np.where(total > 0, p / np.where(total > 0, total, 1.0), 1.0 / p.shape[1])
