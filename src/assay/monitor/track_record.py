"""Whether estimates made before labels were borne out once labels came."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.monitor.possible import Blocks, Possible, possible_payoffs, possible_uplifts
from assay.ports.engine import Columns, Floats
from assay.stats.estimate import Estimate
from assay.value.valuation import Valuation

__all__ = ["Gap", "TrackRecord", "measured_gaps", "track_record"]

_Z = 1.96
_METHOD = "realised minus expected of labelled cases"
_BETS = np.array([0.125, 0.25, 0.5, 1.0, 2.0])


@dataclass(frozen=True)
class Gap:
    """Realised minus expected amount per case, over `n` labelled cases.

    `noise` is the standard error that labels bring with them, `calibration` that of the
    calibrated forecast; both in currency per case. `reach` is how far any single case can lie from
    what was expected of it, over the number of cases: few that pay much make heavy tails (0 where
    the mean may be taken as normal).
    """

    gap: float
    noise: float
    calibration: float
    n: int
    reach: float = 0.0


@dataclass(frozen=True)
class TrackRecord:
    """Evidence, growing over windows, that estimates before labels are off.

    `evidence` is an e-value given that the calibration is no further off than it says, which it is
    with probability 1 - alpha / 2; so where estimates hold, it ever reaches its `limit` with
    probability alpha at most, however many windows there are. `gap` is the mean of realised minus
    expected over the labelled cases, `error` its standard error: the noise of their labels, and the
    calibration's own error.
    """

    evidence: float
    gap: float
    n: int
    alpha: float
    error: float = 0.0

    def estimate(self, unit: str) -> Estimate:
        """Return the gap with its 95 % interval."""
        half = _Z * self.error
        return Estimate(self.gap, self.gap - half, self.gap + half, self.n, _METHOD, unit)

    @property
    def limit(self) -> float:
        """The evidence from which estimates count as stale."""
        return 2 / self.alpha

    @property
    def stale(self) -> bool:
        """Whether estimates before labels should no longer be believed."""
        return self.evidence >= self.limit


def measured_gaps(
    valuation: Valuation,
    forecast: Floats,
    decisions: NDArray[Any],
    outcomes: NDArray[Any],
    labelled: NDArray[np.bool_],
    columns: Columns,
    blocks: Blocks,
) -> dict[str, Gap]:
    """Return, for each action, how far one window's labels lie from what was expected.

    Actions stand apart because a wrong forecast can err in opposite directions among them and
    cancel out. The amount is the uplift, else the payoff, else what another action would have paid:
    the first of them that depends on the outcome, for a model that wrongly stays away from
    every case is off as well. Regression has one group.
    """
    gaps = {}
    for name, group in _groups(valuation, decisions):
        told = labelled & group
        if not told.any():
            continue
        part = {key: column[told] for key, column in columns.items()}
        known = (valuation, forecast[told], decisions[told], outcomes[told], part)
        for possible, real in _amounts(*known):
            if not possible.certain.all():
                open_ = ~possible.certain
                noise, calibration = possible.at(open_).errors(blocks.at(told).at(open_))
                gap = float((real - possible.mean())[open_].mean())
                count = int(open_.sum())
                reach = float(possible.at(open_).reach().max()) / count
                gaps[name] = Gap(gap, noise, calibration, count, reach)
                break
    return gaps


def _amounts(
    valuation: Valuation,
    forecast: Floats,
    decisions: NDArray[Any],
    outcomes: NDArray[Any],
    columns: Columns,
) -> Iterator[tuple[Possible, Floats]]:
    """Yield amounts, as possible before the outcomes and as they came."""
    baseline = valuation.baseline(columns, len(decisions))
    own = valuation.realised(decisions, outcomes, columns)
    base = valuation.realised(baseline, outcomes, columns)
    yield possible_uplifts(valuation, forecast, decisions, columns), own - base
    yield possible_payoffs(valuation, forecast, decisions, columns), own
    for code in range(len(valuation.actions)):
        other = np.full(len(decisions), code, dtype=np.int64)
        paid = valuation.realised(other, outcomes, columns)
        yield possible_payoffs(valuation, forecast, other, columns), paid


def track_record(
    windows: Sequence[Mapping[str, Gap]], *, tolerance: float = 0.0, alpha: float = 0.05
) -> TrackRecord:
    """Follow the gaps of windows, in order of time.

    The null is that a gap's mean lies within what the calibration's own error plus `tolerance`
    (currency per case) explains. That error is one and the same in all windows, so that no number
    of them averages it out: it is granted at a level of alpha / 2 for all actions together, and the
    labels' noise has the other half. In each direction, the product of
    `exp(b z - b^2 / 2 / (1 - b c / 3))` is then an e-process for the window's standardised excess
    z, where c is `reach` in standard errors (Bernstein's inequality, for what few large payoffs do
    to a mean; Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49, 2021, section 3). So
    are its mean over bets b, directions and actions, and over the window it starts at: one that
    starts at window j has weight 1 / (j (j + 1)), so that a good history does not make it deaf to a
    change. Evidence beyond ten times the limit is let go, so that a breach can end.

    >>> track_record([{"call": Gap(0.05, 0.05, 0.01, 500)}] * 3).stale
    False
    >>> track_record([{"call": Gap(-0.4, 0.05, 0.01, 500)}] * 2).stale
    True
    """
    actions = {action for window in windows for action in window}
    granted = float(ndtri(1 - alpha / 4 / max(len(actions), 1)))
    logs = {action: np.full((2, len(_BETS)), -np.inf) for action in actions}
    total, count, most = 0.0, 0, math.log(20 / alpha)
    for number, window in enumerate(windows, start=1):
        start = -math.log(number * (number + 1))
        for action, log in logs.items():
            gap, log[:] = window.get(action), np.logaddexp(log, start)
            if gap is None:
                continue
            if gap.noise > 0:
                step = _step(gap, tolerance + granted * gap.calibration)
                np.minimum(log + step, most, out=log)
            total += gap.gap * gap.n
            count += gap.n
    # What has not started yet is worth what it was given.
    waiting = 1 / (len(windows) + 1)
    evidence = [float(np.exp(log).mean()) + waiting for log in logs.values()]
    mean = float(np.mean(evidence)) if evidence else 1.0
    return TrackRecord(mean, total / max(count, 1), count, alpha, _error(windows, actions))


def _error(windows: Sequence[Mapping[str, Gap]], actions: Iterable[str]) -> float:
    """Return the standard error of the mean gap over all labelled cases of all windows.

    Labels err apart; an action's calibration is one and the same in all windows.
    """
    variance, count = 0.0, 0
    for action in actions:
        seen = [window[action] for window in windows if action in window]
        count += sum(one.n for one in seen)
        variance += sum((one.noise * one.n) ** 2 for one in seen)
        variance += sum(one.calibration * one.n for one in seen) ** 2
    return math.sqrt(variance) / max(count, 1)


def _step(gap: Gap, allowed: float) -> Floats:
    """Return the logarithms (2, bets) of one window's factors; a bet that could lose all is 0."""
    excess = (np.array([[1.0], [-1.0]]) * gap.gap - allowed) / gap.noise
    rest = 1 - _BETS * (gap.reach / gap.noise) / 3
    step = _BETS * excess - _BETS**2 / 2 / np.where(rest > 0, rest, 1.0)
    factors: Floats = np.where(rest > 0, step, 0.0)
    return factors


def _groups(valuation: Valuation, decisions: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    if valuation.task == "regression":
        return [("", np.ones(len(decisions), dtype=np.bool_))]
    return [(name, decisions == code) for code, name in enumerate(valuation.actions)]
