"""What the cells of a score table are worth: payoffs of each pair of actions over stored terms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.monitor.watched import Watched
from assay.ports.engine import Floats
from assay.stats.score_cells import ScoreCells
from assay.stats.score_table import ScoreTable
from assay.value.classification import COLUMN_PREFIX, ClassificationValuation
from assay.value.payoff_terms import coefficients_of
from assay.value.valuation import Valuation

__all__ = ["Pricing", "pricing", "same_whatever_comes"]

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pricing:
    """Coefficients (D, K, 1 + T) over a table's terms, the constant 1 first.

    `own` are payoffs of the action taken in each of D pairs, `base` those of the baseline's, given
    each of K outcomes; `every` (A, K, 1 + T) those of each action. `taken` names the actions taken.
    `revealed` (D,) says after which the outcome is ever seen, `moved` (D,) where it is not the one
    that the baseline's action would have brought. `reread`, where it is not empty, says why the
    table does not tell these payoffs, so that rows must be read again. `by_amount` is as in
    `Blocks`.
    """

    currency: str
    actions: tuple[str, ...]
    taken: tuple[str, ...]
    own: Floats
    base: Floats
    every: Floats
    revealed: Bools
    moved: Bools
    cells: ScoreCells
    reread: str = ""
    by_amount: bool = False

    @property
    def unit(self) -> str:
        """The unit of what a decision is worth."""
        return f"{self.currency} per decision"

    @cached_property
    def gain(self) -> Floats:
        """What each pair pays above the baseline's action, (D, K, 1 + T)."""
        gain: Floats = self.own - self.base
        return gain

    @cached_property
    def certain(self) -> Bools:
        """Which pairs gain the same whatever the outcome, (D,)."""
        return same_whatever_comes(self.gain)


def same_whatever_comes(coefficients: Floats) -> Bools:
    """Return which of payoffs (D, K, 1 + T) do not depend on the outcome, (D,).

    >>> same_whatever_comes(np.array([[[1.0], [1.0]], [[0.0], [9.0]]])).tolist()
    [True, False]
    """
    same: Bools = (np.ptp(coefficients, axis=1) == 0).all(axis=1)
    return same


def pricing(
    watched: Watched,
    table: ScoreTable,
    *,
    revealed_by: Collection[str] = (),
    moved_by: Collection[str] = (),
    valuation: Valuation | None = None,
) -> Pricing:
    """Return what a table's pairs pay: under the model's own payoffs, or under a `valuation`.

    A changed charter's valuation needs no second look at the rows as long as its actions, outcomes
    and the terms of its payoffs are those of the table; its baseline may be another action. What
    was decided stays as it was decided: what another policy would decide is another question.
    Raises TypeError where amounts are decided.
    """
    own = watched.valuation
    asked = own if valuation is None else valuation
    if not isinstance(own, ClassificationValuation) or not isinstance(
        asked, ClassificationValuation
    ):
        raise TypeError("decided amounts have a table of their own, and no pairs of actions")
    actions, pairs = own.actions, table.pairs
    found = coefficients_of(asked, table.terms)
    why = _unlike(own, asked) or found.reread
    every = found.coefficients
    if why:
        every = np.full((len(actions), table.outcomes, 1 + len(table.terms)), np.nan)
    taken, based = [a for a, _ in pairs], [_baseline(asked, base) for _, base in pairs]
    moving = [
        actions[a] in moved_by or actions[b] in moved_by for a, b in zip(taken, based, strict=True)
    ]
    return Pricing(
        currency=asked.currency,
        actions=actions,
        taken=tuple(actions[a] for a in taken),
        own=every[taken],
        base=every[based],
        every=every,
        revealed=np.array([not revealed_by or actions[a] in revealed_by for a in taken]),
        moved=np.array(moving) & (np.array(taken) != np.array(based)),
        cells=watched.cells,
        reread=why,
        by_amount=watched.by_amount,
    )


def _unlike(own: ClassificationValuation, asked: ClassificationValuation) -> str:
    """Say why a table of one valuation cannot tell another, or nothing."""
    if (own.actions, own.labels) != (asked.actions, asked.labels):
        return "the actions or outcomes are others than those that were counted"
    rule = asked.baselines[asked.baseline_name]
    if rule.startswith(COLUMN_PREFIX) and rule != own.baselines[own.baseline_name]:
        return "the baseline is in a column that was not counted"
    return ""


def _baseline(asked: ClassificationValuation, counted: int) -> int:
    """Return the baseline's action of a pair: as counted, where a column has it."""
    rule = asked.baselines[asked.baseline_name]
    if rule.startswith(COLUMN_PREFIX) or rule not in asked.actions:
        return counted
    return asked.actions.index(rule)
