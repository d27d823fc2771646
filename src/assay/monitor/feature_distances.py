"""How far one feature of a window is from the reference, by every name that people know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.stats import distances
from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.tally import Tally

__all__ = ["feature_distances"]

Ints = NDArray[np.int64]


def feature_distances(
    axis: NumberAxis | CategoryAxis, pooled: Tally, tally: Tally, groups: Ints | None
) -> tuple[float, dict[str, float]]:
    """Return the main distance net of chance, and all of them as measured and net of chance.

    The main one is the Wasserstein distance over the standard deviation (numbers) or the
    Jensen-Shannon distance (categories). Each statistic stands under its usual name, and under
    `net_` and that name less what samples of these sizes from equal laws would give.
    Jensen-Shannon, the stability index and chi-squared of numbers are those of `groups` (C,) of
    cells. Nothing is known where either has no value.
    """
    n, m = tally.n, pooled.n
    if not (n and m):
        return np.nan, {}
    a, b = pooled.counts[:-1], tally.counts[:-1]
    c, d = (a, b) if groups is None else _grouped(groups, a, b)
    used = int(((c + d) > 0).sum())
    js, psi = distances.jensen_shannon(c, d), distances.population_stability(c, d)
    chi, freedom = distances.chi_squared(c, d)
    null_js = (
        distances.null_sparse_jensen_shannon(c, n)
        if isinstance(axis, CategoryAxis)
        else distances.null_jensen_shannon(used, n, m)
    )
    known = {
        "jensen_shannon": js,
        "net_jensen_shannon": distances.net_distance(js, null_js),
        "population_stability": psi,
        "net_population_stability": distances.net_divergence(
            psi, distances.null_population_stability(used, n, m)
        ),
        "chi_squared": chi,
        "net_chi_squared": distances.net_divergence(chi, freedom),
    }
    if isinstance(axis, CategoryAxis):
        return known["net_jensen_shannon"], known
    far, ks = distances.wasserstein(pooled, tally, axis), distances.kolmogorov_smirnov(a, b)
    net = distances.net_distance(far, distances.null_wasserstein(pooled, axis, n, m))
    null = distances.null_kolmogorov_smirnov(n, m)
    known |= {"wasserstein": far, "net_wasserstein": net}
    known |= {"kolmogorov_smirnov": ks, "net_kolmogorov_smirnov": distances.net_distance(ks, null)}
    return net, known


def _grouped(groups: Ints, a: Ints, b: Ints) -> tuple[Ints, Ints]:
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.add.reduceat(a, starts), np.add.reduceat(b, starts)
