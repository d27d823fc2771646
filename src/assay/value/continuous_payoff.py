"""What a decided amount is worth when the outcome is an amount too."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from assay.expression import Expression, parse
from assay.value.payoff import Caps, Columns, Floats, Ints, capped, finite

__all__ = ["PayoffFunction", "Searched", "UnitCosts", "within"]

_CANDIDATES = 33
"""Decisions tried at first for each case where no formula gives the best one."""

_CHUNK = 2_000_000
"""Payoffs worked out at once, so that memory stays near 100 MB."""


@dataclass(frozen=True)
class UnitCosts:
    """Each unit decided too low costs `under`, each unit too high costs `over`, in currency.

    The best decision is the quantile `under / (under + over)` of the outcome's distribution
    (the newsvendor: Arrow, Harris and Marschak, Optimal inventory policy, Econometrica 19, 1951).

    >>> bikes = UnitCosts(under=3, over=1)
    >>> bikes.payoff(np.array([10.0, 10.0]), np.array([12.0, 9.0]), {})
    array([-6., -1.])
    >>> bikes.best(np.array([[1.0, 2.0, 3.0, 4.0]]), {})
    array([3.])
    """

    under: float
    over: float
    caps: Caps = field(default_factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """No column enters."""
        return frozenset()

    @property
    def level(self) -> float:
        """The quantile of the outcome that pays best."""
        total = self.under + self.over
        return self.under / total if total else 0.5

    def payoff(self, decision: Floats, outcome: Floats, columns: Columns) -> Floats:
        """Return the payoff of each decision given each outcome (shapes broadcast).

        An outcome beyond its cap counts as the cap, so that the bounds hold.
        """
        del columns
        low, high = self.caps.get("outcome", (-np.inf, np.inf))
        short = np.clip(outcome, low, high) - decision
        return -(self.under * np.maximum(short, 0.0) + self.over * np.maximum(-short, 0.0))

    def best(self, forecast: Floats, columns: Columns) -> Floats:
        """Return the decision of highest expected payoff: an order statistic of each forecast."""
        del columns
        count = forecast.shape[1]
        place = min(count - 1, max(0, int(np.ceil(self.level * count - 1e-9)) - 1))
        return within(np.partition(forecast, place, axis=1)[:, place], self.caps)

    def hindsight(self, outcomes: Floats, columns: Columns) -> Floats:
        """Return the outcomes themselves: nothing pays better than being right."""
        del columns
        return within(outcomes, self.caps)

    def constant(self, outcomes: Floats, columns: Columns) -> float:
        """Return the one decision that pays best over all the given cases."""
        return float(self.best(outcomes[None, :], columns)[0])

    def bounds(self) -> tuple[float, float]:
        """Return least and most; the least is -inf where no caps on `outcome` are given."""
        if not {"outcome", "decision"} & set(self.caps):
            return -np.inf, 0.0
        outcome = self.caps.get("outcome", (-np.inf, np.inf))
        decision = self.caps.get("decision", outcome)
        short, long = max(0.0, outcome[1] - decision[0]), max(0.0, decision[1] - outcome[0])
        worst = max(self.under * short if self.under else 0.0, self.over * long if self.over else 0)
        return -worst, 0.0

    def document(self) -> dict[str, Any]:
        """Return the payoff as a JSON document."""
        return {"under": self.under, "over": self.over, "caps": _caps_document(self.caps)}


class Searched:
    """Payoffs for which no formula gives the best decision, so that it is searched.

    A subclass has `columns`, `caps`, `bounds`, `document` and `_worked_out`.
    """

    caps: Caps

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that the payoff reads."""
        raise NotImplementedError

    def payoff(self, decision: Floats, outcome: Floats, columns: Columns) -> Floats:
        """Return the payoff of each decision given each outcome.

        `decision` and `outcome` have shape (n, ...) and broadcast; a column's value belongs to a
        place on the first axis.
        """
        read = capped(columns, self.columns, self.caps)
        depth = max(decision.ndim, outcome.ndim) - 1
        return self._paid(decision, outcome, {n: _deep(v, depth) for n, v in read.items()})

    def best(self, forecast: Floats, columns: Columns) -> Floats:
        """Return the decision of highest expected payoff among each forecast's quantiles.

        First among 33 of them, then among those between the neighbours of the best: exact where
        the expected payoff has one peak.
        """
        ranked = np.sort(forecast, axis=1)
        count = ranked.shape[1]
        places = np.unique(np.linspace(0, count - 1, min(count, _CANDIDATES)).round().astype(int))
        best = self._best_of(ranked, np.broadcast_to(places, (len(ranked), len(places))), columns)
        if len(places) == count:
            return within(ranked[np.arange(len(ranked)), places[best]], self.caps)
        low, high = places[np.maximum(best - 1, 0)], places[np.minimum(best + 1, len(places) - 1)]
        near = low[:, None] + np.arange(int((high - low).max()) + 1)
        near = np.minimum(near, high[:, None])
        found = near[np.arange(len(near)), self._best_of(ranked, near, columns)]
        return within(ranked[np.arange(len(ranked)), found], self.caps)

    def hindsight(self, outcomes: Floats, columns: Columns) -> Floats:
        """Return the best decision for each known outcome.

        Sought among the outcome itself and a grid over all that can be decided (the cap, or as far
        beyond the outcomes as they are apart), made finer around the best three times: exact to a
        ten-thousandth of the range where a payoff has one peak.
        """
        least, most = self._range(outcomes)
        best = within(outcomes, self.caps)
        centre, width = np.full(len(outcomes), (least + most) / 2), (most - least) / 2
        for _ in range(4):
            grid = centre[:, None] + width * np.linspace(-1, 1, _CANDIDATES)
            candidates = within(np.column_stack([best, grid]), self.caps)
            paid = self.payoff(candidates, outcomes[:, None], columns)
            paid = np.broadcast_to(paid, candidates.shape)
            best = candidates[np.arange(len(outcomes)), paid.argmax(axis=1)]
            centre, width = best, 2 * width / (_CANDIDATES - 1)
        return best

    def _range(self, outcomes: Floats) -> tuple[float, float]:
        """Return the least and the most that can sensibly be decided."""
        low, high = self.caps.get("decision", self.caps.get("outcome", (-np.inf, np.inf)))
        reach = float(np.ptp(outcomes)) or 1.0
        least = low if np.isfinite(low) else float(outcomes.min()) - reach
        most = high if np.isfinite(high) else float(outcomes.max()) + reach
        return least, most

    def constant(self, outcomes: Floats, columns: Columns) -> float:
        """Return the one decision, among 201 quantiles, that pays best over the given cases."""
        grid = within(np.unique(np.quantile(outcomes, np.linspace(0, 1, 201))), self.caps)
        paid = [self.payoff(np.full(len(outcomes), at), outcomes, columns).mean() for at in grid]
        return float(grid[int(np.argmax(paid))])

    def _worked_out(self, decision: Floats, outcome: Floats, columns: Columns) -> Floats:
        raise NotImplementedError

    def _best_of(self, ranked: Floats, places: Ints, columns: Columns) -> Ints:
        """Return which of the decisions `ranked[i, places[i]]` pays best in expectation."""
        count, tried = ranked.shape[1], places.shape[1]
        read = capped(columns, self.columns, self.caps)
        best = np.empty(len(ranked), dtype=np.int64)
        step = max(1, _CHUNK // (tried * count))
        for start in range(0, len(ranked), step):
            rows = slice(start, start + step)
            deep = {name: values[rows, None, None] for name, values in read.items()}
            decided = within(np.take_along_axis(ranked[rows], places[rows], axis=1), self.caps)
            paid = self._paid(decided[:, :, None], ranked[rows, None, :], deep)
            best[rows] = np.broadcast_to(paid, (*decided.shape, count)).mean(axis=2).argmax(axis=1)
        return best

    def _paid(self, decision: Floats, outcome: Floats, columns: Columns) -> Floats:
        low, high = self.caps.get("outcome", (-np.inf, np.inf))
        return self._worked_out(decision, np.clip(outcome, low, high), columns)


@dataclass(frozen=True)
class PayoffFunction(Searched):
    """A payoff written as an expression in `decision`, `outcome` and input columns.

    >>> sale = PayoffFunction("5 * min(decision, outcome) - 2 * decision")
    >>> sale.payoff(np.array([3.0]), np.array([2.0]), {})
    array([4.])
    >>> sale.best(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), {})
    array([3.])
    """

    text: str
    caps: Caps = field(default_factory=dict)

    @cached_property
    def expression(self) -> Expression:
        """The payoff, parsed."""
        return parse(self.text)

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that the payoff reads."""
        return self.expression.columns - {"decision", "outcome"}

    def bounds(self) -> tuple[float, float]:
        """Return the least and the most, from the caps (ExpressionError where one is not given)."""
        caps = dict(self.caps)
        if "outcome" in caps:
            caps.setdefault("decision", caps["outcome"])
        return self.expression.bounds(caps)

    def document(self) -> dict[str, Any]:
        """Return the payoff as a JSON document."""
        return {"payoff": self.text, "caps": _caps_document(self.caps)}

    def _worked_out(self, decision: Floats, outcome: Floats, columns: Columns) -> Floats:
        return finite(self.expression, {**columns, "decision": decision, "outcome": outcome})


def within(decision: Floats, caps: Caps) -> Floats:
    """Move decisions inside the cap of `decision` (or of `outcome`, which decisions aim at)."""
    low, high = caps.get("decision", caps.get("outcome", (-np.inf, np.inf)))
    return np.clip(decision, low, high)


def _deep(values: Floats, depth: int) -> Floats:
    """Give a column as many axes as the amounts it stands beside."""
    return values.reshape(values.shape + (1,) * depth)


def _caps_document(caps: Caps) -> dict[str, list[float]]:
    return {name: list(cap) for name, cap in sorted(caps.items())}
