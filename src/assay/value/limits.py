"""What there is not enough of for everybody: places, hours, money for letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import REFER, Budget, Capacity, Cell, TopK
from assay.expression import Expression, parse
from assay.value.payoff import Caps, Columns, Floats, capped, finite

__all__ = ["Limit"]


@dataclass(frozen=True)
class Limit:
    """At most `amount` in every window of `of` cases, of which each action uses up `costs[a]`.

    `per` is the window's name where it is one of time; `of` is then its mean number of cases.

    >>> limit = Limit.read(TopK(action="call", k=200, per="month"), ("call", "skip"), volume=1000)
    >>> limit.share(50), limit.use({}, 50, {})
    (10.0, array([[1., 0.]]))
    """

    name: str
    costs: tuple[Cell, ...]
    amount: float
    of: float
    per: Literal["day", "week", "month"] | None
    whole: bool = True

    @classmethod
    def read(
        cls, given: TopK | Budget | Capacity, actions: tuple[str, ...], volume: float | None
    ) -> Limit:
        """Return the limit that a charter gives; `volume` is the decisions per month.

        ValueError where the window is one of time and the volume is not known.
        """
        if given.per is not None and volume is None:
            raise ValueError(f"a limit per {given.per} needs the number of decisions per month")
        window = given.cases(volume or 0.0)
        if isinstance(given, Budget):
            costs = tuple(given.costs.get(action, 0.0) for action in actions)
            return cls("budget", costs, given.amount, window, given.per, whole=False)
        limited = given.action if isinstance(given, TopK) else REFER
        costs = tuple(float(action == limited) for action in actions)
        name = f"capacity of {limited}"
        return cls(name, costs, float(given.k), window, given.per)

    @property
    def text(self) -> str:
        """The limit in words: `200 per day`, `1 of 10`."""
        amount = f"{self.amount:,.6g}"
        return f"{amount} of {self.of:,.6g}" if self.per is None else f"{amount} per {self.per}"

    @property
    def columns(self) -> frozenset[str]:
        """The input columns that costs read."""
        return frozenset().union(*(_formula(cost).columns for cost in self.costs))

    def share(self, n: int) -> float:
        """Return how much there is for n cases; of places, whole ones."""
        found = n * self.amount / self.of
        return float(np.floor(found + 1e-9)) if self.whole else found

    def use(self, columns: Columns, n: int, caps: Caps) -> Floats:
        """Return what each action uses up in each case, (1, A), or (n, A) where that differs."""
        read = capped(columns, self.columns, caps)
        parts = [finite(_formula(cost), read) for cost in self.costs]
        return np.column_stack([np.broadcast_to(part, n if read else 1) for part in parts])

    def late(self, used: Floats) -> NDArray[np.bool_]:
        """Return which cases come when a window's amount is gone; `used` (n,) in order of coming.

        What a window of cases leaves over is there for the next; a day's is not, and a day has
        the mean number of cases here. The last window has its share.

        >>> limit = Limit.read(TopK(action="call", k=1, of=2), ("call", "skip"), volume=None)
        >>> limit.late(np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0]))
        array([False, False, False, False, False, False])
        >>> limit.late(np.array([1.0, 1.0, 1.0, 0.0]))
        array([False,  True, False, False])
        """
        n, late, left = len(used), np.zeros(len(used), dtype=np.bool_), 0.0
        window = max(1, min(n, round(self.of)))
        for start in range(0, n, window):
            here = used[start : start + window]
            left = self.share(len(here)) + (left if self.per is None else 0.0)
            beyond = (np.cumsum(here) > left + 1e-9) & (here > 0)
            late[start : start + window] = beyond
            left -= float(here[~beyond].sum())
        return late


def _formula(cost: Cell) -> Expression:
    return parse(str(cost))
