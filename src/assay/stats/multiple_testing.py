"""Many tests at once, without crying wolf."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["benjamini_hochberg", "e_benjamini_hochberg"]

Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: Floats, rate: float) -> NDArray[np.bool_]:
    """Return which of the tests to believe, so that at most `rate` of them are false on average.

    Valid for independent or positively dependent tests (Benjamini and Hochberg, JRSS B 57, 1995;
    Benjamini and Yekutieli, Annals of Statistics 29, 2001). A missing p-value (NaN) is a test
    that was not made: it is never believed and does not count.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5]), rate=0.05)
    array([ True, False, False, False])
    """
    p = np.asarray(p_values, dtype=np.float64)
    made = int(np.isfinite(p).sum())
    ranked = np.sort(p[np.isfinite(p)])
    passing = np.flatnonzero(ranked <= rate * np.arange(1, made + 1) / max(made, 1))
    if not len(passing):
        return np.zeros(p.shape, dtype=np.bool_)
    believed: NDArray[np.bool_] = np.where(np.isfinite(p), p, np.inf) <= ranked[passing[-1]]
    return believed


def e_benjamini_hochberg(e_values: Floats, rate: float) -> NDArray[np.bool_]:
    """Return which of the tests to believe, for e-values under any dependence whatever.

    At most `rate` of them are false on average: the k largest of m are believed, for the greatest
    k whose k-th largest is at least m / (k rate). Wang and Ramdas, False discovery rate control
    with e-values, JRSS B 84(3), 2022, theorem 2. An infinite e-value is always believed, one of
    zero never; a missing one (NaN) is a test that was not made, and does not count. Raises
    ValueError where one is negative.

    >>> e_benjamini_hochberg(np.array([100.0, 1.0, 45.0]), rate=0.05)
    array([ True, False,  True])
    """
    e = np.asarray(e_values, dtype=np.float64)
    if (e < 0).any():
        raise ValueError(f"e-values are zero or more; the least here is {np.nanmin(e):g}")
    made = np.isfinite(e) | (e == np.inf)
    ranked = np.sort(e[made])[::-1]
    m = len(ranked)
    passing = np.flatnonzero(ranked * np.arange(1, m + 1) * rate >= m)
    if not len(passing):
        return np.zeros(e.shape, dtype=np.bool_)
    believed: NDArray[np.bool_] = made & (e >= ranked[passing[-1]])
    return believed
