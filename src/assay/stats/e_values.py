"""Several e-values against one claim, made into one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["merge_e_values"]


def merge_e_values(
    e_values: ArrayLike, *, independent: bool = False, weights: ArrayLike | None = None
) -> float:
    """Return one e-value from several against the same claim.

    Their mean, weighted by `weights` fixed beforehand where given, is an e-value whatever their
    dependence, and essentially no other symmetric merging beats it (Vovk and Wang, E-values:
    calibration, combination and applications, Annals of Statistics 49(3), 2021, section 3).
    With `independent` their product is, where they are independent or each is an e-value given
    those before it (section 4). An e-value of 0 and one of infinity contradict each other in a
    product, which then says nothing: 0. Raises ValueError where one is negative or
    missing, where weights do not fit, or where there are none.

    >>> merge_e_values([8.0, 2.0]), merge_e_values([8.0, 2.0], independent=True)
    (5.0, 16.0)
    """
    e = np.asarray(e_values, dtype=np.float64)
    if not e.size or not (e >= 0).all():
        raise ValueError("e-values are zero or more, and there is at least one")
    if independent:
        if weights is not None:
            raise ValueError("weights belong to the mean of e-values, not to their product")
        if (e == 0).any():
            return 0.0
        with np.errstate(over="ignore"):
            return float(np.exp2(np.log2(e).sum()))
    w = np.ones(e.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != e.shape or not (w >= 0).all() or not 0 < w.sum() < np.inf:
        raise ValueError("each e-value needs a weight of zero or more, and one above zero")
    used = w > 0
    return float(np.sum(e[used] * (w[used] / w.sum())))
