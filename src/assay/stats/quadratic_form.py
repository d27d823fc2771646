"""Squared distances between a window and the reference, with the law that noise gives them.

Location takes normal scores, so that units and tails do not matter; mixes of categories take
the squared differences of shares, in which rare categories cannot outshout common ones. Both
are scaled so that under sampling noise alone they are near a chi-squared law.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MeanForms",
    "MixForms",
    "QuadraticForm",
    "location_form",
    "location_forms",
    "mix_form",
    "mix_forms",
    "normal_scores",
    "share_form",
    "share_forms",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NORMAL = NormalDist()

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
    levels = np.clip(middle, 0.5 / total, 1 - 0.5 / total).tolist()
    return np.array([_NORMAL.inv_cdf(level) for level in levels])


@dataclass(frozen=True, eq=False)
class MeanForms:
    """The reference's side of a comparison of mean scores, which is the same for every window.

    `centred` (C,) are the scores less their mean, of which `variance`, `third` and `fourth` are the
    moments; `spread` is that of the J reference windows of `sizes` (J,).
    """

    centred: Floats
    sizes: Floats
    variance: float
    third: float
    fourth: float
    spread: float

    @classmethod
    def of(cls, windows: Ints, law: Floats, scores: Floats) -> MeanForms:
        """Measure reference windows (J, C) whose cells have these shares and scores (C,)."""
        sizes = windows.sum(axis=1).astype(np.float64)
        centred = scores - float(law @ scores)
        variance, third, fourth = (float(law @ centred**k) for k in (2, 3, 4))
        if variance <= 0:
            return cls(centred, sizes, 0.0, 0.0, 0.0, 0.0)
        apart = (windows @ centred) ** 2 / np.maximum(sizes, 1) / variance
        return cls(centred, sizes, variance, third, fourth, float(apart.sum()))

    def form(self, counts: Ints) -> QuadraticForm:
        """Compare one window's counts (C,)."""
        n, variance = float(counts.sum()), self.variance
        if variance <= 0 or n == 0:
            return _nothing_to_tell(self.sizes)
        both = _both(n, float(self.sizes.sum()))
        measured = float(counts @ self.centred) ** 2 / n / variance
        skew = self.third**2 / variance**3 / both
        peak = (self.fourth / variance**2 - 3) / both
        # The cumulants of a squared standardised mean, from those of the mean; never below the
        # chi-squared law's, lest short tails be taken for proof.
        third = max(0.0, 12 * peak + 10 * skew)
        return QuadraticForm(self.spread, self.sizes, measured, n, 1.0, max(0.0, peak), third)


def location_forms(windows: Ints, pooled: Ints) -> MeanForms:
    """Return what `location_form` compares every window with."""
    if not pooled.sum():
        return MeanForms.of(windows, np.zeros(len(pooled)), np.zeros(len(pooled)))
    return MeanForms.of(windows, pooled / pooled.sum(), normal_scores(pooled))


def location_form(windows: Ints, pooled: Ints, counts: Ints) -> QuadraticForm:
    """Compare mean normal scores (van der Waerden 1952) of ordered cells.

    `windows` (J, C) are counts of the reference windows, `pooled` (C,) their sum, `counts` (C,)
    those of the window. Cells have the score of their middle in the reference.

    >>> steady = location_form(np.full((10, 4), 25), np.full(4, 250), np.full(4, 25))
    >>> round(steady.measured, 6), round(steady.spread, 6)
    (0.0, 0.0)
    """
    return location_forms(windows, pooled).form(counts)


def share_forms(windows: Ints, pooled: Ints) -> MeanForms:
    """Return what `share_form` compares every window with."""
    return MeanForms.of(windows, pooled / max(1, pooled.sum()), np.array([0.0, 1.0]))


def share_form(windows: Ints, pooled: Ints, counts: Ints) -> QuadraticForm:
    """Compare one share: of two cells, the second is what is counted.

    >>> form = share_form(np.array([[90, 10], [90, 10]]), np.array([180, 20]), np.array([80, 20]))
    >>> round(form.measured, 2), round(form.spread, 2)
    (11.11, 0.0)
    """
    return share_forms(windows, pooled).form(counts)


