"""Is one more window further off than windows are from each other anyway?

A test of "same law" alarms at every harmless wobble once windows are large. Here the null has
two parts: sampling noise, which is known and shrinks with the window, and movement from window
to window, which does not shrink and is learned from the reference windows of all features
together: one feature's ten or twenty windows tell little of it, those of thirty features much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.stats.gamma_law import log_gamma, upper_gamma
from assay.stats.quadratic_form import QuadraticForm

__all__ = ["Movement", "harmless_movements", "movements"]

Floats = NDArray[np.float64]

_POINTS = 64
_MOST = 30.0
"""Largest movement considered, as a variance in units of one row's."""
_ROUNDS = 40
_PRIOR_FEATURES = 1.0
"""How many features the prior weighs beside those that are there."""
_TINY = 1e-12


@dataclass(frozen=True)
class Movement:
    """How surprising a window's distance is, and how large beyond noise.

    `effect` is in standard deviations: the root of the squared distance for each row, less what
    noise and harmless movement explain.
    """

    p: float
    effect: float


def movements(forms: Sequence[QuadraticForm]) -> list[Movement]:
    """Judge the same squared distance of many features, (F,) forms of one window.

    Movement is a variance `rho` (in units of one row's) along one direction, so that F reference
    sums Q follow a law with known mean and variance for each rho on a grid. How often each rho
    occurs among features is estimated from all of them (non-parametric empirical Bayes: Kiefer and
    Wolfowitz 1956, Annals of Mathematical Statistics 27; Efron 2014, Statistical Science 29),
    beginning from the reference prior of a variance component, uniform in `log(1/n + rho)` (Box
    and Tiao 1973, section 5.2), which keeps the weight of one feature. A feature's p-value is
    the mean of those at each rho, weighed by what its own windows say of rho: a posterior
    predictive p-value, in place of the moderated t of Smyth (2004, Statistical Applications in
    Genetics and Molecular Biology 3), and like it with more freedom than J - 1 windows give.

    >>> from assay.stats.quadratic_form import QuadraticForm
    >>> quiet = QuadraticForm(spread=19.0, sizes=np.full(20, 1000.0), measured=1.0, n=1000)
    >>> far = QuadraticForm(spread=19.0, sizes=np.full(20, 1000.0), measured=30.0, n=1000)
    >>> [one.p < 0.001 for one in movements([quiet, far])]
    [False, True]
    """
    judged = [place for place, form in enumerate(forms) if form.told]
    found = [Movement(1.0, 0.0)] * len(forms)
    if not judged:
        return found
    p, effect = _judged([forms[place] for place in judged])
    for place, chance, far in zip(judged, p.tolist(), effect.tolist(), strict=True):
        found[place] = Movement(chance, far)
    return found


def harmless_movements(forms: Sequence[QuadraticForm], *, confidence: float = 0.9) -> Floats:
    """Return an upper limit of each feature's movement (F,), as a variance in units of a row's.

    The quantile of what `movements` weighs p-values with; 0 where nothing can be told.

    >>> from assay.stats.quadratic_form import QuadraticForm
    >>> calm = QuadraticForm(spread=19.0, sizes=np.full(20, 1000.0), measured=0.0, n=1)
    >>> restless = QuadraticForm(spread=190.0, sizes=np.full(20, 1000.0), measured=0.0, n=1)
    >>> [bool(rho > 0.004) for rho in harmless_movements([calm, restless])]
    [False, True]
    """
    limits = np.zeros(len(forms))
    judged = [place for place, form in enumerate(forms) if form.told]
    if judged:
        rho, weights = _movement([forms[place] for place in judged])
        limits[judged] = rho[(np.cumsum(weights, axis=1) < confidence).sum(axis=1)]
    return limits


def _movement(forms: Sequence[QuadraticForm]) -> tuple[Floats, Floats]:
    """Return movements considered (K,), and the weight of each for each feature (F, K)."""
    sizes = np.stack([form.sizes for form in forms])
    once = np.array([[form.spread, form.freedom] for form in forms])
    return _learned(len(forms), sizes.tobytes(), once.tobytes())


