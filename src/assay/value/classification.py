"""What decisions between named actions are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from assay.charter.policy import BestAction, Policy, Threshold, TopK
from assay.errors import DataError
from assay.value.labels import encode_labels
from assay.value.payoff import Columns, Floats, Ints, PayoffTable
from assay.value.rule import (
    expected_by_action,
    indifference,
    learned_capacity_cut,
    learned_threshold,
    top_k,
)

__all__ = ["COLUMN_PREFIX", "ClassificationValuation"]

COLUMN_PREFIX = "column:"
"""A baseline written `column: C` takes its actions from column C."""

_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)


@dataclass(frozen=True)
class ClassificationValuation:
    """Value of actions on cases with K possible outcomes (the positive one last).

    `learned` is the threshold or the capacity's cut once `tuned` has found it. The policies'
    `otherwise` must be given here; `valuation` fills it in.

    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> forecast = np.array([[0.95, 0.05], [0.7, 0.3]])
    >>> bank.names(bank.decide(forecast, {}))
    ['skip', 'call']
    >>> bank.expected(forecast, bank.decide(forecast, {}), {})
    array([0., 2.])
    """

    currency: str
    table: PayoffTable
    policy: Policy
    baselines: Mapping[str, str]
    baseline_name: str
    learned: float | None = None

    @property
    def task(self) -> Literal["classification", "regression"]:
        """Classification."""
        return "classification"

    @property
    def labels(self) -> tuple[str, ...]:
        """The outcomes, in the order of a forecast's columns."""
        return self.table.labels

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions, in the order of their codes."""
        return self.table.actions

    @property
    def baseline_names(self) -> tuple[str, ...]:
        """Every baseline of the charter."""
        return tuple(self.baselines)

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that payoffs and baselines read."""
        read = (_column(rule) for rule in self.baselines.values())
        return self.table.columns.union(name for name in read if name is not None)

    def encode(self, outcomes: NDArray[Any]) -> Ints:
        """Return outcomes as codes 0..K-1; DataError where one is missing or unknown."""
        return encode_labels(outcomes, self.labels)

    def decide(self, forecast: Floats, columns: Columns) -> Ints:
        """Return the policy's action for each case, as codes.

        Not yet tuned, a threshold stands where the mean payoffs of the given cases are in
        balance, and a top-k policy ranks within the given cases.
        """
        payoffs = self.payoffs(columns, len(forecast))
        expected = expected_by_action(payoffs, self._checked(forecast))
        if isinstance(self.policy, BestAction):
            best: Ints = np.argmax(expected, axis=1)
            return best
        act, rest = self.alternatives(payoffs)
        if isinstance(self.policy, Threshold):
            acts = forecast[:, -1] >= self._threshold(self.policy, payoffs)
        else:
            acts = self._placed(self.policy, expected[:, act] - expected[:, rest])
        return np.where(acts, act, rest)

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
        return encode_labels(columns[column], self.actions)

    def hindsight(self, outcomes: Ints, columns: Columns) -> Ints:
        """Return the best action for each case knowing its outcome (the first where tied)."""
        payoffs = self.payoffs(columns, len(outcomes))
        rows = np.arange(len(outcomes)) if len(payoffs) > 1 else 0
        best: Ints = np.argmax(payoffs[rows, :, outcomes], axis=1)
        return best

    def tuned(self, forecast: Floats, outcomes: Ints, columns: Columns) -> ClassificationValuation:
        """Return the valuation with the free parts of its policy learned from known outcomes."""
        if isinstance(self.policy, BestAction):
            return self
        payoffs = self.payoffs(columns, len(forecast))
        act, rest = self.alternatives(payoffs)
        if isinstance(self.policy, Threshold):
            if self.policy.at is not None:
                return self
            gain = payoffs[:, act] - payoffs[:, rest]
            gains = gain[np.arange(len(forecast)) if len(gain) > 1 else 0, outcomes]
            theory = indifference(gain.mean(axis=0))
            return replace(self, learned=learned_threshold(forecast[:, -1], gains, theory))
        expected = expected_by_action(payoffs, self._checked(forecast))
        cut = learned_capacity_cut(
            expected[:, act] - expected[:, rest], self.policy.k, self.policy.of
        )
        return replace(self, learned=cut)

    def untuned(self) -> ClassificationValuation:
        """Return the valuation as the charter has it, with nothing learned."""
        return replace(self, learned=None)

    def names(self, decisions: Ints) -> list[str]:
        """Return decisions as people say them."""
        return [self.actions[code] for code in decisions.tolist()]

    def bounds(self) -> tuple[float, float]:
        """Return the least and the most that one case can pay, in currency."""
        return self.table.bounds()

    def payoffs(self, columns: Columns, n: int) -> Floats:
        """Return the payoffs: (1, A, K) where no payoff reads a column, else (n, A, K)."""
        return self.table.matrix(columns, n)

    def alternatives(self, payoffs: Floats) -> tuple[int, int]:
        """Return the codes of acting and of not acting.

        They are the policy's `action` and `otherwise`; under `best_action`, the actions that pay
        best on the positive and on the other outcomes, in the mean over the given cases.
        """
        if not isinstance(self.policy, BestAction):
            rest = self.policy.otherwise or self.actions[0]
            return self.actions.index(self.policy.action), self.actions.index(rest)
        mean = payoffs.mean(axis=0)
        return int(np.argmax(mean[:, -1])), int(np.argmax(mean[:, :-1].mean(axis=1)))

    def document(self) -> dict[str, Any]:
        """Return the valuation as a JSON document that `valuation_from_document` reads."""
        return {
            "format": 1,
            "task": "classification",
            "currency": self.currency,
            "table": self.table.document(),
            "policy": self.policy.model_dump(mode="json"),
            "baselines": dict(self.baselines),
            "baseline": self.baseline_name,
            "learned": self.learned,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ClassificationValuation:
        """Read a valuation back from its document."""
        return cls(
            currency=document["currency"],
            table=PayoffTable.from_document(document["table"]),
            policy=_POLICY.validate_python(document["policy"]),
            baselines=dict(document["baselines"]),
            baseline_name=document["baseline"],
            learned=document["learned"],
        )

    def _threshold(self, policy: Threshold, payoffs: Floats) -> float:
        """Return the agreed cut, the learned one, or the one where mean payoffs are in balance."""
        if policy.at is not None:
            return policy.at
        if self.learned is not None:
            return self.learned
        act, rest = self.alternatives(payoffs)
        return indifference((payoffs[:, act] - payoffs[:, rest]).mean(axis=0))

    def _placed(self, policy: TopK, uplift: Floats) -> NDArray[np.bool_]:
        """Return which cases get a place: by the learned cut, or by rank among them."""
        if self.learned is None:
            return top_k(uplift, policy.k, policy.of)
        return (uplift >= self.learned) & (uplift > 0)

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
