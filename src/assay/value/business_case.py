"""Whether it pays: value per month, return, payback and present value, each with an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.cash_flow import UPLIFT, CashFlow, Inputs, Terms, cash_flow, likeliest, terms_of
from assay.value.payoff import Floats
from assay.value.three_point import chance_of_least, drawn_inputs, stated_ranges

__all__ = ["BusinessCase", "business_case"]

_DRAWS = 10_000


@dataclass(frozen=True)
class BusinessCase:
    """The money a model brings over the charter's horizon, in its currency.

    Point figures are those of the expected cash flow. `uplift_per_month` is the first month's.
    `net_per_month` is uplift less running cost, in the mean over the months.
    `return_on_investment` is net gain over all costs (None where nothing is spent).
    `payback_month` is the first month's end at which the money in hand is not below zero,
    undiscounted; an infinite end means never within the horizon. `chance_of_payback` is the
    probability of reaching it within the horizon. `cash` is the expected money in hand at the end
    of months 0, 1, ..., each month's interval going from `cash_low` to `cash_high`. `likeliest`
    is the net present value with everything at its likeliest. `simulated` is how many cash
    flows were drawn, 0 where intervals are exact; `text` says what the figures are.
    """

    uplift_per_month: Estimate
    net_per_month: Estimate
    net_present_value: Estimate
    return_on_investment: Estimate | None
    payback_month: Estimate
    chance_of_payback: float
    cash: tuple[float, ...]
    cash_low: tuple[float, ...]
    cash_high: tuple[float, ...]
    likeliest: float
    simulated: int
    text: str

    def document(self) -> dict[str, Any]:
        """Return the case as a JSON document; what is infinite is null."""
        investment = self.return_on_investment
        return {
            "uplift_per_month": self.uplift_per_month.document(),
            "net_per_month": self.net_per_month.document(),
            "net_present_value": self.net_present_value.document(),
            "return_on_investment": investment.document() if investment else None,
            "payback_month": self.payback_month.document(),
            "chance_of_payback": self.chance_of_payback,
            "cash": list(self.cash),
            "cash_low": [_or_none(amount) for amount in self.cash_low],
            "cash_high": [_or_none(amount) for amount in self.cash_high],
            "likeliest": self.likeliest,
            "simulated": self.simulated,
            "text": self.text,
        }


def business_case(
    uplift_per_decision: Estimate,
    model: ValueModel,
    *,
    retrainings_per_month: float = 0.0,
    start: date | None = None,
    seed: int | np.random.Generator = 0,
    draws: int = _DRAWS,
    resampled: Floats | None = None,
) -> BusinessCase:
    """Return the business case of a measured uplift under the charter's volume and costs.

    The build cost falls at month 0, everything else at each month's end (see `cash_flow`);
    `retrainings_per_month` are charged at the charter's cost of one. `start` is the first day of
    the first month: from it the charter's dated changes of costs find their months.

    Point figures are those of the expected cash flow: the uplift as measured, each stated range at
    its mean. Present value is of expected cash, not of likeliest (Brealey, Myers and Allen,
    Principles of Corporate Finance, chapter 9: forecasts must be unbiased; chapter 10 on
    simulation).

    Where the uplift is all that is uncertain, every figure rises (payback: falls) with it, so
    that an interval's ends are exactly the figures at the uplift's ends; no simulation stands
    between. Else they are quantiles over `draws` cash flows of independently drawn inputs (see
    `drawn_inputs`; `resampled` bootstrap means of the uplift may stand in for its interval), and
    the same seed gives the same figures. Inputs that move together (volume and running cost)
    make the truth wider than that.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}, "baseline": "none",
    ...     "decisions_per_month": 1000, "build_cost": 3000, "run_cost_per_month": 200})
    >>> uplift = Estimate(0.7, 0.5, 0.8, 900, "BCa", "EUR per decision")
    >>> case = business_case(uplift, model)
    >>> case.net_present_value, case.payback_month
    (3,000 EUR [600, 4,200], 6 months [5, 10])
    >>> from assay.charter.value import Uncertainty
    >>> unsure = model.model_copy(update={"uncertainty": Uncertainty(build_cost=(2000, 7000))})
    >>> business_case(uplift, unsure).net_present_value  # the expected build cost is 4,000
    2,000 EUR [-1,370, 4,129]
    """
    terms = terms_of(model, retrainings_per_month=retrainings_per_month, start=start)
    likely = likeliest(uplift_per_decision.mean, model)
    if stated_ranges(model):
        rng = np.random.default_rng(seed)
        inputs = drawn_inputs(uplift_per_decision, model, draws=draws, rng=rng, resampled=resampled)
        point = cash_flow({**inputs, UPLIFT: likely[UPLIFT]}, terms).expected()
        flows = cash_flow(inputs, terms)
        chance = float(np.isfinite(flows.payback).mean())
    else:
        inputs = likely | {UPLIFT: np.array([uplift_per_decision.low, uplift_per_decision.high])}
        draws, point, flows = 0, cash_flow(likely, terms), cash_flow(inputs, terms)
        chance = _exact_chance(uplift_per_decision, likely, terms)
    return _case(uplift_per_decision, model, inputs, (point, flows), chance, draws, terms)


def _case(
    uplift: Estimate,
    model: ValueModel,
    inputs: Inputs,
    of: tuple[CashFlow, CashFlow],
    chance: float,
    draws: int,
    terms: Terms,
) -> BusinessCase:
    point, flows = of
    currency = model.currency
    method = f"{uplift.method}, simulation of {draws:,} cash flows" if draws else uplift.method
    tail = (1 - uplift.confidence) / 2 if draws else 0.0

    def ends(values: Floats) -> Floats:
        """Return both ends along the first axis: the outermost where nothing was drawn."""
        found: Floats = np.quantile(values, [tail, 1 - tail], axis=0, method="inverted_cdf")
        return found

    def estimate(figure: Callable[[CashFlow], Floats], unit: str) -> Estimate:
        mean, (low, high) = float(figure(point)[0]), ends(figure(flows))
        return Estimate(
            mean,
            min(mean, float(low)),
            max(mean, float(high)),
            uplift.n,
            method,
            unit,
            uplift.confidence,
        )

    low, high = ends(flows.in_hand)
    cash = point.in_hand[0]
    return BusinessCase(
        uplift_per_month=estimate(lambda flow: flow.gained[:, 0], f"{currency} per month"),
        net_per_month=estimate(lambda flow: flow.net_per_month, f"{currency} per month"),
        net_present_value=estimate(lambda flow: flow.present_value, currency),
        return_on_investment=(
            estimate(lambda flow: flow.return_on_investment, "") if point.costs[0] > 0 else None
        ),
        payback_month=estimate(lambda flow: flow.payback, "months"),
        chance_of_payback=chance,
        cash=tuple(cash.tolist()),
        cash_low=tuple(np.minimum(low, cash).tolist()),
        cash_high=tuple(np.maximum(high, cash).tolist()),
        likeliest=float(cash_flow(likeliest(uplift.mean, model), terms).present_value[0]),
        simulated=draws,
        text=_in_words(inputs, draws, uplift.confidence),
    )


def _exact_chance(uplift: Estimate, likely: Inputs, terms: Terms) -> float:
    """Return the probability that the uplift, alone uncertain, pays everything back."""
    of_one = cash_flow({**likely, UPLIFT: np.array([1.0])}, terms)
    return chance_of_least(uplift, float(of_one.least_uplift[0]))


def _in_words(inputs: Inputs, draws: int, confidence: float) -> str:
    if not draws:
        return (
            "The business case takes all but the uplift as certain: its intervals are the "
            "uplift's alone. The charter can state ranges (value.uncertainty)."
        )
    drawn = [name for name in inputs if name != UPLIFT and inputs[name].size > 1]
    ranges = ", ".join(name.replace("_", " ") for name in drawn)
    return (
        "The business case shows the expected cash flow: the uplift as measured, every stated "
        f"range at its mean. Its intervals hold {confidence:.0%} of {draws:,} cash flows drawn "
        f"from the uplift's interval and from the stated ranges ({ranges}), each independent of "
        "the others."
    )


def _or_none(amount: float) -> float | None:
    return amount if np.isfinite(amount) else None
