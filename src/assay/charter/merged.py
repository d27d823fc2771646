"""What payoffs and the price of a person become when a change names some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.charter.policy import Cell, Refer

__all__ = ["Payoffs", "merged_actions", "merged_refer", "named_outcomes"]

Payoffs = Mapping[str, Cell | dict[str, Cell]]
"""Action -> payoff, or action -> {outcome: payoff}."""


def named_outcomes(actions: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the outcomes that payoffs name, in their order."""
    rows = [row for row in actions.values() if isinstance(row, dict)]
    return tuple(dict.fromkeys(outcome for row in rows for outcome in row))


def merged_actions(before: Payoffs, named: Payoffs) -> dict[str, Cell | dict[str, Cell]]:
    """Return the payoffs with those replaced that a change names; every other cell stays.

    One payoff for an action holds for all of its outcomes, before and after.

    >>> before = {"call": {"yes": 9, "no": -1}, "skip": 0}
    >>> merged_actions(before, {"call": {"yes": 8}})
    {'call': {'yes': 8, 'no': -1}, 'skip': 0}
    >>> merged_actions(before, {"call": -2, "skip": {"no": 1}})
    {'call': {'yes': -2, 'no': -2}, 'skip': {'yes': 0, 'no': 1}}
    """
    outcomes = named_outcomes(before)
    after = dict(before)
    for action, row in named.items():
        old = before.get(action, {})
        if isinstance(row, dict):
            cells = dict(old) if isinstance(old, dict) else dict.fromkeys(outcomes, old)
            after[action] = cells | row
        else:
            after[action] = dict.fromkeys(old, row) if isinstance(old, dict) else row
    return after


def merged_refer(before: Refer | None, named: Refer) -> Refer:
    """Return the person's price and skill with what a change names; a capacity stays.

    >>> before = Refer.model_validate({"cost": 2, "accuracy": 0.9, "capacity": {"k": 5, "of": 100}})
    >>> after = merged_refer(before, Refer(cost=3, accuracy=0.9))
    >>> after.cost, after.capacity.k
    (3.0, 5)
    """
    if before is None or "capacity" in named.model_fields_set:
        return named
    return named.model_copy(update={"capacity": before.capacity})
