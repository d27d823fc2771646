"""What decisions between named actions are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from assay.charter.policy import REFER, BestAction, Budget, Capacity, Policy, Threshold, TopK
from assay.errors import DataError
from assay.value.allocation import allocate, priced, shadow_prices
from assay.value.band import Band, refers_from
from assay.value.labels import encode_labels
from assay.value.limits import Limit
from assay.value.payoff import Columns, Floats, Ints, PayoffTable
from assay.value.plugin import PluggedTable
from assay.value.reviewer import Reviewer
from assay.value.rule import expected_by_action

__all__ = ["COLUMN_PREFIX", "ClassificationValuation"]

COLUMN_PREFIX = "column:"
"""A baseline written `column: C` takes its actions from column C."""

_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)


@dataclass(frozen=True)
class ClassificationValuation:
    """Value of actions on cases with K possible outcomes (the positive one last).

    The policies' `otherwise` must be given here; `valuation` fills it in. With a `reviewer` there
    is one action more, `refer`. `capacity` limits how many cases are referred; `volume` is the
    number of decisions per month, which limits in days, weeks and months need. Once `tuned` has
    found them, `learned` is the threshold, `refers_from` the probability from which a person is
    asked below it, and `prices` what the limits charge (allocation): each case is decided alone.
    Where payoffs were moved after forecasts were calibrated at each gain at stake,
    `calibrated_under` are the ones that the calibration was learned under.

    >>> from assay.charter.policy import BestAction
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> forecast = np.array([[0.95, 0.05], [0.7, 0.3]])
    >>> bank.names(bank.decide(forecast, {}))
    ['skip', 'call']
    >>> bank.expected(forecast, bank.decide(forecast, {}), {})
    array([0., 2.])
    >>> asked = replace(bank, reviewer=Reviewer(cost=0.5, accuracy=0.99))
    >>> asked.names(asked.decide(np.array([[0.95, 0.05], [0.9, 0.1], [0.2, 0.8]]), {}))
    ['skip', 'refer', 'call']
    """

    currency: str
    table: PayoffTable | PluggedTable
    policy: Policy
    baselines: Mapping[str, str]
    baseline_name: str
    learned: float | None = None
    prices: tuple[float, ...] | None = None
    reviewer: Reviewer | None = None
    capacity: Capacity | None = None
    volume: float | None = None
    calibrated_under: ClassificationValuation | None = None
    refers_from: float | None = None

    @property
    def task(self) -> Literal["classification", "regression"]:
        """Classification."""
        return "classification"

    @property
    def labels(self) -> tuple[str, ...]:
        """The outcomes, in the order of a forecast's columns."""
        return self.table.labels

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The actions, in the order of their codes; `refer` last where there is a reviewer."""
        return self.table.actions if self.reviewer is None else (*self.table.actions, REFER)

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Every baseline of the charter."""
        return tuple(self.baselines)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The input columns that payoffs, budgets and baselines read."""
        read = (_column(rule) for rule in self.baselines.values())
        named = self.table.columns.union(name for name in read if name is not None)
        if self.calibrated_under is not None:
            named = named | self.calibrated_under.columns
        return named.union(*(limit.columns for limit in self.limits))

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What there is not enough of for everybody: the policy's capacity, then the reviewer's."""
        found = []
        if isinstance(self.policy, TopK | Budget):
            found.append(Limit.read(self.policy, self.actions, self.volume))
        if self.capacity is not None:
            found.append(Limit.read(self.capacity, self.actions, self.volume))
        return tuple(found)

    @property
    def case_by_case(self) -> bool:
        """Whether each case is decided by itself.

        Always so once tuned. Before, it is not where a threshold is to be found from the mean over
        the given cases, or a limit has no price yet and is shared out among them.
        """
        if self.limits and self.prices is None:
            return False
        if not isinstance(self.policy, Threshold) or not (self.table.columns or self.labels[2:]):
            return True
        known = self._at is not None
        return known and (self.reviewer is None or self._refers_from is not None)

    def encode(self, outcomes: NDArray[Any]) -> Ints:
        """Return outcomes as codes 0..K-1; DataError where one is missing or unknown."""
        return encode_labels(outcomes, self.labels)

    def decide(self, forecast: Floats, columns: Columns) -> Ints:
        """Return the policy's action for each case, as codes.

        Not yet tuned, a threshold stands where the mean payoffs of the given cases are in
        balance, and a capacity is shared out among the given cases.
        """
        return self._decided(forecast, columns, None)

    def decide_and_value(self, forecast: Floats, columns: Columns) -> tuple[Ints, Floats]:
        """Return the policy's action for each case and its expected payoff, worked out once."""
        if self.limits or not isinstance(self.policy, BestAction):
            codes = self.decide(forecast, columns)
            return codes, self.expected(forecast, codes, columns)
        n = len(forecast)
        by_action = expected_by_action(self.payoffs(columns, n), self._checked(forecast))
        best: Ints = by_action.argmax(axis=1)
        return best, by_action[np.arange(n), best]

    def decide_within(self, forecast: Floats, columns: Columns, windows: NDArray[Any]) -> Ints:
        """Return the policy's action where each limit holds exactly in each window.

        `windows` (n,) names the window of each case, as day by day: each has what the charter
        grants a window, however many cases came. ValueError where a limit counts cases (`of`).
        """
        if any(limit.per is None for limit in self.limits):
            raise ValueError("a limit of so many cases has no windows of time: give it `per`")
        names, codes = np.unique(np.asarray(windows), return_inverse=True)
        decided = np.empty(len(forecast), dtype=np.int64)
        for window in range(len(names)):
            rows = np.flatnonzero(codes == window)
            here = {name: columns[name][rows] for name in self.columns & set(columns)}
            amounts = tuple(limit.amount for limit in self.limits)
            decided[rows] = self._decided(forecast[rows], here, amounts)
        return decided

    def expected(self, forecast: Floats, decisions: Ints, columns: Columns) -> Floats:
        """Return each case's expected payoff in currency per decision."""
        by_action = expected_by_action(
            self.payoffs(columns, len(forecast)), self._checked(forecast)
        )
        chosen: Floats = by_action[np.arange(len(forecast)), decisions]
        return chosen

    def realised(self, decisions: Ints, outcomes: Ints, columns: Columns) -> Floats:
        """Return each case's payoff in currency, now that its outcome is known."""
        payoffs = self.payoffs(columns, len(decisions))
        rows = np.arange(len(decisions)) if len(payoffs) > 1 else 0
        paid: Floats = payoffs[rows, decisions, outcomes]
        return paid

    def baseline(self, columns: Columns, n: int, name: str | None = None) -> Ints:
        """Return a baseline's action for each of `n` cases (the charter's where not named)."""
        rule = self.baselines[self.baseline_name if name is None else name]
        column = _column(rule)
        if column is None:
            return np.full(n, self.actions.index(rule), dtype=np.int64)
        if column not in columns:
            raise DataError(
                f"The baseline takes its actions from the column {column!r}, which is not among "
                f"the columns given ({', '.join(sorted(columns)) or 'none'})."
            )
        given = np.asarray(columns[column])
        strangers = sorted({str(name) for name in given.tolist()} - set(self.actions))
        if strangers:
            raise DataError(
                f"The baseline takes its actions from the column {column!r}, which holds "
                f"{', '.join(repr(name) for name in strangers[:3])}; the actions are "
                f"{', '.join(self.actions)}. Put an action's name into each row of that column."
            )
        return encode_labels(given, self.actions)

    def hindsight(self, outcomes: Ints, columns: Columns) -> Ints:
        """Return the best action for each case knowing its outcome (the first where tied)."""
        payoffs = self.payoffs(columns, len(outcomes))
        rows = np.arange(len(outcomes)) if len(payoffs) > 1 else 0
        best: Ints = np.argmax(payoffs[rows, :, outcomes], axis=1)
        return best

    def perfect(self, outcomes: Ints, columns: Columns) -> Ints:
        """Return what perfect information would decide for these cases, within the limits."""
        n = len(outcomes)
        payoffs = self.payoffs(columns, n)
        known = payoffs[np.arange(n) if len(payoffs) > 1 else 0, :, outcomes]
        uses, amounts = self._uses(columns, n), self._amounts(n)
        return allocate(known, uses, amounts, spread_ties=True)

    def tuned(self, forecast: Floats, outcomes: Ints, columns: Columns) -> ClassificationValuation:
        """Return the valuation with the free parts of its policy learned from known outcomes."""
        payoffs, found = self.payoffs(columns, len(forecast)), self
        if isinstance(self.policy, Threshold):
            found = self._with_band(self._checked(forecast), outcomes, payoffs)
        if not self.limits or not len(forecast):
            return found
        codes, worth = found.choices(forecast, payoffs)
        uses = [use[:, codes] for use in self._uses(columns, len(forecast))]
        return replace(found, prices=shadow_prices(worth, uses, self._amounts(len(forecast))))

    def untuned(self) -> ClassificationValuation:
        """Return the valuation as the charter has it, with nothing learned."""
        return replace(self, learned=None, prices=None, refers_from=None)

    def names(self, decisions: Ints) -> list[str]:
        """Return decisions as people say them."""
        return [self.actions[code] for code in decisions.tolist()]

    def bounds(self) -> tuple[float, float]:
        """Return the least and the most that one case can pay, in currency."""
        low, high = self.table.bounds()
        return low - (self.reviewer.cost if self.reviewer else 0.0), high

    def payoffs(self, columns: Columns, n: int) -> Floats:
        """Return the payoffs: (1, A, K) where no payoff reads a column, else (n, A, K)."""
        return (
            self._reviewed(self.table.matrix(columns, n)) if self.table.columns else self._constant
        )

    @cached_property
    def _constant(self) -> Floats:
        """The payoffs where none of them reads a column."""
        return self._reviewed(self.table.matrix({}, 1))

    def _reviewed(self, own: Floats) -> Floats:
        if self.reviewer is None:
            return own
        return np.concatenate([own, self.reviewer.row(own)], axis=1)

    def alternatives(self, payoffs: Floats) -> tuple[int, int]:
        """Return the codes of acting and of not acting.

        They are the policy's `action` and `otherwise`; under other policies, the actions that pay
        best on the positive and on the other outcomes, in the mean over the given cases.
        """
        if isinstance(self.policy, Threshold | TopK):
            rest = self.policy.otherwise or self.actions[0]
            return self.actions.index(self.policy.action), self.actions.index(rest)
        mean = payoffs.mean(axis=0)[: len(self.table.actions)]
        return int(np.argmax(mean[:, -1])), int(np.argmax(mean[:, :-1].mean(axis=1)))

    def choices(self, forecast: Floats, payoffs: Floats) -> tuple[Ints, Floats]:
        """Return the codes that the policy chooses among, and what it takes each to be worth."""
        expected = expected_by_action(payoffs, forecast)
        choices = np.arange(len(self.actions))
        if isinstance(self.policy, Threshold):
            return choices, self._band(forecast, payoffs).ranked(forecast, expected)
        if isinstance(self.policy, TopK):
            act, rest = self.alternatives(payoffs)
            asked = [] if self.reviewer is None else [len(self.actions) - 1]
            choices = np.array([rest, act, *asked])
        return choices, expected[:, choices]

    def document(self) -> dict[str, Any]:
        """Return the valuation as a JSON document that `valuation_from_document` reads.

        It has format 3 where `calibrated_under` is there, and 4 where `refers_from` is: who does
        not know of them must not read it.
        """
        under = self.calibrated_under
        document = {
            "format": 2,
            "task": "classification",
            "currency": self.currency,
            "table": self.table.document(),
            "policy": self.policy.model_dump(mode="json"),
            "baselines": dict(self.baselines),
            "baseline": self.baseline_name,
            "learned": self.learned,
            "prices": None if self.prices is None else list(self.prices),
            "reviewer": None if self.reviewer is None else self.reviewer.document(),
            "capacity": None if self.capacity is None else self.capacity.model_dump(mode="json"),
            "volume": self.volume,
        }
        if under is not None:
            document |= {"format": 3, "calibrated_under": under.document()}
        if self.refers_from is not None:
            document |= {"format": 4, "refers_from": self.refers_from}
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ClassificationValuation:
        """Read a valuation back from its document."""
        table, prices = document["table"], document["prices"]
        reviewer, capacity = document["reviewer"], document["capacity"]
        under = document.get("calibrated_under")
        plugged = "function" in table
        return cls(
            currency=document["currency"],
            table=(PluggedTable if plugged else PayoffTable).from_document(table),
            policy=_POLICY.validate_python(document["policy"]),
            baselines=dict(document["baselines"]),
            baseline_name=document["baseline"],
            learned=document["learned"],
            prices=None if prices is None else tuple(prices),
            reviewer=None if reviewer is None else Reviewer.from_document(reviewer),
            capacity=None if capacity is None else Capacity.model_validate(capacity),
            volume=document["volume"],
            calibrated_under=None if under is None else cls.from_document(under),
            refers_from=document.get("refers_from"),
        )

    def _decided(
        self, forecast: Floats, columns: Columns, amounts: tuple[float, ...] | None
    ) -> Ints:
        """Decide by the learned prices, or share `amounts` out among the given cases."""
        n, payoffs = len(forecast), self.payoffs(columns, len(forecast))
        codes, worth = self.choices(self._checked(forecast), payoffs)
        uses = [use[:, codes] for use in self._uses(columns, n)]
        if amounts is None and self.prices is not None:
            chosen = priced(worth, uses, self.prices)
        else:
            chosen = allocate(worth, uses, self._amounts(n) if amounts is None else amounts)
        return codes[chosen]

    def _band(self, forecast: Floats, payoffs: Floats, low: float | None = None) -> Band:
        """Return where the threshold policy acts and where it refers (from `low`, where given)."""
        policy = self.policy
        assert isinstance(policy, Threshold)  # noqa: S101
        act, rest = self.alternatives(payoffs)
        refer = None if self.reviewer is None else len(self.actions) - 1
        low = self._refers_from if low is None else low
        return Band.of(forecast, payoffs, act, rest, refer, at=self._at, refer_from=low)

    def _with_band(
        self, forecast: Floats, outcomes: Ints, payoffs: Floats
    ) -> ClassificationValuation:
        """Return the valuation with what its threshold policy leaves open learned."""
        policy, found = self.policy, self
        assert isinstance(policy, Threshold)  # noqa: S101
        if self.reviewer is not None and policy.refer_from is None:
            rest, refer = self.alternatives(payoffs)[1], len(self.actions) - 1
            found = replace(self, refers_from=refers_from(forecast, payoffs, rest, refer))
        if policy.at is not None:
            return found
        band = self._band(forecast, payoffs, found.refers_from)
        return replace(found, learned=band.learned(forecast, outcomes, payoffs))

    @property
    def _at(self) -> float | None:
        """The probability from which a threshold acts, agreed or learned."""
        agreed = self.policy.at if isinstance(self.policy, Threshold) else None
        return self.learned if agreed is None else agreed

    @property
    def _refers_from(self) -> float | None:
        """The probability from which a threshold policy refers, agreed or learned."""
        agreed = self.policy.refer_from if isinstance(self.policy, Threshold) else None
        return self.refers_from if agreed is None else agreed

    def _uses(self, columns: Columns, n: int) -> list[Floats]:
        caps = self.table.caps
        return [limit.use(columns, n, caps) for limit in self.limits]

    def _amounts(self, n: int) -> tuple[float, ...]:
        return tuple(limit.share(n) for limit in self.limits)

    def _checked(self, forecast: Floats) -> Floats:
        if forecast.ndim != 2 or forecast.shape[1] != len(self.labels):
            raise ValueError(
                f"a forecast has shape (n, {len(self.labels)}), one column for each of "
                f"{', '.join(self.labels)}; this one has shape {forecast.shape}"
            )
        return forecast


def _column(rule: str) -> str | None:
    """Return the column that a baseline names, or None where it names an action."""
    if rule.startswith(COLUMN_PREFIX):
        return rule.removeprefix(COLUMN_PREFIX).strip()
    return None
