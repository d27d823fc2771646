"""Draws of what a business case rests on: ranges that somebody stated, and the measured uplift."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from assay.charter.value import Uncertainty, ValueModel
from assay.stats.estimate import Estimate
from assay.value.cash_flow import UPLIFT, likeliest
from assay.value.payoff import Floats

__all__ = ["chance_of_least", "drawn_inputs", "stated_ranges", "triangular", "two_piece_normal"]

_NORMAL = NormalDist()


def stated_ranges(model: ValueModel) -> dict[str, tuple[float, float]]:
    """Return the least and the most of each input that the charter calls uncertain."""
    return {
        name: getattr(model.uncertainty, name)
        for name in Uncertainty.model_fields
        if getattr(model.uncertainty, name) is not None
    }


def triangular(levels: Floats, least: float, likely: float, most: float) -> Floats:
    """Return quantiles of the triangular distribution at `levels` (S,), each within (0, 1).

    The usual reading of a three-point estimate (Vose, Risk Analysis: A Quantitative Guide, 3rd
    edition, 2008); its mean is `(least + likely + most) / 3`. Raises ValueError unless
    least <= likely <= most.

    >>> triangular(np.array([0.125, 0.5, 0.875]), 0, 1, 2)
    array([0.5, 1. , 1.5])
    """
    if not least <= likely <= most:
        raise ValueError(f"{least} <= {likely} <= {most} does not hold")
    width = most - least
    if width == 0:
        return np.full(len(levels), float(likely))
    rising = least + np.sqrt(levels * width * (likely - least))
    falling = most - np.sqrt((1 - levels) * width * (most - likely))
    return np.where(levels * width < likely - least, rising, falling)


def two_piece_normal(levels: Floats, estimate: Estimate) -> Floats:
    """Return quantiles at `levels` (S,) of an estimate: half a normal on each side of its mean.

    The estimate's mean is the median, and its interval's ends are the quantiles that they
    claim to be, whatever the skew.

    >>> skewed = Estimate(1.0, 0.5, 3.0, n=100, method="BCa bootstrap")
    >>> two_piece_normal(np.array([0.025, 0.5, 0.975]), skewed)
    array([0.5, 1. , 3. ])
    """
    z = np.array([_NORMAL.inv_cdf(level) for level in levels.tolist()])
    z /= _NORMAL.inv_cdf((1 + estimate.confidence) / 2)
    width = np.where(z < 0, estimate.mean - estimate.low, estimate.high - estimate.mean)
    away: Floats = np.multiply(z, width, out=np.zeros(len(z)), where=z != 0)
    return estimate.mean + away


def chance_of_least(estimate: Estimate, least: float) -> float:
    """Return the probability of at least `least`, each side of the interval half a normal."""
    z = _NORMAL.inv_cdf((1 + estimate.confidence) / 2)
    side = estimate.low if least < estimate.mean else estimate.high
    deviation = abs(side - estimate.mean) / z
    if deviation == 0:
        return float(least <= estimate.mean)
    return 1 - _NORMAL.cdf((least - estimate.mean) / deviation)


def drawn_inputs(
    uplift: Estimate,
    model: ValueModel,
    *,
    draws: int,
    rng: np.random.Generator,
    resampled: Floats | None = None,
) -> dict[str, Floats]:
    """Return `draws` sets of inputs of a cash flow, each input drawn independently of the others.

    Stated ranges are triangular around the charter's value; the uplift is two-piece normal, or
    drawn from `resampled` bootstrap means where these are given, moved so that their mean is the
    measured one. Latin hypercube: each input takes each of its `draws` equally likely slices once
    (McKay, Beckman and Conover, A comparison of three methods for selecting values of input
    variables, Technometrics 21, 1979), so that means are near exact.
    """
    levels = (np.arange(draws) + 0.5) / draws
    if resampled is None:
        ranked = two_piece_normal(levels, uplift)
    else:
        ranked = np.sort(resampled)[(levels * len(resampled)).astype(int)]
        ranked = ranked + (uplift.mean - float(np.mean(resampled)))
    inputs = likeliest(uplift.mean, model) | {UPLIFT: rng.permutation(ranked)}
    for name, (least, most) in stated_ranges(model).items():
        inputs[name] = rng.permutation(triangular(levels, least, inputs[name].item(), most))
    return inputs
