"""Recalibration: bend a model's forecasts to the newest outcomes, and leave the model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Floats

__all__ = ["Recalibration", "recalibrated"]

_SLOPE_SD = 0.5
_SHIFT_SD = 1.0
"""How far, in standard deviations of a normal prior, slope (around 1) and shifts (around 0, in
log odds) are expected to move: few outcomes then move them little."""
_TINY = 1e-4
_MOST_STEPS = 50
_SPREAD = (0.5, 2.0)


@dataclass(frozen=True)
class Recalibration:
    """A map from forecasts to forecasts.

    Classification: `p' ~ exp(slope log p + shift_k)`, Platt scaling for two outcomes (Platt 1999)
    and bias-corrected temperature scaling for more (Alexandari, Kundaje and Shrikumar 2020, ICML).
    Regression: quantiles move to `shift + slope * mean` and spread by `spread` around it.

    >>> halved = Recalibration("classification", 1.0, (0.0, -0.6931))
    >>> halved.apply(np.array([[0.5, 0.5]])).round(3)
    array([[0.667, 0.333]])
    """

    task: Literal["classification", "regression"]
    slope: float
    shift: tuple[float, ...]
    spread: float = 1.0

    def apply(self, forecast: Floats) -> Floats:
        """Return the recalibrated forecast, of the same shape (n, K)."""
        if self.task == "regression":
            mean = forecast.mean(axis=1, keepdims=True)
            moved: Floats = self.shift[0] + self.slope * mean + self.spread * (forecast - mean)
            return moved
        return _softmax(self.slope * _logs(forecast) + np.array(self.shift))

    def document(self) -> dict[str, Any]:
        """Return the map as a JSON document."""
        return {
            "task": self.task,
            "slope": self.slope,
            "shift": list(self.shift),
            "spread": self.spread,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Recalibration:
        """Read a map back."""
        return cls(
            document["task"], document["slope"], tuple(document["shift"]), document["spread"]
        )


def recalibrated(
    task: Literal["classification", "regression"],
    forecast: Floats,
    outcomes: NDArray[Any],
    weights: Floats | None = None,
) -> Recalibration:
    """Learn the map from forecasts (n, K) that did not see their outcomes (n,), codes or amounts.

    Penalised likelihood with a weak prior on no change. `weights` (n,) are those of the cases.
    """
    given = np.ones(len(outcomes)) if weights is None else weights
    if task == "regression":
        return _line(forecast, outcomes, given)
    return _odds(forecast, outcomes, given)


def _odds(forecast: Floats, outcomes: NDArray[Any], weights: Floats) -> Recalibration:
    """Minimise the penalised log loss, which is convex, by Newton's method; slopes stay above 0."""
    logs, k = _logs(forecast), forecast.shape[1]
    # The first outcome's shift stays 0: only differences matter.
    design = np.zeros((*logs.shape, k))
    design[:, :, 0] = logs
    design[:, range(1, k), range(1, k)] = 1.0
    happened = np.take_along_axis(design, outcomes[:, None, None], axis=1)[:, 0]
    found = _newton(design, happened, weights, _start(k), free=range(k))
    if found[0] < 0:
        still = _start(k)
        still[0] = 0.0
        found = _newton(design, happened, weights, still, free=range(1, k))
    slope, *shift = cast("list[float]", found.tolist())
    return Recalibration("classification", slope, (0.0, *shift))


def _start(k: int) -> Floats:
    return np.concatenate([[1.0], np.zeros(k - 1)])


def _newton(
    design: Floats, happened: Floats, weights: Floats, start: Floats, free: Sequence[int]
) -> Floats:
    """Return the slope and shifts of least penalised log loss, moving the free ones from `start`.

    `design` (n, K, P) is what each outcome's log odds are linear in, `happened` (n, P) that of the
    outcome that came.
    """
    prior = _start(len(start))
    stiff = np.concatenate([[_SLOPE_SD**-2], np.full(len(start) - 1, _SHIFT_SD**-2)])
    at, moving = start.copy(), np.array(free)

    def loss(where: Floats) -> float:
        scores = (design * where).sum(axis=2)
        top = scores.max(axis=1)
        total = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        own = (happened * where).sum(axis=1)
        penalty = float((stiff * (where - prior) ** 2).sum()) / 2
        return float((weights * (total - own)).sum()) + penalty

    value = loss(at)
    for _ in range(_MOST_STEPS):
        p = _softmax((design * at).sum(axis=2))
        mean = (p[:, :, None] * design).sum(axis=1)
        slope = (weights[:, None] * (mean - happened)).sum(axis=0) + stiff * (at - prior)
        spread = design - mean[:, None, :]
        curve = np.einsum("n,nk,nki,nkj->ij", weights, p, spread, spread) + np.diag(stiff)
        step = np.zeros_like(at)
        step[moving] = np.linalg.solve(curve[np.ix_(moving, moving)], slope[moving])
        length = 1.0
        while (moved := loss(at - length * step)) > value and length > _TINY:
            length /= 2
        if value - moved <= _TINY**2 * (1 + abs(value)):
            break
        at, value = at - length * step, moved
    return at


def _line(forecast: Floats, outcomes: Floats, weights: Floats) -> Recalibration:
    """Ridge regression of the outcome on the mean forecast, and the spread its residuals need."""
    mean = forecast.mean(axis=1)
    noise = float(np.average((outcomes - mean) ** 2, weights=weights)) or 1.0
    design = np.column_stack([np.ones_like(mean), mean])
    prior = np.diag([noise / max(float(outcomes.var()), 1e-12), noise / _SLOPE_SD**2])
    gram = design.T @ (weights[:, None] * design) + prior
    shift, change = np.linalg.solve(gram, design.T @ (weights * (outcomes - mean)))
    moved = shift + (1 + change) * mean
    left = float(np.average((outcomes - moved) ** 2, weights=weights))
    expected = float(np.average(forecast.var(axis=1), weights=weights))
    spread = float(np.clip(np.sqrt(left / expected), *_SPREAD)) if expected > 0 else 1.0
    return Recalibration("regression", float(1 + change), (float(shift),), spread)


def _logs(forecast: Floats) -> Floats:
    logs: Floats = np.log(np.clip(forecast, _TINY, 1.0))
    return logs


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
