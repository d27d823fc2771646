"""What a policy's life through a replay cost: what is taken off its value, and what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.charter.charter import Charter
from assay.charter.policy import REFER
from assay.lifecycle.history import History
from assay.lifecycle.play import Play
from assay.stats.estimate import Estimate
from assay.value.classification import ClassificationValuation
from assay.value.valuation import Valuation

__all__ = ["Costs", "costs_of"]


@dataclass(frozen=True)
class Costs:
    """Costs of one policy over a whole replay, in currency, and the cases behind them.

    Taken off the value: `retraining`, `deciding` (so much a decision) and `running` (so much a
    month, at the planned volume). Within the value, since payoffs are net of them: `staked`, the
    least that the actions taken can pay where that is a loss (each call's price, where a call that
    sells nothing costs so much), `reviewing` by people, and `exploring`, what random actions paid
    less than those in whose stead they came. `cases` counts decisions by action, `random` those
    that a lot decided otherwise.
    """

    retraining: float
    deciding: float
    running: float
    staked: float
    reviewing: float
    exploring: Estimate | None
    cases: Mapping[str, int]
    random: int

    @property
    def taken_off(self) -> float:
        """What stands beside the value and is taken off it."""
        return self.retraining + self.deciding + self.running

    def document(self) -> dict[str, Any]:
        """Return the costs as a JSON document."""
        exploring = None if self.exploring is None else self.exploring.document()
        return {**vars(self), "cases": dict(self.cases), "exploring": exploring}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Costs:
        """Read costs back."""
        given = document["exploring"]
        exploring = None if given is None else Estimate.from_document(given)
        return cls(**{**document, "exploring": exploring})


def costs_of(
    charter: Charter, history: History, play: Play, retrainings: int, exploring: Estimate | None
) -> Costs:
    """Return what a life cost that retrained so often; `exploring` was measured by the audit."""
    value, valued = charter.value, history.valuation
    rows = np.arange(history.line.first, history.line.frame.height)
    cases = _cases(valued, play, rows)
    reviewer = valued.reviewer if isinstance(valued, ClassificationValuation) else None
    return Costs(
        retraining=retrainings * value.retraining_cost,
        deciding=len(rows) * value.cost_per_decision,
        running=len(rows) / value.decisions_per_month * value.run_cost_per_month,
        staked=_staked(valued, history, play, rows),
        reviewing=0.0 if reviewer is None else reviewer.cost * cases.get(REFER, 0),
        exploring=exploring,
        cases=cases,
        random=int((play.decisions[rows] != play.meant[rows]).sum()),
    )


def _cases(valued: Valuation, play: Play, rows: Any) -> dict[str, int]:
    if valued.task == "regression":
        return {}
    counted = Counter(valued.names(play.decisions[rows]))
    return {action: counted[action] for action in valued.actions}


def _staked(valued: Valuation, history: History, play: Play, rows: Any) -> float:
    if not isinstance(valued, ClassificationValuation):
        return 0.0
    payoffs = valued.payoffs(history.columns(rows), len(rows))
    places = np.arange(len(rows)) if len(payoffs) > 1 else 0
    least = payoffs[places, play.decisions[rows]].min(axis=-1)
    return float(np.maximum(-least, 0.0).sum())
