"""Squared distances between a window and the reference, with the law that noise gives them.

Location takes normal scores, so that units and tails do not matter; mixes of categories take
the squared differences of shares, in which rare categories cannot outshout common ones. Both
are scaled so that under sampling noise alone they are near a chi-squared law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["QuadraticForm", "location_form", "mix_form", "normal_scores", "share_form"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


_TAIL = 1.15
"""A gamma law with the three cumulants of a mix of several categories has up to 1.4 times too few
values beyond its 0.1% point (by simulation); with a third cumulant larger by this, as many."""


@dataclass(frozen=True, eq=False)
class QuadraticForm:
    """One squared distance: of a window of `n` rows, and summed over J reference windows.

    `measured` has mean `freedom` under sampling noise, and `spread`, the sum over reference windows
    of `sizes` (J,), has (J - 1) times that. `extra_variance` and `extra_third` are what the second
    and third cumulant of `measured` exceed those of a chi-squared law by: counts are skewed.
    """

    spread: float
    sizes: Floats
    measured: float
    n: float
    freedom: float = 1.0
    extra_variance: float = 0.0
    extra_third: float = 0.0

    @property
    def told(self) -> bool:
        """Whether there are rows, and windows enough to know their spread."""
        return self.n > 0 and self.freedom > 0 and int((self.sizes > 0).sum()) > 1


def _nothing_to_tell(sizes: Floats) -> QuadraticForm:
    """Return the form of what cannot move: one value only, or none."""
    return QuadraticForm(0.0, sizes, 0.0, 0.0, 0.0)


def normal_scores(pooled: Ints) -> Floats:
    """Return the normal score of each cell's middle, for `pooled` (C,) counts in order.

    >>> normal_scores(np.array([1, 2, 1])).round(2).tolist()
    [-1.15, 0.0, 1.15]
    """
    total = pooled.sum()
    middle = (np.cumsum(pooled) - pooled / 2) / total
    scores: Floats = ndtri(np.clip(middle, 0.5 / total, 1 - 0.5 / total))
    return scores


def location_form(windows: Ints, pooled: Ints, counts: Ints) -> QuadraticForm:
    """Compare mean normal scores (van der Waerden 1952) of ordered cells.

    `windows` (J, C) are counts of the reference windows, `pooled` (C,) their sum, `counts` (C,)
    those of the window. Cells have the score of their middle in the reference.

    >>> steady = location_form(np.full((10, 4), 25), np.full(4, 250), np.full(4, 25))
    >>> round(steady.measured, 6), round(steady.spread, 6)
    (0.0, 0.0)
    """
    if not pooled.sum():
        return _nothing_to_tell(windows.sum(axis=1).astype(np.float64))
    return _mean_form(windows, pooled / pooled.sum(), counts, normal_scores(pooled))


def share_form(windows: Ints, pooled: Ints, counts: Ints) -> QuadraticForm:
    """Compare one share: of two cells, the second is what is counted.

    >>> form = share_form(np.array([[90, 10], [90, 10]]), np.array([180, 20]), np.array([80, 20]))
    >>> round(form.measured, 2), round(form.spread, 2)
    (11.11, 0.0)
    """
    return _mean_form(windows, pooled / max(1, pooled.sum()), counts, np.array([0.0, 1.0]))


def _mean_form(windows: Ints, law: Floats, counts: Ints, scores: Floats) -> QuadraticForm:
    sizes = windows.sum(axis=1).astype(np.float64)
    centred = scores - float(law @ scores)
    variance, third, fourth = (float(law @ centred**k) for k in (2, 3, 4))
    n = float(counts.sum())
    if variance <= 0 or n == 0:
        return _nothing_to_tell(sizes)
    both = _both(n, float(sizes.sum()))
    apart = (windows @ centred) ** 2 / np.maximum(sizes, 1) / variance
    measured = float(counts @ centred) ** 2 / n / variance
    skew, peak = third**2 / variance**3 / both, (fourth / variance**2 - 3) / both
    # The cumulants of a squared standardised mean, from those of the mean; never below the
    # chi-squared law's, lest short tails be taken for proof.
    return QuadraticForm(
        float(apart.sum()), sizes, measured, n, 1.0, max(0.0, peak), max(0.0, 12 * peak + 10 * skew)
    )


def mix_form(windows: Ints, pooled: Ints, counts: Ints) -> QuadraticForm:
    """Compare shares of categories by the sum of their squared differences.

    Where every category's log share may move alike, this is the locally most powerful direction
    (the score test of a random effect: le Cessie and van Houwelingen 1995, Biometrics 51), and
    unlike Pearson's statistic it needs no pooling of rare categories. Its first three cumulants
    under multinomial sampling are exact.

    >>> law = np.array([500, 300, 200])
    >>> form = mix_form(np.tile(law, (10, 1)), 10 * law, np.array([450, 300, 250]))
    >>> round(form.freedom, 2), round(form.measured, 1)
    (1.88, 15.2)
    """
    sizes = windows.sum(axis=1).astype(np.float64)
    used = pooled > 0
    n, law = float(counts.sum()), pooled[used] / max(1, pooled.sum())
    if n == 0 or len(law) < 2:
        return _nothing_to_tell(sizes)
    cumulants = _distance_cumulants(law, _both(n, float(sizes.sum())))
    scale = cumulants.gauss_mean / cumulants.gauss_half_variance
    freedom = cumulants.gauss_mean * scale
    tail = _TAIL if len(law) > 2 else 1.0
    shares = windows[:, used] / np.maximum(sizes, 1)[:, None]
    apart = sizes * ((shares - law) ** 2).sum(axis=1)
    measured = n * float(((counts[used] / n - law) ** 2).sum() + (counts[~used] ** 2).sum() / n**2)
    return QuadraticForm(
        float(apart.sum()) * scale,
        sizes,
        measured * scale,
        n,
        freedom,
        max(0.0, cumulants.variance * scale**2 - 2 * freedom),
        max(0.0, tail * cumulants.third * scale**3 - 8 * freedom),
    )


def _both(n: float, known: float) -> float:
    """Return the rows of one sample as skewed as the difference of samples of n and `known`."""
    return float((1 / n + 1 / known) ** 2 / (1 / n**3 + 1 / known**3))


@dataclass(frozen=True)
class _Cumulants:
    """Of `n |p - law|^2`: trace, trace of squares, and exact variance and third cumulant."""

    gauss_mean: float
    gauss_half_variance: float
    variance: float
    third: float


def _distance_cumulants(p: Floats, n: float) -> _Cumulants:
    """Return the cumulants of the squared distance of a multinomial's shares from its law.

    It is `(sum g_i + 2 sum_{i<k} h_ik) / n` over draws, with h the product of two centred draws
    and g that of a draw with itself; terms that leave a draw alone have mean zero.
    """
    s2, s3, s4 = (float((p**k).sum()) for k in (2, 3, 4))
    trace, trace2 = 1 - s2, s2 - 2 * s3 + s2**2
    trace3 = s3 - 3 * s4 + 3 * s2 * s3 - s2**3
    own = 1 - 2 * p + s2
    own = own - float(p @ own)
    rest = s2 - p
    square = p * (1 + 2 * s2 - 4 * p) + rest**2 - 2 * rest * s2 + s3
    cube = p * ((1 + s2 - 2 * p) ** 3 - (s2 - 2 * p) ** 3)
    cube = cube + rest**3 - 3 * rest**2 * s2 + 3 * rest * s3 - s4
    pairs = (n - 1) / n
    variance = 2 * pairs * trace2 + float(p @ own**2) / n
    third = 8 * pairs * max(0.0, n - 2) / n * trace3 + float(p @ own**3) / n**2
    third += pairs / n * (4 * float(p @ cube) + 12 * float(p @ (own * square)))
    third += pairs / n * 6 * float((p**2) @ own**2)
    return _Cumulants(trace, trace2, variance, third)
