"""What a window's decisions were worth above the baseline: as labels show, and before they do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import ExpressionError
from assay.monitor.possible import Blocks, Possible, possible_payoffs, possible_uplifts
from assay.ports.engine import Columns, Floats
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.estimate import Estimate
from assay.value.identification import is_marked, marked
from assay.value.valuation import Valuation

__all__ = [
    "HALF_WIDTH",
    "LEAST_LABELS",
    "ROWS",
    "TABLE",
    "Expected",
    "Realised",
    "expected_uplift",
    "labelled_payoffs",
    "realised_uplift",
]

LEAST_LABELS = 30
"""Labels, or entities with one, below which nothing is said of what was realised."""

HALF_WIDTH = 1.959963984540054
"""Standard errors from the middle to either end of a 95% interval."""

ROWS = "read row by row"
TABLE = "from the score table, without a row"


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
    reading: str = ROWS


@dataclass(frozen=True)
class Realised:
    """Uplift as labels show it, and what of it is known.

    It is about `cases` cases, those whose outcome could have come; the uplift's `n` counts the
    labels behind it (the cases, where none needs one). `value` is the payoff in currency of all
    decisions whose payoff is known (with a label, or whatever the outcome). `pending` outcomes may
    still come, and stand in by expectation corrected for how labels differed from it; `hidden`
    outcomes never will, since the action did not reveal them: the model's expectation stands in,
    and uplift is not identified. Nor is it for `moved` cases, whose outcome is not the one that
    the baseline's action would have brought. `calibration` is the part of the uplift's standard
    error that hidden cases owe to the model's probabilities: windows share it.
    """

    uplift: Estimate
    value: float
    cases: int
    labelled: int
    pending: int
    hidden: int
    calibration: float = 0.0
    moved: int = 0
    reading: str = ROWS

    @property
    def identified(self) -> bool:
        """Whether more cases would bring the uplift to the truth.

        It rests on outcomes alone then, which are what either action brings, or on chance.
        """
        return not is_marked(self.uplift)


def expected_uplift(
    valuation: Valuation,
    forecast: Floats,
    decisions: NDArray[Any],
    columns: Columns,
    blocks: Blocks,
    moved_by: Collection[str] = (),
) -> Expected:
    """Return the uplift per decision that a forecast (n, K) lets expect, with a 95% interval.

    The standard error has two parts, of labels to come and of calibration: see
    `Possible.errors`; what an isotonic map gets wrong between the centres of its blocks is in
    neither (see `stats.calibration.Calibrator`). Where a decision by an action of `moved_by` stands
    for another, the uplift is marked as not identified. Raises ValueError where there are no cases.
    """
    if not len(decisions):
        raise ValueError("the uplift of no decisions cannot be expected")
    possible = possible_uplifts(valuation, forecast, decisions, columns)
    noise, calibration = possible.errors(blocks)
    mean, reach = float(possible.mean().mean()), HALF_WIDTH * float(np.hypot(noise, calibration))
    method = "expected from calibrated forecasts, no concept drift assumed"
    unit = f"{valuation.currency} per decision"
    uplift = Estimate(mean, mean - reach, mean + reach, len(decisions), method, unit)
    if _moved(valuation, decisions, columns, moved_by).any():
        uplift = marked(uplift)
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
    moved_by: Collection[str] = (),
    entities: NDArray[Any] | None = None,
    confidence: float = 0.95,
) -> Realised | None:
    """Return the uplift per decision as labels show it; None where they show too little yet.

    Give cases whose outcome could have come by now, whether it did or not: outcomes that come
    early are not like those that come late. `outcomes` (n,) are encoded; they are read only where
    `labelled`. `revealed_by` names the actions after which an outcome is ever seen (all where
    empty), `moved_by` those that change the outcome itself: where one of them was taken in the
    baseline's stead, or left out, the outcome is not what the other would have brought, and the
    uplift is not identified, unless the baseline's action pays the same whatever comes. Cases whose
    uplift is the same whatever the outcome need no label.

    Outcomes pending are filled in by the difference estimator (Cassel, Sarndal and Wretman 1976,
    Biometrika 63): expectation plus the mean error that labels show. Intervals are bootstrapped
    over cases, or entities where given, widened to what the payoffs' bounds allow (a rare outcome
    may not have shown yet), and by both errors of what is expected of hidden cases. Too little are
    fewer than `LEAST_LABELS` cases (or entities) that tell.
    """
    possible = possible_uplifts(valuation, forecast, decisions, columns)
    paid = possible_payoffs(valuation, forecast, decisions, columns)
    certain = possible.certain
    seen = labelled & ~certain
    pending, hidden = _unknown(valuation, decisions, revealed_by, labelled | certain)
    telling = seen if pending.any() else labelled | certain
    if not certain.all() and not (labelled.any() and _count(telling, entities) >= LEAST_LABELS):
        return None
    uplift = np.where(certain, possible.amounts[:, 0], possible.mean())
    value = np.where(paid.certain, paid.amounts[:, 0], 0.0)
    if labelled.any():
        own, base = labelled_payoffs(valuation, decisions, outcomes, labelled, columns)
        value[labelled] = own
        uplift[labelled] = own - base
    uplift, bounds = _filled_in(valuation, possible, uplift, seen, pending)
    unit = f"{valuation.currency} per decision"
    estimate = bootstrap_mean(
        uplift, seed=seed, clusters=entities, confidence=confidence, unit=unit, bounds=bounds
    )
    calibration = 0.0
    if hidden.any():
        errors = possible.at(hidden).errors(blocks.at(hidden))
        calibration = errors[1] * float(hidden.mean())
        estimate = _widened(estimate, float(np.hypot(*errors)) * float(hidden.mean()))
    told = len(decisions) if certain.all() else int(seen.sum())
    moved = _not_identified(valuation, forecast, decisions, columns, moved_by)
    return Realised(
        uplift=replace(estimate, n=told, method=_method(estimate.method, pending, hidden, moved)),
        value=float(value.sum()),
        cases=len(decisions),
        labelled=int(labelled.sum()),
        pending=int(pending.sum()),
        hidden=int(hidden.sum()),
        calibration=calibration,
        moved=int(moved.sum()),
    )


def _not_identified(
    valuation: Valuation,
    forecast: Floats,
    decisions: NDArray[Any],
    columns: Columns,
    moved_by: Collection[str],
) -> NDArray[np.bool_]:
    """Return the cases whose baseline would have met another outcome, and been paid by it."""
    moved = _moved(valuation, decisions, columns, moved_by)
    if moved.any():
        base = valuation.baseline(columns, len(decisions))
        moved &= ~possible_payoffs(valuation, forecast, base, columns).certain
    return moved


def _count(rows: NDArray[np.bool_], entities: NDArray[Any] | None) -> int:
    return int(rows.sum()) if entities is None else len(np.unique(entities[rows]))


def _filled_in(
    valuation: Valuation,
    possible: Possible,
    uplift: Floats,
    seen: NDArray[np.bool_],
    pending: NDArray[np.bool_],
) -> tuple[Floats, tuple[float, float] | None]:
    """Return values whose mean is the uplift and whose spread is its error, and their bounds.

    Labels that stand for pending ones as well weigh more in the spread, not in the mean; the
    bounds are what the labels could have said, weighed alike. No label needed: no bounds.
    """
    if not seen.any():
        return uplift, None
    values, expected = uplift.copy(), possible.mean()
    ends = _ends(valuation, possible, uplift, seen)
    if pending.any():
        error = uplift[seen] - expected[seen]
        values[pending] += error.mean()
        weight = pending.sum() / seen.sum()
        values[seen] += weight * (error - error.mean())
        ends = ends + weight * (ends - expected[seen][:, None] - error.mean())
    return values, (min(ends[:, 0].min(), values.min()), max(ends[:, 1].max(), values.max()))


def _ends(
    valuation: Valuation, possible: Possible, uplift: Floats, seen: NDArray[np.bool_]
) -> Floats:
    """Return the least and the most (m, 2) that the uplift of each labelled case could have been.

    For classes that is known of each case. Amounts have the payoffs' bounds, which lie so far
    out that they are used only where labels mostly repeat the same few values.
    """
    if valuation.task == "classification":
        amounts = possible.amounts[seen]
        return np.column_stack([amounts.min(axis=1), amounts.max(axis=1)])
    reach = np.inf
    if len(np.unique(uplift[seen])) <= seen.sum() / 2:
        reach = _range(valuation)
    return np.tile([-reach, reach], (int(seen.sum()), 1))


def _range(valuation: Valuation) -> float:
    try:
        least, most = valuation.bounds()
    except ExpressionError:  # a payoff of amounts may leave its columns without caps
        return np.inf
    return most - least


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


def _moved(
    valuation: Valuation, decisions: NDArray[Any], columns: Columns, moved_by: Collection[str]
) -> NDArray[np.bool_]:
    """Return which cases' outcomes are not those that the baseline's action would have brought."""
    n = len(decisions)
    if not moved_by:
        return np.zeros(n, dtype=np.bool_)
    baseline = valuation.baseline(columns, n)
    other: NDArray[np.bool_] = np.asarray(decisions != baseline, dtype=np.bool_)
    if valuation.task == "regression":
        return other
    codes = [code for code, action in enumerate(valuation.actions) if action in moved_by]
    return other & (np.isin(decisions, codes) | np.isin(baseline, codes))


def labelled_payoffs(
    valuation: Valuation,
    decisions: NDArray[Any],
    outcomes: NDArray[Any],
    labelled: NDArray[np.bool_],
    columns: Columns,
) -> tuple[Floats, Floats]:
    """Return what the labelled cases were paid (m,), and what the baseline would have been (m,)."""
    part = {name: column[labelled] for name, column in columns.items()}
    baseline = valuation.baseline(part, int(labelled.sum()))
    known = outcomes[labelled]
    return (
        valuation.realised(decisions[labelled], known, part),
        valuation.realised(baseline, known, part),
    )


def _widened(estimate: Estimate, error: float) -> Estimate:
    """Return the estimate with an independent standard error added to its interval."""
    reach = NormalDist().inv_cdf((1 + estimate.confidence) / 2) * error
    below = float(np.hypot(estimate.mean - estimate.low, reach))
    above = float(np.hypot(estimate.high - estimate.mean, reach))
    return replace(estimate, low=estimate.mean - below, high=estimate.mean + above)


def _method(
    method: str,
    pending: NDArray[np.bool_],
    hidden: NDArray[np.bool_],
    moved: NDArray[np.bool_],
) -> str:
    notes = [method]
    if pending.any():
        notes.append("pending outcomes filled in")
    if hidden.any():
        notes.append("not identified: hidden outcomes as expected")
    if moved.any():
        notes.append("not identified: actions moved outcomes")
    return "; ".join(notes)
