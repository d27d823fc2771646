"""What metrics will be once labels come, and what they are once labels came, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from assay.stats.estimate import Estimate
from assay.stats.score_metrics import METRICS, ScoreCounts, Sloped

__all__ = [
    "AFTER",
    "BEFORE",
    "UNBOUNDED",
    "CalibrationBlocks",
    "Measurement",
    "calibration_error",
    "expected_measurement",
    "expected_metrics",
    "macro",
    "mean_forecast",
    "realised_measurement",
    "realised_metrics",
    "share_interval",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BEFORE = "expected of calibrated scores, before labels"
AFTER = "from labels"

UNBOUNDED = frozenset({"log_loss", "mae", "rmse"})
"""Metrics that may be above 1."""

_Z = 1.959963984540054
_BINS = 10


@dataclass(frozen=True)
class Measurement:
    """A metric's value, and how sure it is.

    `error` is the standard error that its interval tells. `sampling` is how far its value moves
    from one window to another of the same law (before labels that is the cases' doing alone: the
    calibrator errs alike in both, and no label is in it), `scale` the standard deviation that one
    row brings to it once labelled, the unit of an effect. `cases` are what its denominator counts,
    `n` the cases looked at, and `share` says whether it lies between 0 and 1.
    """

    value: float
    error: float
    sampling: float
    scale: float
    cases: float
    n: int
    share: bool = True

    def estimate(self, method: str) -> Estimate:
        """Return it with its 95 % interval: Wilson's for shares, else the mean give and take."""
        if self.share:
            low, high = share_interval(self.value, self.error, self.cases)
        else:
            low = max(0.0, self.value - _Z * self.error)
            high = self.value + _Z * self.error
        return Estimate(self.value, low, high, self.n, method)


@dataclass(frozen=True, eq=False)
class CalibrationBlocks:
    """The calibration block (C,) of each cell, and the labelled cases (B,) behind each block."""

    block: Ints
    labelled: Ints

    def variance(self, slopes: Floats, n: Floats, stated: Floats) -> float:
        """Return what the calibrator's own error adds to the variance of a metric.

        `slopes`, `n` and `stated` are (2, C): how the metric answers to one case more turning
        positive, the cases, and their mean forecast. All cases of a block err together, by
        `p (1 - p) / m` with p held `1 / (m + 2)` away from 0 and 1; 1/4 without labels.
        """
        size, m = len(self.labelled), self.labelled.astype(np.float64)
        lever = np.bincount(self.block, (slopes * n).sum(axis=0), size)
        cases = np.bincount(self.block, n.sum(axis=0), size)
        positives = np.bincount(self.block, (n * stated).sum(axis=0), size)
        margin = 1.0 / (m + 2.0)
        p = np.divide(positives, cases, out=np.full(size, 0.5), where=cases > 0)
        p = np.clip(p, margin, 1.0 - margin)
        return float(lever**2 @ np.where(m > 0, p * (1 - p) / np.maximum(m, 1), 0.25))


def expected_metrics(
    n: Floats, chance: Floats, rank: Ints, blocks: CalibrationBlocks
) -> Mapping[str, Measurement]:
    """Return every metric that cases without labels will show, if calibrated scores hold.

    `n` and `chance` (2, C) are cases and summed forecast probabilities in each cell, those not
    selected and those selected; `rank` (C,) orders cells by score. The value is the metric of
    the expected counts (confidence-based performance estimation: Białek, Nowak and Kuberski 2022,
    NannyML), the variance by the delta method that of the labels to come plus that of calibration:

        sum_c g_c^2 n_c p_c (1 - p_c)  +  sum_b (sum_{c in b} g_c n_c)^2 p_b (1 - p_b) / m_b

    with g_c the metric's slope when one case of cell c turns positive. Covariate shift is within
    it, concept drift is not: no label has been seen. Metrics that the cases cannot give are left
    out; calibration error is not among them, being nothing in expectation.

    >>> blocks = CalibrationBlocks(np.array([0, 1]), np.array([400, 100]))
    >>> n, p = np.array([[800.0, 0.0], [0.0, 200.0]]), np.array([[0.1, 0.1], [0.7, 0.7]])
    >>> soon = expected_metrics(n, n * p, np.array([0, 1]), blocks)
    >>> soon["precision"].estimate(BEFORE)
    0.7 [0.5816, 0.7966]
    """
    stated = mean_forecast(n, chance)
    counts = ScoreCounts(chance, n - chance, stated, rank)
    return _finite(
        {
            name: expected_measurement(metric(counts), counts, blocks, share=name not in UNBOUNDED)
            for name, metric in METRICS.items()
        }
    )


