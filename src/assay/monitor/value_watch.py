"""Limits on value, looked at after every window without crying wolf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.charter.monitoring import Boundary
from assay.stats.e_detector import BETS, gaussian_bets, mixture, shiryaev_roberts
from assay.stats.estimate import Estimate

__all__ = ["ValueWatch", "excesses", "limits_per_decision"]

Floats = NDArray[np.float64]

_Z = 1.959963984540054
_GRANTED = 2.3263478740408408


def limits_per_decision(
    boundary: Boundary, decisions_per_month: float, per_day: float, plan: Estimate | None
) -> dict[str, float]:
    """Return what uplift per decision each limit asks for: floor, daily loss, plan.

    The floor is a promise at the planned volume, the daily loss at the `per_day` decisions that
    were made. The plan asks for its lower end, for it is an estimate itself.

    >>> limits_per_decision(Boundary(floor_per_month=280, max_loss_per_day=10), 1400, 50, None)
    {'floor': 0.2, 'loss': -0.2}
    """
    found = {"floor": boundary.floor_per_month / decisions_per_month}
    if boundary.max_loss_per_day is not None and per_day > 0:
        found["loss"] = -boundary.max_loss_per_day / per_day
    if plan is not None:
        found["plan"] = plan.low
    return found


def excesses(
    uplift: Estimate, limits: Mapping[str, float], calibration: float = 0.0
) -> dict[str, float]:
    """Return by how many standard errors an uplift lies below each limit (above it: negative).

    The standard error is that of the interval's upper side, which is what must lie below. The part
    of it that is the `calibration`'s is one and the same in all windows, so that they do not
    average it out: it is granted in full, at 99 %, and the rest is what windows may add up.
    """
    whole = (uplift.high - uplift.mean) / _Z
    if not np.isfinite(whole):
        return dict.fromkeys(limits, 0.0)
    error = float(np.sqrt(max(0.0, whole**2 - calibration**2)))
    granted = _GRANTED * calibration
    below = {name: limit - uplift.mean - granted for name, limit in limits.items()}
    return {name: gap / error if error > 0 else np.sign(gap) * 9.0 for name, gap in below.items()}


@dataclass(frozen=True)
class ValueWatch:
    """Evidence, growing over windows, that value misses a limit.

    A limit counts as missed when one window lies below it by itself, or when windows add up and the
    newest is below it too: an e-detector of the Shiryaev-Roberts kind over standardised shortfalls
    (see `assay.stats.e_detector`). Where value keeps a limit, `between` windows pass on average at
    least between two false alarms, both ways together; an interval of 95 % looked at in every
    window would be wrong in one of forty. Normality of a window's mean is assumed.

    >>> watch = ValueWatch(between=1000)
    >>> for _ in range(8):
    ...     watch = watch.after({"floor": 1.8})
    >>> sorted(watch.missed), sorted(ValueWatch(1000).after({"floor": 1.8}).missed)
    (['floor'], [])
    """

    between: int
    states: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    missed: frozenset[str] = frozenset()

    def after(self, shortfalls: Mapping[str, float]) -> ValueWatch:
        """Return the watch after one more window; limits that it does not name stay as they are."""
        states, missed = dict(self.states), set(self.missed)
        # Evidence beyond what any bet needs is let go, so that a breach can end.
        most = float(np.log(2 * self.between * len(BETS))) + 1
        for name, z in shortfalls.items():
            before = np.array(states.get(name, [-np.inf] * len(BETS)), dtype=np.float64)
            state = np.minimum(shiryaev_roberts(before, gaussian_bets(np.array(z))), most)
            states[name] = tuple(state.tolist())
            by_itself = z >= -float(ndtri(1 / (2 * self.between)))
            added_up = z > 0 and float(mixture(state)) >= np.log(2 * self.between)
            (missed.add if by_itself or added_up else missed.discard)(name)
        return ValueWatch(self.between, states, frozenset(missed))

    def document(self) -> dict[str, Any]:
        """Return the evidence as a JSON document: an e-value for each limit."""
        return {
            name: float(np.exp(min(700.0, float(mixture(np.array(state))))))
            for name, state in self.states.items()
        }