@dataclass(frozen=True, eq=False)
class MixForms:
    """The reference's side of a comparison of shares, which is the same for every window.

    `law` are the shares of the cells in `used` (C,), `spread` is that of the J reference windows of
    `sizes` (J,), and `cumulants` are those of a window's distance by its rows.
    """

    used: NDArray[np.bool_]
    law: Floats
    sizes: Floats
    spread: float
    cumulants: _DistanceCumulants

    @classmethod
    def of(cls, windows: Ints, pooled: Ints) -> MixForms:
        """Measure reference windows (J, C), `pooled` (C,) being their sum."""
        sizes = windows.sum(axis=1).astype(np.float64)
        used = pooled > 0
        law = pooled[used] / max(1, pooled.sum())
        shares = windows[:, used] / np.maximum(sizes, 1)[:, None]
        apart = sizes * ((shares - law) ** 2).sum(axis=1)
        return cls(used, law, sizes, float(apart.sum()), _DistanceCumulants.of(law))

    def form(self, counts: Ints) -> QuadraticForm:
        """Compare one window's counts (C,)."""
        n, law, used = float(counts.sum()), self.law, self.used
        if n == 0 or len(law) < 2:
            return _nothing_to_tell(self.sizes)
        mean, half_variance = self.cumulants.trace, self.cumulants.trace2
        variance, third = self.cumulants.at(_both(n, float(self.sizes.sum())))
        scale = mean / half_variance
        freedom = mean * scale
        tail = _TAIL if len(law) > 2 else 1.0
        new = float((counts[~used] ** 2).sum()) / n**2
        measured = n * (float(((counts[used] / n - law) ** 2).sum()) + new)
        return QuadraticForm(
            self.spread * scale,
            self.sizes,
            measured * scale,
            n,
            freedom,
            max(0.0, variance * scale**2 - 2 * freedom),
            max(0.0, tail * third * scale**3 - 8 * freedom),
        )


def mix_forms(windows: Ints, pooled: Ints) -> MixForms:
    """Return what `mix_form` compares every window with."""
    return MixForms.of(windows, pooled)


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
    return MixForms.of(windows, pooled).form(counts)


def _both(n: float, known: float) -> float:
    """Return the rows of one sample as skewed as the difference of samples of n and `known`."""
    return float((1 / n + 1 / known) ** 2 / (1 / n**3 + 1 / known**3))


@dataclass(frozen=True)
class _DistanceCumulants:
    """The cumulants of the squared distance `n |p - law|^2` of a multinomial's shares from its law.

    It is `(sum g_i + 2 sum_{i<k} h_ik) / n` over draws, with h the product of two centred draws
    and g that of a draw with itself; terms that leave a draw alone have mean zero. `trace` is its
    mean, `trace2` half the variance of its limit; the others are what exact cumulants are made of.
    """

    trace: float
    trace2: float
    trace3: float
    own2: float
    own3: float
    cubes: float
    crossed: float
    squares: float

    @classmethod
    def of(cls, p: Floats) -> _DistanceCumulants:
        s2, s3, s4 = (float((p**k).sum()) for k in (2, 3, 4))
        trace, trace2 = 1 - s2, s2 - 2 * s3 + s2**2
        trace3 = s3 - 3 * s4 + 3 * s2 * s3 - s2**3
        own = 1 - 2 * p + s2
        own = own - float(p @ own)
        rest = s2 - p
        square = p * (1 + 2 * s2 - 4 * p) + rest**2 - 2 * rest * s2 + s3
        cube = p * ((1 + s2 - 2 * p) ** 3 - (s2 - 2 * p) ** 3)
        cube = cube + rest**3 - 3 * rest**2 * s2 + 3 * rest * s3 - s4
        own2, own3 = float(p @ own**2), float(p @ own**3)
        crossed, squares = float(p @ (own * square)), float((p**2) @ own**2)
        return cls(trace, trace2, trace3, own2, own3, float(p @ cube), crossed, squares)

    def at(self, n: float) -> tuple[float, float]:
        """Return the exact variance and third cumulant of `n` rows."""
        pairs = (n - 1) / n
        variance = 2 * pairs * self.trace2 + self.own2 / n
        third = 8 * pairs * max(0.0, n - 2) / n * self.trace3 + self.own3 / n**2
        third += pairs / n * (4 * self.cubes + 12 * self.crossed)
        third += pairs / n * 6 * self.squares
        return variance, third