def expected_measurement(
    sloped: Sloped, counts: ScoreCounts, blocks: CalibrationBlocks, *, share: bool = True
) -> Measurement:
    """Return a metric of expected counts with its errors; `counts.stated` is what is expected."""
    n, p = counts.n, counts.stated
    slopes = sloped.by_positive - sloped.by_negative
    noise = float((slopes**2 * n * p * (1 - p)).sum())
    middle = p * sloped.by_positive + (1 - p) * sloped.by_negative
    sampled = float((n * middle**2).sum())
    cases = float(n.sum())
    return Measurement(
        value=sloped.value,
        error=math.sqrt(noise + blocks.variance(slopes, n, p)),
        sampling=math.sqrt(sampled),
        scale=math.sqrt(cases * (noise + sampled)),
        cases=sloped.cases,
        n=round(cases),
        share=share,
    )


def realised_metrics(
    positive: Floats, negative: Floats, stated: Floats, rank: Ints
) -> Mapping[str, Measurement]:
    """Return every metric of labelled cases, with the error of having seen these cases only.

    Shapes as in `ScoreCounts`. The variance is `sum counts x slope^2` over positives and negatives
    of each cell (the infinitesimal jackknife of independent cases; for ROC AUC that of DeLong).
    """
    counts = ScoreCounts(positive, negative, stated, rank)
    finite = _finite(
        {
            name: realised_measurement(metric(counts), counts, share=name not in UNBOUNDED)
            for name, metric in METRICS.items()
        }
    )
    error = calibration_error(positive, negative, stated)
    return finite if error is None else {**finite, "calibration_error": error}


def realised_measurement(sloped: Sloped, counts: ScoreCounts, *, share: bool = True) -> Measurement:
    """Return a metric of known counts with its errors."""
    spread = counts.positive * sloped.by_positive**2 + counts.negative * sloped.by_negative**2
    error, cases = math.sqrt(float(spread.sum())), float(counts.n.sum())
    scale = error * math.sqrt(cases)
    return Measurement(sloped.value, error, error, scale, sloped.cases, round(cases), share)


def macro(found: Sequence[Measurement]) -> Measurement | None:
    """Return the mean of a metric over outcomes, of which each case has one; None of none.

    How the outcomes' errors hang together is not kept: the mean of the standard errors is the most
    that the mean's can be (Minkowski), and is what is stated.
    """
    known = [one for one in found if math.isfinite(one.value)]
    if not known:
        return None

    return replace(
        known[0],
        value=fmean(one.value for one in known),
        error=fmean(one.error for one in known),
        sampling=fmean(one.sampling for one in known),
        scale=fmean(one.scale for one in known),
        cases=min(one.cases for one in known),
    )


def calibration_error(positive: Floats, negative: Floats, stated: Floats) -> Measurement | None:
    """Return the mean gap between forecast and observed rate over at most ten groups of cells.

    Groups are made of neighbouring forecasts, of about equal count (as equal as cells let). Its
    own noise lifts such a mean, so that the interval's low end gives it off: the error stated here
    holds the expected gap of a perfectly calibrated forecast. None without cases.
    """
    n = (positive + negative).ravel()
    total = float(n.sum())
    if not total:
        return None
    order = np.argsort(stated.ravel(), kind="stable")
    order = order[n[order] > 0]
    before = np.cumsum(n[order]) - n[order] / 2
    group = np.minimum((before / total * _BINS).astype(np.int64), _BINS - 1)
    cases, forecast, seen = (
        np.bincount(group, each[order], _BINS).astype(np.float64)
        for each in (n, n * stated.ravel(), positive.ravel())
    )
    p = np.divide(forecast, cases, out=np.zeros(_BINS), where=cases > 0)
    noise = np.sqrt(cases * p * (1 - p)) / total
    value = float(np.abs(seen - forecast).sum()) / total
    lifted = math.sqrt(2 / math.pi) * float(noise.sum())
    error = lifted / _Z + math.sqrt(float((noise**2).sum()))
    return Measurement(
        value, error, error, error * math.sqrt(total), total, round(total), share=False
    )


def share_interval(value: float, error: float, cases: float) -> tuple[float, float]:
    """Return the 95 % interval of a share, or of what is like one, with a known standard error.

    Wilson's score interval (JASA 22, 1927) at the number of independent cases that would have this
    error (Korn and Graubard, Survey Methodology 24, 1998), or at `cases` where the error is 0: a
    share of 1 among ten is not certain.

    >>> low, high = share_interval(1.0, 0.0, 10)
    >>> round(low, 2), high
    (0.72, 1.0)
    """
    spread = value * (1 - value)
    n = spread / error**2 if error > 0 and spread > 0 else max(cases, 1.0)
    weight = _Z**2 / n
    middle = (value + weight / 2) / (1 + weight)
    half = math.sqrt(weight * (spread + weight / 4)) / (1 + weight)
    return min(value, max(0.0, middle - half)), max(value, min(1.0, middle + half))


def mean_forecast(n: Floats, chance: Floats) -> Floats:
    """Return the mean forecast of each cell from its cases and their summed chances."""
    mean: Floats = np.divide(chance, n, out=np.zeros_like(chance), where=n > 0)
    return np.clip(mean, 0.0, 1.0)


def _finite(found: Mapping[str, Measurement]) -> dict[str, Measurement]:
    return {name: one for name, one in found.items() if math.isfinite(one.value)}
