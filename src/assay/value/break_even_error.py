"""How exact a forecast of amounts must be to be worth having."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np

from assay.charter.value import ValueModel
from assay.value.against import baseline_payoffs, policy_payoffs
from assay.value.break_even import asked_in_words, needed_per_month
from assay.value.payoff import Columns, Floats
from assay.value.regression import RegressionValuation
from assay.value.valuation import Valuation

__all__ = ["BreakEvenError", "break_even_error", "copula_forecast"]

_NORMAL = NormalDist()
_NOTHING_ASKED = (
    "Break-even: the charter names no costs and no floor above zero, so that any uplift pays."
)
_ROWS = 2_000
_LEVELS = 51
_SIGNALS = (*np.linspace(0, 0.9, 19).tolist(), 0.93, 0.96, 0.98, 0.99, 0.995, 1.0)


@dataclass(frozen=True)
class BreakEvenError:
    """What a forecast of amounts must reach, in the charter's currency and as an error.

    `needed` is the uplift per month that covers all costs, or the agreed floor where that is
    higher (`of_floor`). `error` is the largest mean absolute error that brings it, as a share of
    `constant`, the mean absolute error of always saying the median (None where not even perfect
    foresight does). `errors` (falling) and `uplift` are the whole relation.
    """

    needed: float
    error: float | None
    constant: float
    errors: tuple[float, ...]
    uplift: tuple[float, ...]
    unit: str
    of_floor: bool = False

    @property
    def largest(self) -> float | None:
        """The largest mean absolute error that covers the costs, in units of the outcome."""
        return None if self.error is None else self.error * self.constant

    @property
    def text(self) -> str:
        """The finding in one sentence."""
        if self.needed <= 0:
            return _NOTHING_ASKED
        does = asked_in_words(self.needed, self.unit, of_floor=self.of_floor)
        if self.error is None or self.largest is None:
            best = f"{max(self.uplift):,.0f} {self.unit}"
            return f"No forecast {does}: even perfect foresight brings {best}."
        if self.error >= self.errors[0]:
            return f"No model is needed: one constant for every case {does}."
        error = f"{self.largest:,.0f}" if self.largest >= 1000 else f"{self.largest:.3g}"
        return (
            f"The break-even is a mean absolute error of {error}, {self.error:.0%} of what one "
            f"constant for every case would have: up to there a forecast {does}."
        )

    def document(self) -> dict[str, Any]:
        """Return the finding as a JSON document."""
        return {
            "needed": self.needed,
            "error": self.error,
            "largest": self.largest,
            "constant": self.constant,
            "unit": self.unit,
            "text": self.text,
        }


def break_even_error(
    valuation: Valuation,
    model: ValueModel,
    outcomes: Floats,
    columns: Columns,
    *,
    seed: int | np.random.Generator,
    floor_per_month: float = 0.0,
    retrainings_per_month: float = 0.0,
    start: date | None = None,
) -> BreakEvenError:
    """Return the largest error of a forecast at which the charter's policy covers its costs.

    `outcomes` (n,) and `columns` are the cases on which payoffs and the baseline are taken; at
    most 2,000 of them, spread evenly over the ranks of the outcome, stand for all. Forecasts are
    imagined, between the best constant and perfect foresight: outcomes are turned into normal
    scores by their ranks, the forecaster sees a signal of correlation r with that score, and
    says the outcome's distribution given the signal (a Gaussian copula: Nelsen, An Introduction to
    Copulas, 2nd edition, 2006, section 2.3; the like of the binormal model where outcomes are
    amounts). Such forecasts are perfectly calibrated, whatever the outcomes' distribution, and
    independent of the columns given the outcome; at r = 0 they say the same for every case.
    No model is needed, so that this can be asked before one is built.

    Raises ValueError in classification, and unless outcomes differ.

    >>> from assay.charter.data import Data
    >>> from assay.value.valuation import valuation
    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"same": "best_constant"},
    ...     "baseline": "same", "decisions_per_month": 700, "run_cost_per_month": 8000})
    >>> rides = np.random.default_rng(1).gamma(2, 20, 1500)
    >>> bikes = valuation(model, Data(source="b.csv", outcome="rides"))
    >>> bikes = bikes.tuned(np.zeros((1500, 1)), rides, {})
    >>> break_even_error(bikes, model, rides, {}, seed=0).text  # doctest: +ELLIPSIS
    'The break-even is a mean absolute error of ..., ...% of what one constant ...'
    """
    if not isinstance(valuation, RegressionValuation):
        raise ValueError("the largest error exists for regression only")  # noqa: TRY004
    if len(outcomes) == 0 or np.ptp(outcomes) == 0:
        raise ValueError("outcomes must differ among the cases")
    rng = np.random.default_rng(seed)
    rows = _spread(outcomes, rng)
    y = outcomes[rows]
    here = {name: columns[name][rows] for name in valuation.columns & set(columns)}
    base = baseline_payoffs(valuation, y, here)
    score, noise = _scores(y, rng), _normal_scores(len(y))[rng.permutation(len(y))]
    constant = float(np.abs(y - np.median(y)).mean())

    def imagined(signal: float) -> tuple[float, float]:
        forecast = copula_forecast(y, score, noise, signal)
        paid = policy_payoffs(valuation, forecast, y, here)
        error = np.abs(y - np.median(forecast, axis=1)).mean()
        return float(error) / constant, float((paid - base).mean()) * model.decisions_per_month

    found = [imagined(signal) for signal in _SIGNALS]
    needed = needed_per_month(model, floor_per_month, retrainings_per_month, start)
    uplift = tuple(amount for _, amount in found)
    return BreakEvenError(
        needed=needed,
        error=_largest(imagined, found, needed),
        constant=constant,
        errors=tuple(error for error, _ in found),
        uplift=uplift,
        unit=f"{valuation.currency} per month",
        of_floor=needed > needed_per_month(model, 0.0, retrainings_per_month, start),
    )


def copula_forecast(outcomes: Floats, score: Floats, noise: Floats, signal: float) -> Floats:
    """Return quantiles (n, 51) of outcomes given a signal of correlation `signal` with `score`.

    `score` (n,) holds the outcomes' normal scores, `noise` (n,) standard normal numbers.

    >>> y = np.array([1.0, 2.0, 3.0])
    >>> z = np.array([-0.97, 0.0, 0.97])
    >>> copula_forecast(y, z, np.zeros(3), 1.0)[:, 0]
    array([1., 2., 3.])
    """
    seen = signal * score + np.sqrt(1 - signal**2) * noise
    spread = np.sqrt(1 - signal**2) * _normal_scores(_LEVELS)
    at = signal * seen[:, None] + spread
    ranked, ranks = np.sort(outcomes), np.sort(score)
    # The outcome whose score is nearest: between two neighbours' scores the middle divides.
    places = np.searchsorted((ranks[1:] + ranks[:-1]) / 2, at)
    quantiles: Floats = ranked[places]
    return quantiles


def _normal_scores(n: int) -> Floats:
    return np.array([_NORMAL.inv_cdf((place + 0.5) / n) for place in range(n)])


def _scores(outcomes: Floats, rng: np.random.Generator) -> Floats:
    """Return normal scores by rank; equal outcomes take their ranks by lot."""
    order = np.lexsort((rng.random(len(outcomes)), outcomes))
    scores = np.empty(len(outcomes))
    scores[order] = _normal_scores(len(outcomes))
    return scores


def _spread(outcomes: Floats, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return which cases stand for all: evenly over the outcome's ranks, few ones repeated."""
    order = np.lexsort((rng.random(len(outcomes)), outcomes))
    if len(order) > _ROWS:
        return order[np.linspace(0, len(order) - 1, _ROWS).round().astype(np.int64)]
    return np.tile(order, max(1, _ROWS // len(order)))


def _largest(
    imagined: Callable[[float], tuple[float, float]],
    found: list[tuple[float, float]],
    needed: float,
) -> float | None:
    """Return the largest error that brings what is needed: a scan, then halving the signal."""
    reaching = [place for place, (_, amount) in enumerate(found) if amount >= needed]
    if not reaching:
        return None
    if reaching[0] == 0:
        return found[0][0]
    low, high = _SIGNALS[reaching[0] - 1], _SIGNALS[reaching[0]]
    error = found[reaching[0]][0]
    for _ in range(8):
        middle = (low + high) / 2
        at, amount = imagined(middle)
        if amount >= needed:
            high, error = middle, at
        else:
            low = middle
    return error
