"""The gamma law's functions: compiled where the kernel is there anyway, else scipy's.

scipy's special functions take longer to import than a million rows to profile.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.stats.tally_kernel import loaded

__all__ = ["log_gamma", "upper_gamma"]

Floats = NDArray[np.float64]


def log_gamma(x: Floats) -> Floats:
    """Return the logarithm of the gamma function, of numbers above 0.

    >>> log_gamma(np.array([1.0, 5.0])).round(6).tolist()
    [0.0, 3.178054]
    """
    loops = loaded()
    if loops is None:
        from scipy.special import gammaln  # noqa: PLC0415 - see above

        return np.asarray(gammaln(x))
    given = np.ascontiguousarray(x, dtype=np.float64)
    found = np.empty_like(given)
    loops.call("log_gamma", given, given.size, found)
    return found


def upper_gamma(shape: Floats, x: Floats) -> Floats:
    """Return the chance that a gamma variable of some shape (and scale 1) exceeds x, elementwise.

    >>> upper_gamma(np.array([1.0, 1.0]), np.array([0.0, 2.0])).round(6).tolist()
    [1.0, 0.135335]
    """
    loops = loaded()
    if loops is None:
        from scipy.special import gammaincc  # noqa: PLC0415 - see above

        return np.asarray(gammaincc(shape, x))
    one, two = (np.ascontiguousarray(a) for a in np.broadcast_arrays(shape, x))
    found = np.empty(one.shape)
    loops.call("upper_gamma", one, two, one.size, found)
    return found
