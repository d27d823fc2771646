"""What a window's decisions were worth above the baseline: as labels show, and before they do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.monitor.possible import Blocks, possible_payoffs, possible_uplifts
from assay.ports.engine import Columns, Floats
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.estimate import Estimate
from assay.value.valuation import Valuation

__all__ = ["Expected", "Realised", "expected_uplift", "realised_uplift"]

_Z = 1.959963984540054


@dataclass(frozen=True)
class Expected:
    """Uplift before labels, with the two parts of its standard error (per decision).

    `noise` is that of labels still to come; `calibration` is the error of the probabilities
    themselves, which a larger window does not shrink. It holds while P(outcome | score) is what it
    was in the reference: concept drift is invisible here.
    """

    uplift: Estimate
    noise: float
    calibration: float


@dataclass(frozen=True)
class Realised:
    """Uplift as labels show it, and what of it is known.

    `value` is the payoff in currency of all decisions whose payoff is known (with a label, or
    whatever the outcome). `pending` outcomes may still come, and stand in by expectation
    corrected for how labels differed from it; `hidden` outcomes never will, since the action did
    not reveal them: the model's expectation stands in, and uplift is not identified.
    """

    uplift: Estimate
    value: float
    labelled: int
    pending: int
    hidden: int

    @property
    def identified(self) -> bool:
        """Whether the uplift rests on outcomes alone."""
        return self.hidden == 0


def expected_uplift(
    valuation: Valuation,
    forecast: Floats,
    decisions: NDArray[Any],
    columns: Columns,
    blocks: Blocks,
) -> Expected:
    """Return the uplift per decision that a forecast (n, K) lets expect, with a 95% interval.

    The standard error has two parts, of labels to come and of calibration: see
    `Possible.errors`. Raises ValueError where there are no cases.
    """
    if not len(decisions):
        raise ValueError("the uplift of no decisions cannot be expected")
    possible = possible_uplifts(valuation, forecast, decisions, columns)
    noise, calibration = possible.errors(blocks)
    mean, reach = float(possible.mean().mean()), _Z * float(np.hypot(noise, calibration))
    method = "expected from calibrated forecasts, no concept drift assumed"
    unit = f"{valuation.currency} per decision"
    uplift = Estimate(mean, mean - reach, mean + reach, len(decisions), method, unit)
    return Expected(uplift, noise, calibration)


def realised_uplift(
    valuation: Valuation,
    forecast: Floats,
    decisions: NDArray[Any],
    outcomes: NDArray[Any],
    labelled: NDArray[np.bool_],
    columns: Columns,
    *,
    blocks: Blocks,
    seed: int,
    revealed_by: Collection[str] = (),
    entities: NDArray[Any] | None = None,
) -> Realised | None:
    """Return the uplift per decision as labels show it; None where they show nothing yet.

    `outcomes` (n,) are encoded; they are read only where `labelled`. `revealed_by` names the
    actions after which an outcome is ever seen (all where empty). Cases whose uplift is the
    same whatever the outcome need no label. Outcomes pending are filled in by the difference
    estimator (Cassel, Sarndal and Wretman 1976, Biometrika 63): expectation plus the mean error
    that labels show; intervals are bootstrapped over cases, or entities where given, and widened
    by both errors of what is expected of hidden cases.
    """
    possible = possible_uplifts(valuation, forecast, decisions, columns)
    paid = possible_payoffs(valuation, forecast, decisions, columns)
    certain = possible.certain
    seen = labelled & ~certain
    pending, hidden = _unknown(valuation, decisions, revealed_by, labelled | certain)
    if (pending.any() and not seen.any()) or not (certain.all() or labelled.any()):
        return None
    expected = possible.mean()
    uplift = np.where(certain, possible.amounts[:, 0], expected)
    value = np.where(paid.certain, paid.amounts[:, 0], 0.0)
    if labelled.any():
        own, base = _labelled(valuation, decisions, outcomes, labelled, columns)
        value[labelled] = own
        uplift[labelled] = own - base
    if seen.any() and pending.any():
        error = uplift[seen] - expected[seen]
        uplift[pending] += error.mean()
        # Labels that stand for pending ones as well weigh more in the interval, not in the mean.
        uplift[seen] += pending.sum() / seen.sum() * (error - error.mean())
    unit = f"{valuation.currency} per decision"
    estimate = bootstrap_mean(uplift, seed=seed, clusters=entities, unit=unit)
    if hidden.any():
        errors = possible.at(hidden).errors(blocks.at(hidden))
        estimate = _widened(estimate, float(np.hypot(*errors)) * float(hidden.mean()))
    return Realised(
        uplift=replace(estimate, method=_method(estimate.method, pending, hidden)),
        value=float(value.sum()),
        labelled=int(labelled.sum()),
        pending=int(pending.sum()),
        hidden=int(hidden.sum()),
    )


def _unknown(
    valuation: Valuation,
    decisions: NDArray[Any],
    revealed_by: Collection[str],
    known: NDArray[np.bool_],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cases wait for an outcome, and which will never have one."""
    reveals = np.ones(len(decisions), dtype=np.bool_)
    if revealed_by and valuation.task == "classification":
        codes = [valuation.actions.index(action) for action in revealed_by]
        reveals = np.isin(decisions, codes)
    return ~known & reveals, ~known & ~reveals


def _labelled(
    valuation: Valuation,
    decisions: NDArray[Any],
    outcomes: NDArray[Any],
    labelled: NDArray[np.bool_],
    columns: Columns,
) -> tuple[Floats, Floats]:
    """Return the payoffs of the labelled cases, and those of the baseline."""
    part = {name: column[labelled] for name, column in columns.items()}
    baseline = valuation.baseline(part, int(labelled.sum()))
    known = outcomes[labelled]
    return (
        valuation.realised(decisions[labelled], known, part),
        valuation.realised(baseline, known, part),
    )


def _widened(estimate: Estimate, error: float) -> Estimate:
    """Return the estimate with an independent standard error added to its interval."""
    below = float(np.hypot(estimate.mean - estimate.low, _Z * error))
    above = float(np.hypot(estimate.high - estimate.mean, _Z * error))
    return replace(estimate, low=estimate.mean - below, high=estimate.mean + above)


def _method(method: str, pending: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> str:
    notes = [method]
    if pending.any():
        notes.append("pending outcomes filled in")
    if hidden.any():
        notes.append("not identified: hidden outcomes as expected")
    return "; ".join(notes)
