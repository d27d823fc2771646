"""Whether estimates made before labels were borne out once labels came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.monitor.possible import Blocks, Possible, possible_payoffs, possible_uplifts
from assay.ports.engine import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Gap", "TrackRecord", "measured_gaps", "track_record"]

_BETS = np.array([0.25, 0.5, 1.0, 2.0])
_Z = 1.96


@dataclass(frozen=True)
class Gap:
    """Realised minus expected amount per case, over `n` labelled cases.

    `noise` is the standard error that labels bring with them, `calibration` that of the
    calibrated forecast; both in currency per case.
    """

    gap: float
    noise: float
    calibration: float
    n: int


@dataclass(frozen=True)
class TrackRecord:
    """Evidence, growing over windows, that estimates before labels are off.

    `evidence` is an e-value: where estimates hold, it ever exceeds 1/alpha with probability alpha
    at most. `gap` is the mean of realised minus expected over the labelled cases.
    """

    evidence: float
    gap: float
    n: int
    alpha: float

    @property
    def stale(self) -> bool:
        """Whether estimates before labels should no longer be believed."""
        return self.evidence >= 1 / self.alpha


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
                gaps[name] = Gap(gap, noise, calibration, int(open_.sum()))
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

    The null is that a gap's mean lies within what the calibration's own error (95%) plus
    `tolerance` (currency per case) explains; then, in each direction, the product of
    `exp(b z - b^2 / 2)` is an e-process for the window's standardised excess z, and so is its
    mean over bets b, directions and actions (a mixture, as in Howard, Ramdas, McAuliffe and
    Sekhon 2021, Annals of Statistics 49). Normality of a window's mean is assumed.

    >>> track_record([{"call": Gap(0.05, 0.05, 0.01, 500)}] * 3).stale
    False
    >>> track_record([{"call": Gap(-0.4, 0.05, 0.01, 500)}] * 2).stale
    True
    """
    logs: dict[str, Floats] = {}
    total, count = 0.0, 0
    for window in windows:
        for action, gap in window.items():
            if gap.noise > 0:
                logs[action] = logs.get(action, np.zeros((2, len(_BETS)))) + _step(gap, tolerance)
            total += gap.gap * gap.n
            count += gap.n
    evidence = [float(np.exp(np.minimum(each, 700.0)).mean()) for each in logs.values()]
    mean = float(np.mean(evidence)) if evidence else 1.0
    return TrackRecord(mean, total / count if count else 0.0, count, alpha)


def _step(gap: Gap, tolerance: float) -> Floats:
    allowed = tolerance + _Z * gap.calibration
    excess = (np.array([[1.0], [-1.0]]) * gap.gap - allowed) / gap.noise
    step: Floats = _BETS * excess - _BETS**2 / 2
    return step


def _groups(valuation: Valuation, decisions: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    if valuation.task == "regression":
        return [("", np.ones(len(decisions), dtype=np.bool_))]
    return [(name, decisions == code) for code, name in enumerate(valuation.actions)]
