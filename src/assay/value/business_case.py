"""Whether it pays: value per month, return, payback and present value, each with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate

__all__ = ["BusinessCase", "business_case"]


@dataclass(frozen=True)
class BusinessCase:
    """The money a model brings over the charter's horizon, in its currency.

    `net_per_month` is uplift less running cost. `return_on_investment` is net gain over all costs
    (None where nothing is spent). `payback_month` is the first month's end at which the
    money in hand is not below zero, undiscounted; an infinite end means never within the horizon.
    `chance_of_payback` is the probability of reaching it within the horizon. `cash` is the money in
    hand at the end of months 0, 1, ... at the mean, `cash_low` and `cash_high` at the
    interval's ends.
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
            "cash_low": list(self.cash_low),
            "cash_high": list(self.cash_high),
        }


def business_case(
    uplift_per_decision: Estimate, model: ValueModel, *, retrainings_per_month: float = 0.0
) -> BusinessCase:
    """Return the business case of a measured uplift under the charter's volume and costs.

    `net present value = -build + sum_m net / (1 + rate)^(m / 12)` with each month's money at
    its end. Every figure rises (payback: falls) with the uplift, the only uncertain number, so an
    interval's ends are exactly the figures at the uplift's ends; no simulation stands
    between. The chance of payback takes each side of the interval as half a normal distribution.
    `retrainings_per_month` are charged at the charter's cost of one.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}, "baseline": "none",
    ...     "decisions_per_month": 1000, "build_cost": 3000, "run_cost_per_month": 200})
    >>> case = business_case(Estimate(0.7, 0.5, 0.8, 900, "BCa", "EUR per decision"), model)
    >>> case.net_present_value, case.payback_month
    (3,000 EUR [600, 4,200], 6 months [5, 10])
    """
    currency = model.currency
    running = model.run_cost_per_month + model.retraining_cost * retrainings_per_month
    uplift = uplift_per_decision.scaled(model.decisions_per_month, f"{currency} per month")
    net = uplift.shifted(-running)
    months = model.horizon_months
    factor = sum((1 + model.discount_rate) ** (-month / 12) for month in range(1, months + 1))
    spent = model.build_cost + running * months
    return BusinessCase(
        uplift_per_month=uplift,
        net_per_month=net,
        net_present_value=net.scaled(factor, currency).shifted(-model.build_cost),
        return_on_investment=(
            net.scaled(months, currency).shifted(-model.build_cost).scaled(1 / spent, "")
            if spent
            else None
        ),
        payback_month=_payback(net, model),
        chance_of_payback=_chance_above(net, model.build_cost / months),
        cash=_cash(net.mean, model),
        cash_low=_cash(net.low, model),
        cash_high=_cash(net.high, model),
    )


def _payback(net: Estimate, model: ValueModel) -> Estimate:
    def month(amount: float) -> float:
        if amount < 0 or (amount == 0 and model.build_cost):
            return math.inf
        first = math.ceil(model.build_cost / amount - 1e-9) if amount else 0
        return float(first) if first <= model.horizon_months else math.inf

    return _mapped(net, month, "months")


def _mapped(estimate: Estimate, figure: Callable[[float], float], unit: str) -> Estimate:
    """Return a figure that falls or rises with the estimate, at its mean and both ends."""
    low, high = sorted((figure(estimate.low), figure(estimate.high)))
    return replace(estimate, mean=figure(estimate.mean), low=low, high=high, unit=unit)


def _chance_above(estimate: Estimate, least: float) -> float:
    """Return the probability of at least `least`, each side of the interval half a normal."""
    z = NormalDist().inv_cdf((1 + estimate.confidence) / 2)
    side = estimate.low if least < estimate.mean else estimate.high
    deviation = abs(side - estimate.mean) / z
    if deviation == 0:
        return float(least <= estimate.mean)
    return 1 - NormalDist().cdf((least - estimate.mean) / deviation)


def _cash(net: float, model: ValueModel) -> tuple[float, ...]:
    return tuple(month * net - model.build_cost for month in range(model.horizon_months + 1))
