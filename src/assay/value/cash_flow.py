"""Money in and out, month by month, for one set of inputs or for many at once."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from assay.charter.value import ValueModel
from assay.value.payoff import Floats

__all__ = ["UPLIFT", "CashFlow", "Inputs", "Terms", "cash_flow", "likeliest", "terms_of"]

UPLIFT = "uplift_per_decision"
"""The input that is measured; every other one is named as in the charter."""

Inputs = Mapping[str, Floats]
"""What a cash flow is worked out from, by name: arrays of one length (S,), a flow for each place.

The uplift in currency per decision, and `decisions_per_month`, `build_cost`, `run_cost_per_month`,
`cost_per_decision`, `retraining_cost`, `uplift_kept_per_year`, `discount_rate` as in the charter.
"""

_DATED = ("run_cost_per_month", "cost_per_decision", "retraining_cost")


@dataclass(frozen=True)
class Terms:
    """What all cash flows of a use case share.

    `added` (months,) says by cost what agreed changes add to it in each month.
    """

    months: int
    retrainings_per_month: float = 0.0
    added: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class CashFlow:
    """S cash flows over H months: `built` (S,) at month 0, `gained` and `spent` (S, H) after.

    `rate` (S,) is the yearly discount rate. All amounts are in the charter's currency.
    """

    built: Floats
    gained: Floats
    spent: Floats
    rate: Floats

    @property
    def in_hand(self) -> Floats:
        """The money in hand at the end of months 0, 1, ..., H: (S, H + 1), undiscounted."""
        flows = np.column_stack([-self.built, self.gained - self.spent])
        total: Floats = np.cumsum(flows, axis=1)
        return total

    @property
    def net_per_month(self) -> Floats:
        """What a month brings after all running costs, in the mean over the horizon."""
        return np.asarray((self.gained - self.spent).mean(axis=1))

    @property
    def present_value(self) -> Floats:
        """Net present value: `-built + sum_m net_m / (1 + rate)^(m / 12)`, money at month ends.

        (Brealey, Myers and Allen, Principles of Corporate Finance, chapters 5 and 6.)
        """
        months = np.arange(1, self.gained.shape[1] + 1)
        discount = (1 + self.rate[:, None]) ** (-months / 12)
        return np.asarray(((self.gained - self.spent) * discount).sum(axis=1) - self.built)

    @property
    def costs(self) -> Floats:
        """All that is spent over the horizon, undiscounted."""
        return np.asarray(self.spent.sum(axis=1) + self.built)

    @property
    def return_on_investment(self) -> Floats:
        """Net gain over all costs, undiscounted; NaN where nothing is spent."""
        costs = self.costs
        gain = self.gained.sum(axis=1) - costs
        shares: Floats = np.divide(gain, costs, out=np.full(len(gain), np.nan), where=costs > 0)
        return shares

    @property
    def payback(self) -> Floats:
        """The first month's end at which the money in hand is not below zero; inf where never.

        Undiscounted (Brealey, Myers and Allen, chapter 5). 0 where nothing was spent before the
        first month and it does not lose money.
        """
        slack = 1e-9 * (self.built[:, None] + np.cumsum(self.spent, axis=1))
        reached = self.in_hand[:, 1:] >= -slack
        first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
        return np.where((self.built == 0) & (first == 1), 0.0, first)

    @property
    def least_uplift(self) -> Floats:
        """The share of the gains given that just pays everything back at some month's end."""
        gained, owed = np.cumsum(self.gained, axis=1), np.cumsum(self.spent, axis=1)
        return np.asarray(((self.built[:, None] + owed) / gained).min(axis=1))

    def expected(self) -> CashFlow:
        """Return the one flow whose amounts are the means of these."""
        parts = (self.built, self.gained, self.spent)
        built, gained, spent = (part.mean(axis=0, keepdims=True) for part in parts)
        return CashFlow(built, gained, spent, self.rate[:1])


def likeliest(uplift: float, model: ValueModel) -> dict[str, Floats]:
    """Return the inputs as the charter has them, with an uplift per decision: a flow of one."""
    given = {
        "decisions_per_month": model.decisions_per_month,
        "build_cost": model.build_cost,
        "run_cost_per_month": model.run_cost_per_month,
        "cost_per_decision": model.cost_per_decision,
        "retraining_cost": model.retraining_cost,
        "uplift_kept_per_year": model.uplift_kept_per_year,
        "discount_rate": model.discount_rate,
    }
    return {name: np.array([value], dtype=np.float64) for name, value in given.items()} | {
        UPLIFT: np.array([uplift])
    }


def terms_of(
    model: ValueModel, *, retrainings_per_month: float = 0.0, start: date | None = None
) -> Terms:
    """Return the terms of a charter whose first month begins on the day `start`.

    A cost that changes on a date counts from the month on into which the date falls. Without a
    start no change has a month, and none counts.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}, "baseline": "none",
    ...     "decisions_per_month": 1, "horizon_months": 3, "run_cost_per_month": 100,
    ...     "changes": [{"since": "2027-02-14", "run_cost_per_month": 130}]})
    >>> terms_of(model, start=date(2027, 1, 1)).added["run_cost_per_month"]
    array([ 0., 30., 30.])
    """
    added: dict[str, Floats] = {}
    if start is not None and model.changes:
        held = [model.at(_last_day(start, month)) for month in range(model.horizon_months)]
        for name in _DATED:
            now = float(getattr(model, name))
            added[name] = np.array([float(getattr(one, name)) - now for one in held])
    return Terms(model.horizon_months, retrainings_per_month, added)


def cash_flow(inputs: Inputs, terms: Terms) -> CashFlow:
    """Return the cash flows of some inputs.

    The first month brings the uplift as measured, the same month a year later the share
    `uplift_kept_per_year` of it, and so on year by year: month m brings `kept^((m - 1) / 12)`;
    a loss stays what it is. What an agreed change adds to a cost is added to an uncertain one as
    well, not below zero.

    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0}, "baseline": "none",
    ...     "decisions_per_month": 1000, "horizon_months": 3, "build_cost": 600,
    ...     "run_cost_per_month": 100, "cost_per_decision": 0.1})
    >>> cash_flow(likeliest(0.5, model), terms_of(model)).in_hand
    array([[-600., -300.,    0.,  300.]])
    """
    names, arrays = list(inputs), np.broadcast_arrays(*inputs.values())
    one = dict(zip(names, arrays, strict=True))

    def cost(name: str) -> Floats:
        added = terms.added.get(name, np.zeros(terms.months))
        return np.maximum(one[name][:, None] + added, 0.0)

    volume = one["decisions_per_month"]
    kept = one["uplift_kept_per_year"][:, None] ** (np.arange(terms.months) / 12)
    monthly = np.broadcast_to((volume * one[UPLIFT])[:, None], kept.shape)
    kept = np.where(monthly > 0, kept, 1.0)  # time heals no loss
    return CashFlow(
        built=one["build_cost"],
        gained=np.multiply(monthly, kept, out=np.zeros(kept.shape), where=kept > 0),
        spent=cost("run_cost_per_month")
        + volume[:, None] * cost("cost_per_decision")
        + terms.retrainings_per_month * cost("retraining_cost"),
        rate=one["discount_rate"],
    )


def _last_day(start: date, month: int) -> date:
    """Return the last day of the month-long stretch that begins `month` months after a day."""
    years, place = divmod(start.month + month, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, place + 1)[1])
    return date(year, place + 1, day) - timedelta(days=1)
