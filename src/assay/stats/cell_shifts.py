"""How log odds are bent in each cell of an amount, drawn towards no bend where cases are few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CellShifts", "fit_cell_shifts"]

Floats = NDArray[np.float64]

_LEAST_SPREAD, _MOST_SPREAD = 0.01, 2.0
"""Limits of the prior's standard deviations, in log odds: below the first nothing moves, and
with the second a cell without one positive case stays finite."""
_ROUNDS = 20
_STEPS = 50


@dataclass(frozen=True)
class CellShifts:
    """Bends log odds z to `z + shift + (slope - 1) (z - pivot)`, by the amount at stake.

    `shifts` and `slopes` (C,) hold at the cells' `centres`, strictly rising; between centres they
    are linear in the amount, beyond the outer ones constant. No slope is negative, so that for one
    amount a higher z never leads to a lower probability. `spreads` are the standard deviations of
    the priors of shifts, and of slopes times the spread of z, in log odds.

    >>> up = CellShifts(np.array([0.0, 10.0]), np.array([0.0, 2.0]), np.ones(2), pivot=0.0)
    >>> up.apply(np.zeros(3), np.array([-5.0, 5.0, 99.0])).round(3)
    array([0.5  , 0.731, 0.881])
    """

    centres: Floats
    shifts: Floats
    slopes: Floats
    pivot: float
    spreads: tuple[float, float] = (1.0, 1.0)

    def apply(self, odds: Floats, amount: Floats) -> Floats:
        """Return probabilities (n,) for log odds (n,) and amounts (n,)."""
        shift = np.interp(amount, self.centres, self.shifts)
        slope = np.interp(amount, self.centres, self.slopes)
        return _sigmoid(odds + shift + (slope - 1.0) * (odds - self.pivot))

    def document(self) -> dict[str, Any]:
        """Return the bends as a JSON document."""
        return {
            "centres": self.centres.tolist(),
            "shifts": self.shifts.tolist(),
            "slopes": self.slopes.tolist(),
            "pivot": self.pivot,
            "spreads": list(self.spreads),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CellShifts:
        """Read the bends back from their document."""
        of_shifts, of_slopes = document["spreads"]
        return cls(
            centres=np.array(document["centres"], dtype=np.float64),
            shifts=np.array(document["shifts"], dtype=np.float64),
            slopes=np.array(document["slopes"], dtype=np.float64),
            pivot=float(document["pivot"]),
            spreads=(float(of_shifts), float(of_slopes)),
        )


def fit_cell_shifts(
    odds: Floats,
    outcomes: Floats,
    amount: Floats,
    centres: Floats,
    spreads: tuple[float, float] | None = None,
) -> CellShifts:
    """Learn the bends from log odds (n,), outcomes (n,) 0 or 1, and amounts (n,).

    Penalised likelihood: each shift, and each slope in units of the spread of z, is normal around
    no bend, so that a cell of few cases stays near the whole. The two standard deviations are
    learned with the bends where not given (empirical Bayes; Schall, Estimation in generalized
    linear models with random effects, Biometrika 78, 1991). Newton steps are projected to slopes
    that do not fall (Bertsekas, Projected Newton methods for optimization problems with simple
    constraints, SIAM Journal on Control and Optimization 20, 1982).

    >>> z, y = np.zeros(400), np.tile([0.0, 1.0, 1.0, 1.0], 100)  # three of four, not every second
    >>> amount = np.repeat([1.0, 2.0], 200)
    >>> fit_cell_shifts(z, y, amount, np.array([1.0, 2.0])).apply(z[:1], amount[:1]).round(2)
    array([0.75])
    """
    pivot, scale = float(odds.mean()), float(odds.std()) or 1.0
    hats = _hats(amount, centres)
    design = np.hstack([hats, hats * ((odds - pivot) / scale)[:, None]])
    count = len(centres)
    lowest = np.repeat([-np.inf, -scale], count)
    problem = _Problem(design, odds, np.asarray(outcomes, dtype=np.float64), lowest)
    at = np.zeros(2 * count)
    given = (0.5, 0.5) if spreads is None else spreads
    for _ in range(_ROUNDS):
        at, variance = problem.solved(at, np.repeat(np.square(given), count))
        if spreads is not None:
            break
        before, given = given, _respread(at, variance, given)
        if np.allclose(before, given, rtol=0.02):
            break
    return CellShifts(centres, at[:count], 1.0 + at[count:] / scale, pivot, given)


def _respread(at: Floats, variance: Floats, spreads: tuple[float, float]) -> tuple[float, float]:
    """Return the priors' standard deviations anew: sum of squares over effective parameters."""
    new = []
    for part, left, spread in zip(np.split(at, 2), np.split(variance, 2), spreads, strict=True):
        effective = max(float((1.0 - left / spread**2).sum()), 1e-3)
        found = float(np.sqrt((part**2).sum() / effective))
        new.append(min(max(found, _LEAST_SPREAD), _MOST_SPREAD))
    return new[0], new[1]


@dataclass(frozen=True)
class _Problem:
    """Logistic regression with an offset, a ridge, and lower limits of the weights."""

    design: Floats
    offset: Floats
    outcomes: Floats
    lowest: Floats

    def solved(self, start: Floats, prior: Floats) -> tuple[Floats, Floats]:
        """Return the weights of highest posterior density, and their variances there."""
        at = start
        for _ in range(_STEPS):
            gradient, curvature = self._slopes(at, prior)
            free = ~((at <= self.lowest) & (gradient < 0))
            step = np.zeros_like(at)
            step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
            new = self._stepped(at, step, prior)
            moved, at = float(np.abs(new - at).max()), new
            if moved < 1e-6:
                break
        _, curvature = self._slopes(at, prior)
        return at, np.diag(np.linalg.inv(curvature))

    def _stepped(self, at: Floats, step: Floats, prior: Floats) -> Floats:
        before = self._loss(at, prior)
        for _ in range(30):
            new = np.maximum(at + step, self.lowest)
            if self._loss(new, prior) <= before:
                return new
            step = step / 2
        return at

    def _slopes(self, at: Floats, prior: Floats) -> tuple[Floats, Floats]:
        p = _sigmoid(self.offset + self.design @ at)
        gradient = self.design.T @ (self.outcomes - p) - at / prior
        curvature = self.design.T @ (self.design * (p * (1 - p))[:, None]) + np.diag(1 / prior)
        return gradient, curvature

    def _loss(self, at: Floats, prior: Floats) -> float:
        odds = self.offset + self.design @ at
        loss = np.sum(np.logaddexp(0.0, odds) - self.outcomes * odds)
        return float(loss + (at**2 / prior).sum() / 2)


def _hats(amount: Floats, centres: Floats) -> Floats:
    """Return the weight of each centre in linear interpolation, (n, C)."""
    return np.column_stack([np.interp(amount, centres, one) for one in np.eye(len(centres))])


def _sigmoid(x: Floats) -> Floats:
    inside: Floats = 0.5 * (1.0 + np.tanh(0.5 * x))
    return inside
