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

    Wang and Ramdas, False discovery rate control with e-values, JRSS B 84(3), 2022.

    >>> e_benjamini_hochberg(np.array([100.0, 1.0, 45.0]), rate=0.05)
    array([ True, False,  True])
    """
    with np.errstate(divide="ignore"):
        p = 1.0 / np.asarray(e_values, dtype=np.float64)
    return benjamini_hochberg(p, rate)
