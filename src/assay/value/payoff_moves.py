"""A valuation with one thing that it pays by a little lower, and a little higher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from assay.charter.policy import Cell
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation
from assay.value.valuation import Valuation

__all__ = ["PayoffMove", "payoff_moves"]

_POINTS = 0.1
"""How far a reviewer's accuracy moves: a tenth of itself would hardly move a poor one."""


@dataclass(frozen=True)
class PayoffMove:
    """One payoff moved: its name, its ends (None where a formula gives it), both valuations.

    The lower end is the one nearer to zero, so that a cost of -1 goes from -0.9 to -1.1. `by` says
    how far it goes.
    """

    name: str
    ends: tuple[float, float] | None
    less: Valuation
    more: Valuation
    by: str


def payoff_moves(valuation: Valuation, share: float = 0.1) -> Iterator[PayoffMove]:
    """Yield each payoff of a valuation moved by a share of itself either way; zeros do not move.

    In classification each cell of the table (an action that pays the same on every outcome moves
    as one), what a reviewer costs, and how often one is right, which moves by 0.1 within [0, 1];
    in regression the two unit costs. Payoffs that a single formula or a plug-in function gives have
    no parts to move, and yield nothing.

    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> from assay.charter.policy import BestAction
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> [(move.name, move.ends) for move in payoff_moves(bank)]
    [('payoff: call if no', (-0.9, -1.1)), ('payoff: call if yes', (8.1, 9.9))]
    """
    if isinstance(valuation, ClassificationValuation):
        yield from _of_table(valuation, share)
        yield from _of_reviewer(valuation, share)
    elif isinstance(valuation, RegressionValuation) and isinstance(valuation.payoff, UnitCosts):
        costs = valuation.payoff
        for under in (True, False):
            cost = costs.under if under else costs.over
            ends = (_times(cost, share, -1), _times(cost, share))
            less, more = (
                replace(valuation, payoff=UnitCosts(at, costs.over, costs.caps))
                if under
                else replace(valuation, payoff=UnitCosts(costs.under, at, costs.caps))
                for at in ends
            )
            if cost:
                name = f"payoff: cost of each unit {'under' if under else 'over'}"
                yield PayoffMove(name, ends, less, more, _by(share))


def _of_table(valuation: ClassificationValuation, share: float) -> Iterator[PayoffMove]:
    table = valuation.table
    if not isinstance(table, PayoffTable):
        return
    for action, row in zip(table.actions, table.cells, strict=True):
        same = len(set(row)) == 1
        for place, cell in enumerate(row[:1] if same else row):
            if cell == 0:
                continue
            name = f"payoff: {action}" if same else f"payoff: {action} if {table.labels[place]}"
            less, more = (
                replace(valuation, table=_with(table, action, None if same else place, factor))
                for factor in (1 - share, 1 + share)
            )
            ends = None if isinstance(cell, str) else (_times(cell, share, -1), _times(cell, share))
            yield PayoffMove(name, ends, less, more, _by(share))


def _of_reviewer(valuation: ClassificationValuation, share: float) -> Iterator[PayoffMove]:
    reviewer = valuation.reviewer
    if reviewer is None:
        return
    if reviewer.cost:
        ends = (_times(reviewer.cost, share, -1), _times(reviewer.cost, share))
        less, more = (replace(valuation, reviewer=replace(reviewer, cost=at)) for at in ends)
        yield PayoffMove("payoff: cost of referring", ends, less, more, _by(share))
    if reviewer.accuracy is not None:
        right = reviewer.accuracy
        ends = (max(0.0, round(right - _POINTS, 12)), min(1.0, round(right + _POINTS, 12)))
        less, more = (replace(valuation, reviewer=replace(reviewer, accuracy=at)) for at in ends)
        yield PayoffMove("accuracy of the reviewer", ends, less, more, f"±{_POINTS:g}")


def _with(table: PayoffTable, action: str, place: int | None, factor: float) -> PayoffTable:
    """Return the table with one cell of an action, or all of them, multiplied."""
    cells = tuple(
        tuple(
            _scaled(cell, factor) if name == action and place in {None, number} else cell
            for number, cell in enumerate(row)
        )
        for name, row in zip(table.actions, table.cells, strict=True)
    )
    return replace(table, cells=cells)


def _scaled(cell: Cell, factor: float) -> Cell:
    return f"{factor!r} * ({cell})" if isinstance(cell, str) else cell * factor


def _by(share: float) -> str:
    return f"±{100 * share:g} %"


def _times(number: float, share: float, sign: int = 1) -> float:
    """Return the moved number without the tail of digits that binary fractions leave."""
    return float(f"{number * (1 + sign * share):.12g}")