@lru_cache(maxsize=32)
def _learned(features: int, sizes_: bytes, once: bytes) -> tuple[Floats, Floats]:
    """Return the same for reference windows as given; those of one window are those of the next."""
    sizes = np.frombuffer(sizes_).reshape(features, -1)
    spread, freedom = np.frombuffer(once).reshape(features, 2).T[:, :, None]
    rho = _grid(float((sizes.sum(axis=1) / (sizes > 0).sum(axis=1)).mean()))
    return rho, _weights(_log_likelihood(spread, sizes, freedom, rho))


def _judged(forms: Sequence[QuadraticForm]) -> tuple[Floats, Floats]:
    rho, weights = _movement(forms)
    sizes = np.stack([form.sizes for form in forms])
    moments = np.array(
        [[f.measured, f.n, f.freedom, f.extra_variance, f.extra_third] for f in forms]
    )
    measured, n, freedom, fourth, sixth = moments.T[:, :, None]
    total, squares = sizes.sum(axis=1)[:, None], (sizes**2).sum(axis=1)[:, None]
    base = 1 + n / total
    lead = base + n * rho * (1 + squares / total**2)
    mean = freedom * base + lead - base
    variance = (2 * freedom + fourth) * base**2 + 2 * (lead**2 - base**2)
    third = (8 * freedom + sixth) * base**3 + 8 * (lead**3 - base**3)
    p = (weights * _upper_tail(measured, mean, variance, third)).sum(axis=1)
    beyond = measured[:, 0] - (weights * mean).sum(axis=1)
    return np.minimum(p, 1.0), np.sqrt(np.maximum(0.0, beyond) / n[:, 0])


def _grid(typical: float) -> Floats:
    """Return movements (K,), 0 first, evenly spaced in `log(1/n + rho)` of a typical window."""
    return np.expm1(np.linspace(0, np.log1p(_MOST * typical), _POINTS)) / typical


def _log_likelihood(spread: Floats, sizes: Floats, freedom: Floats, rho: Floats) -> Floats:
    """Return (F, K): a gamma law with the mean and variance of the reference's sum.

    With windows' means m_j of variance 1/n_j + rho, `sum n_j (m_j - m)^2` is the form of
    `A = diag(n) - n n' / N`: its mean is tr(AU) and its variance 2 tr(AUAU).
    """
    windows = (sizes > 0).sum(axis=1)[:, None] - 1.0
    total = sizes.sum(axis=1)[:, None]
    second, cube = ((sizes**k).sum(axis=1)[:, None] for k in (2, 3))
    reach = total - second / total
    squared = second - 2 * cube / total + (second / total) ** 2
    mean = windows * freedom + rho * reach
    variance = 2 * (windows * freedom + 2 * rho * reach + rho**2 * squared)
    shape, scale = mean**2 / variance, variance / mean
    log = np.log(np.maximum(spread, _TINY))
    found: Floats = (shape - 1) * log - spread / scale - shape * np.log(scale) - log_gamma(shape)
    return found


def _weights(log_likelihood: Floats) -> Floats:
    """Return each feature's posterior over rho (F, K), its prior learned from all features."""
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    features, points = likelihood.shape
    start = np.full(points, 1 / points)
    prior = start
    posterior = likelihood
    for _ in range(_ROUNDS):
        joint = likelihood * prior
        posterior = joint / joint.sum(axis=1, keepdims=True)
        prior = (_PRIOR_FEATURES * start + posterior.sum(axis=0)) / (_PRIOR_FEATURES + features)
    found: Floats = posterior
    return found


def _upper_tail(measured: Floats, mean: Floats, variance: Floats, third: Floats) -> Floats:
    """Return the chance of more than `measured`, from a gamma law with these three cumulants.

    Exact for a chi-squared law; Pearson's type III otherwise (Imhof 1961, Biometrika 48).
    """
    shape = 4 * variance**3 / third**2
    standard = (measured - mean) / np.sqrt(variance)
    tail: Floats = upper_gamma(shape, np.maximum(0.0, shape + standard * np.sqrt(shape)))
    return tail
