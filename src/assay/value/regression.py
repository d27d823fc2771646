"""What decided amounts are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.expression import parse
from assay.value.continuous_payoff import PayoffFunction, UnitCosts, within
from assay.value.labels import encode_amounts
from assay.value.payoff import Columns, Floats, capped, finite
from assay.value.plugin import PluggedPayoff, Plugin

__all__ = ["BEST_CONSTANT", "ContinuousPayoff", "RegressionValuation"]

ContinuousPayoff = UnitCosts | PayoffFunction | PluggedPayoff

BEST_CONSTANT = "best_constant"
"""The baseline that decides the one amount that would have paid best on the training cases."""


@dataclass(frozen=True)
class RegressionValuation:
    """Value of decided amounts against outcomes that are amounts.

    A forecast holds K equally weighted quantiles of each case's outcome, shape (n, K).
    `learned` is the best constant once `tuned` has found it.

    >>> from assay.value.continuous_payoff import UnitCosts
    >>> bikes = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")
    >>> forecast = np.array([[8.0, 10.0, 12.0, 14.0]])
    >>> bikes.decide(forecast, {})
    array([12.])
    >>> bikes.expected(forecast, bikes.decide(forecast, {}), {})
    array([-3.])
    """

    currency: str
    payoff: ContinuousPayoff
    baselines: Mapping[str, float | str]
    baseline_name: str
    learned: float | None = None

    @property
    def task(self) -> Literal["classification", "regression"]:
        """Regression."""
        return "regression"

    @property
    def labels(self) -> tuple[str, ...]:
        """None: outcomes are amounts."""
        return ()

    @property
    def actions(self) -> tuple[str, ...]:
        """None: decisions are amounts."""
        return ()

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Every baseline of the charter."""
        return tuple(self.baselines)

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that payoffs and baselines read."""
        formulas = [rule for rule in self.baselines.values() if isinstance(rule, str)]
        return self.payoff.columns.union(
            *(parse(rule).columns for rule in formulas if rule != BEST_CONSTANT)
        )

    @property
    def case_by_case(self) -> bool:
        """Always so: amounts have no capacity."""
        return True

    def encode(self, outcomes: NDArray[Any]) -> Floats:
        """Return outcomes as float64; DataError where one is missing or no number."""
        return encode_amounts(outcomes)

    def decide(self, forecast: Floats, columns: Columns) -> Floats:
        """Return the amount of highest expected payoff for each case."""
        return self.payoff.best(_checked(forecast), columns)

    def decide_and_value(self, forecast: Floats, columns: Columns) -> tuple[Floats, Floats]:
        """Return the amount of highest expected payoff for each case, and that payoff."""
        amounts = self.decide(forecast, columns)
        return amounts, self.expected(forecast, amounts, columns)

    def expected(self, forecast: Floats, decisions: Floats, columns: Columns) -> Floats:
        """Return each case's expected payoff: the plain mean over its K quantiles."""
        paid = self.payoff.payoff(decisions[:, None], _checked(forecast), columns)
        expected: Floats = np.broadcast_to(paid, forecast.shape).mean(axis=1)
        return expected

    def realised(self, decisions: Floats, outcomes: Floats, columns: Columns) -> Floats:
        """Return each case's payoff in currency, now that its outcome is known."""
        paid = self.payoff.payoff(decisions, outcomes, columns)
        return np.broadcast_to(paid, decisions.shape).copy()

    def baseline(self, columns: Columns, n: int, name: str | None = None) -> Floats:
        """Return a baseline's amount for each of `n` cases (the charter's where not named).

        Raises ValueError where the best constant has not been learned yet.
        """
        rule = self.baselines[self.baseline_name if name is None else name]
        if rule == BEST_CONSTANT:
            if self.learned is None:
                raise ValueError("the best constant is learned from outcomes: call `tuned` before")
            return np.full(n, self.learned)
        if isinstance(rule, str):
            expression = parse(rule)
            read = capped(columns, expression.columns, self.payoff.caps)
            return within(np.broadcast_to(finite(expression, read), n), self.payoff.caps)
        return within(np.full(n, float(rule)), self.payoff.caps)

    def hindsight(self, outcomes: Floats, columns: Columns) -> Floats:
        """Return the best amount for each case knowing its outcome."""
        return self.payoff.hindsight(outcomes, columns)

    def perfect(self, outcomes: Floats, columns: Columns) -> Floats:
        """Return what perfect information would decide; amounts have no capacity."""
        return self.hindsight(outcomes, columns)

    def tuned(self, forecast: Floats, outcomes: Floats, columns: Columns) -> RegressionValuation:
        """Return the valuation with its best constant learned (where a baseline asks for it)."""
        del forecast
        if BEST_CONSTANT not in self.baselines.values():
            return self
        return replace(self, learned=self.payoff.constant(outcomes, columns))

    def untuned(self) -> RegressionValuation:
        """Return the valuation as the charter has it, with nothing learned."""
        return replace(self, learned=None)

    def names(self, decisions: Floats) -> list[float]:
        """Return decisions as plain numbers."""
        return [float(amount) for amount in decisions]

    def bounds(self) -> tuple[float, float]:
        """Return least and most that one case can pay; -inf where caps on `outcome` are absent."""
        return self.payoff.bounds()

    def document(self) -> dict[str, Any]:
        """Return the valuation as a JSON document that `valuation_from_document` reads."""
        return {
            "format": 1,
            "task": "regression",
            "currency": self.currency,
            "payoff": self.payoff.document(),
            "baselines": dict(self.baselines),
            "baseline": self.baseline_name,
            "learned": self.learned,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RegressionValuation:
        """Read a valuation back from its document."""
        return cls(
            currency=document["currency"],
            payoff=_payoff_from_document(document["payoff"]),
            baselines=dict(document["baselines"]),
            baseline_name=document["baseline"],
            learned=document["learned"],
        )


def _payoff_from_document(document: Mapping[str, Any]) -> ContinuousPayoff:
    caps = {name: (low, high) for name, (low, high) in document["caps"].items()}
    if "function" in document:
        return PluggedPayoff(Plugin.from_document(document["function"]), caps)
    if "payoff" in document:
        return PayoffFunction(document["payoff"], caps)
    return UnitCosts(document["under"], document["over"], caps)


def _checked(forecast: Floats) -> Floats:
    if forecast.ndim != 2 or forecast.shape[1] == 0:
        raise ValueError(f"a forecast has shape (n, K); this one has shape {forecast.shape}")
    return forecast
