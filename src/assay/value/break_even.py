"""How good a model must be to be worth having."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.value import ValueModel
from assay.value.against import baseline_payoffs, policy_payoffs
from assay.value.cash_flow import cash_flow, likeliest, terms_of
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats, Ints
from assay.value.rule import indifference
from assay.value.valuation import Valuation

__all__ = ["BreakEven", "asked_in_words", "binormal_forecast", "break_even", "needed_per_month"]

_NORMAL = NormalDist()
_ROWS = 20_000
_NOTHING_ASKED = (
    "Break-even: the charter names no costs and no floor above zero, so that any uplift pays."
)
_AUCS = (*np.linspace(0.5, 0.99, 50).tolist(), 0.995, 0.999, 0.9999)


@dataclass(frozen=True)
class BreakEven:
    """What a model must reach, in the charter's currency per month and as statistics.

    `needed` is the uplift per month that covers running and amortised build cost, or the agreed
    floor where that is higher (`of_floor`). `auc` is the least ROC AUC that brings it (None where
    not even a nearly perfect model does). `precision` is the share of positives in a group of cases
    from which acting on that group beats not acting on it, whatever the baseline does. At the least
    AUC the policy acts on the share `acted` of all cases, of which the share `precision_there` are
    positive. `aucs` and `uplift` are the whole relation.
    """

    needed: float
    auc: float | None
    precision: float
    aucs: tuple[float, ...]
    uplift: tuple[float, ...]
    unit: str
    acted: float | None = None
    precision_there: float | None = None
    of_floor: bool = False

    @property
    def text(self) -> str:
        """The finding in one sentence."""
        if self.needed <= 0:
            return _NOTHING_ASKED
        does = asked_in_words(self.needed, self.unit, of_floor=self.of_floor)
        if self.auc is None:
            best = f"{max(self.uplift):,.0f} {self.unit}"
            return f"No model {does}: even a nearly perfect one brings {best}."
        if self.auc <= _AUCS[0]:
            return f"No model is needed: acting on the base rate alone {does}."
        return f"The break-even is a ROC AUC of {self.auc:.3f}: from there on a model {does}."

    def document(self) -> dict[str, Any]:
        """Return the finding as a JSON document."""
        return {
            "needed": self.needed,
            "auc": self.auc,
            "precision": self.precision,
            "acted": self.acted,
            "precision_there": self.precision_there,
            "unit": self.unit,
            "text": self.text,
        }


def asked_in_words(needed: float, unit: str, *, of_floor: bool) -> str:
    """Say what a model does that brings what is needed: it covers costs, or reaches the floor.

    >>> asked_in_words(1967, "EUR per month", of_floor=False)
    'covers the costs of 1,967 EUR per month'
    """
    amount = f"{needed:,.0f} {unit}" if abs(needed) >= 100 else f"{needed:.3g} {unit}"
    return f"reaches the agreed floor of {amount}" if of_floor else f"covers the costs of {amount}"


def needed_per_month(
    model: ValueModel,
    floor_per_month: float = 0.0,
    retrainings_per_month: float = 0.0,
    start: date | None = None,
) -> float:
    """Return the first month's uplift that covers all costs, or the floor where it is higher.

    All costs of the horizon (build, running, each decision's, retrainings, and as they change by
    date from `start` on), undiscounted, over the months that the uplift lasts: with
    `uplift_kept_per_year` below 1 a later month counts for what is left of the first.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}, "baseline": "none",
    ...     "decisions_per_month": 100, "build_cost": 2400, "run_cost_per_month": 50})
    >>> needed_per_month(model)  # over a horizon of 12 months
    250.0
    >>> needed_per_month(model.model_copy(update={"cost_per_decision": 0.5}))
    300.0
    """
    terms = terms_of(model, retrainings_per_month=retrainings_per_month, start=start)
    of_one = cash_flow(likeliest(1 / model.decisions_per_month, model), terms)
    lasting = float(of_one.gained.sum())  # months of the first month's uplift
    return max(float(of_one.costs[0]) / lasting, floor_per_month)


def break_even(
    valuation: Valuation,
    model: ValueModel,
    outcomes: NDArray[Any],
    columns: Columns,
    *,
    seed: int | np.random.Generator,
    floor_per_month: float = 0.0,
    retrainings_per_month: float = 0.0,
    start: date | None = None,
) -> BreakEven:
    """Return the least ROC AUC at which the charter's policy covers its costs.

    `outcomes` (n,) and `columns` are the cases on which payoffs, baselines and the share of
    positives are taken. Scores are imagined: normal with equal variance among positives and
    negatives (the binormal model: Green and Swets, Signal Detection Theory and Psychophysics,
    1966; `AUC = Phi(d / sqrt 2)`), independent of the columns given the outcome, and perfectly
    calibrated. Under them the policy decides as it would, capacity included. No model is needed, so
    that this can be asked before one is built. What each decision costs to make is among the
    costs to cover (`needed_per_month`); it falls on all cases alike and moves no precision.

    Raises ValueError in regression, which has no AUC, and unless both outcomes occur.

    >>> from assay.charter.data import Data
    >>> from assay.value.valuation import valuation
    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    ...     "baselines": {"nobody": "skip"}, "baseline": "nobody", "decisions_per_month": 1000,
    ...     "build_cost": 1200, "run_cost_per_month": 100})
    >>> bank = valuation(model, Data(source="bank.csv", outcome="y", positive="yes"))
    >>> outcomes = bank.encode(np.repeat(["no", "yes"], [900, 100]))
    >>> break_even(bank, model, outcomes, {}, seed=0).text  # doctest: +ELLIPSIS
    'The break-even is a ROC AUC of 0.655: from there on a model covers the costs of 200 EUR ...'
    """
    if not isinstance(valuation, ClassificationValuation) or len(valuation.labels) != 2:
        raise ValueError("the least ROC AUC exists for classification with two outcomes only")
    if len(np.unique(outcomes)) != 2:
        raise ValueError("both outcomes must occur among the cases")
    repeats = max(1, _ROWS // len(outcomes))
    y = np.tile(outcomes, repeats)
    rows = {name: np.tile(columns[name], repeats) for name in valuation.columns & set(columns)}
    fresh = valuation.untuned()
    base = baseline_payoffs(fresh, y, rows)
    noise = _stratified_noise(y, np.random.default_rng(seed))

    def per_month(auc: float) -> float:
        paid = policy_payoffs(fresh, binormal_forecast(y, noise, auc), y, rows)
        return float((paid - base).mean()) * model.decisions_per_month

    uplift = tuple(per_month(auc) for auc in _AUCS)
    needed = needed_per_month(model, floor_per_month, retrainings_per_month, start)
    auc = _least(per_month, uplift, needed)
    act, rest = fresh.alternatives(fresh.payoffs(rows, len(y)))
    acted, positive = None, None
    if auc is not None:
        chosen = fresh.decide(binormal_forecast(y, noise, auc), rows) == act
        acted, positive = float(chosen.mean()), float(y[chosen].mean()) if chosen.any() else None
    return BreakEven(
        needed=needed,
        auc=auc,
        precision=_indifferent_precision(fresh, y, rows, act, rest),
        aucs=_AUCS,
        uplift=uplift,
        unit=f"{valuation.currency} per month",
        acted=acted,
        precision_there=positive,
        of_floor=needed > needed_per_month(model, 0.0, retrainings_per_month, start),
    )


def _indifferent_precision(
    valuation: ClassificationValuation, outcomes: Ints, columns: Columns, act: int, rest: int
) -> float:
    """Return the share of positives in a group from which acting on it beats not acting.

    Where payoffs differ by row, positives and negatives each enter with their own cases' mean: a
    group's positives are like positives, however often they come.
    """
    n = len(outcomes)
    gain = valuation.realised(np.full(n, act), outcomes, columns) - valuation.realised(
        np.full(n, rest), outcomes, columns
    )
    return indifference(np.array([gain[outcomes == label].mean() for label in (0, 1)]))


def binormal_forecast(outcomes: Ints, noise: Floats, auc: float) -> Floats:
    """Return calibrated probabilities (n, 2) of a binormal score with the given ROC AUC.

    `noise` (n,) is standard normal within each outcome; the score is `noise + d y`, and the
    log-odds are those of the base rate plus `d score - d^2 / 2`.

    >>> y = np.array([0, 1])
    >>> binormal_forecast(y, np.zeros(2), 0.5)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    d = np.sqrt(2.0) * _NORMAL.inv_cdf(auc)
    rate = float(np.mean(outcomes))
    odds = np.log(rate / (1 - rate)) + d * (noise + d * outcomes) - d * d / 2
    positive = 0.5 * (1 + np.tanh(odds / 2))
    return np.column_stack([1 - positive, positive])


def _stratified_noise(outcomes: Ints, rng: np.random.Generator) -> Floats:
    """Return standard normal noise whose quantiles are exact within each outcome."""
    noise = np.empty(len(outcomes))
    for outcome in (0, 1):
        members = np.flatnonzero(outcomes == outcome)
        levels = (np.arange(len(members)) + 0.5) / len(members)
        quantiles = np.array([_NORMAL.inv_cdf(level) for level in levels])
        noise[rng.permutation(members)] = quantiles
    return noise


def _least(
    per_month: Callable[[float], float], uplift: tuple[float, ...], needed: float
) -> float | None:
    """Return the least AUC that brings what is needed: a scan, then halving."""
    reaching = [place for place, amount in enumerate(uplift) if amount >= needed]
    if not reaching:
        return None
    if reaching[0] == 0:
        return float(_AUCS[0])
    low, high = _AUCS[reaching[0] - 1], _AUCS[reaching[0]]
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if per_month(middle) >= needed else (middle, high)
    return float(high)
