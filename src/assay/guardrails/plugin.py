"""What a guardrail is: a named measure of behaviour on cases with known outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Cases", "Guardrail", "Measured"]


@dataclass(frozen=True)
class Cases:
    """What a model decided on cases that it did not learn from, and what came of it.

    Shapes as the valuation has them: forecast (n, K), decisions and outcomes (n,). `sensitive`
    holds, for each sensitive column, the name of each case's group (see `groups`). `again`
    forecasts from altered input columns.
    """

    valuation: Valuation
    forecast: Floats
    decisions: NDArray[Any]
    outcomes: NDArray[Any]
    columns: Columns
    sensitive: Mapping[str, NDArray[np.str_]]
    again: Callable[[Columns], Floats]

    def __len__(self) -> int:
        return len(self.outcomes)

    def uplift(self, decisions: NDArray[Any] | None = None) -> Floats:
        """Return each case's payoff minus its baseline's, under other decisions where given."""
        decided = self.decisions if decisions is None else decisions
        valued, outcomes, columns = self.valuation, self.outcomes, self.columns
        baseline = valued.baseline(columns, len(self))
        paid = valued.realised(decided, outcomes, columns)
        return paid - valued.realised(baseline, outcomes, columns)

    def selected(self) -> NDArray[np.bool_]:
        """Return which cases got what the model is there to give.

        Of two outcomes it is the action that pays best where the outcome is positive. Of more, no
        one outcome stands for the others, and it is any action but the baseline's.
        """
        if len(self.valuation.labels) > 2:
            differs: NDArray[np.bool_] = self.decisions != self._baseline()
            return differs
        positive = np.full(len(self), len(self.valuation.labels) - 1, dtype=np.int64)
        best = self.valuation.hindsight(positive, self.columns)
        chosen: NDArray[np.bool_] = self.decisions == best
        return chosen

    def deserving(self) -> NDArray[np.bool_]:
        """Return which cases should have been selected, as their outcomes show.

        Of two outcomes it is the positive one; of more, those for which some action would have
        paid more than the baseline's.
        """
        valued, columns = self.valuation, self.columns
        if len(valued.labels) < 3:
            positive: NDArray[np.bool_] = self.outcomes > 0
            return positive
        best = valued.realised(valued.hindsight(self.outcomes, columns), self.outcomes, columns)
        rest = valued.realised(self._baseline(), self.outcomes, columns)
        paying: NDArray[np.bool_] = best > rest
        return paying

    def _baseline(self) -> NDArray[Any]:
        return self.valuation.baseline(self.columns, len(self))

    def where(self, chosen: NDArray[np.bool_]) -> Cases:
        """Return the chosen cases only."""
        return replace(
            self,
            forecast=self.forecast[chosen],
            decisions=self.decisions[chosen],
            outcomes=self.outcomes[chosen],
            columns={name: values[chosen] for name, values in self.columns.items()},
            sensitive={name: values[chosen] for name, values in self.sensitive.items()},
        )


@dataclass(frozen=True)
class Measured:
    """A guardrail's number, or None with the reason in `note`; `detail` is any JSON document."""

    value: float | None
    note: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Guardrail(Protocol):
    """A measure of behaviour that a charter can put a limit on.

    An instance at the top of a module of this package, or one named by an entry point of
    the group `assay.guardrails`, is found and known by its `metric`.
    """

    @property
    def metric(self) -> str:
        """The name by which a charter's guardrail asks for it."""
        ...

    @property
    def by_group(self) -> bool:
        """Whether it compares the groups of a sensitive column, which the charter then names."""
        ...

    def measure(self, cases: Cases, column: str | None, seed: int) -> Measured:
        """Measure it; the same cases and seed give the same number. Never raises on few cases."""
        ...
