"""Which outcome each action brings about, and after which of them it is seen.

An action that changes the outcome has an outcome of its own; all others share the one that comes
where nobody interferes (potential outcomes: Neyman 1923; Rubin 1974). What an action pays is known
where its outcome is seen, and where it pays the same whatever comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.charter.data import Data
from assay.charter.policy import REFER, Cell
from assay.charter.value import ValueModel

__all__ = ["Potential"]

_UNMOVED = ""
"""The outcome that comes after every action that does not change it."""


@dataclass(frozen=True)
class Potential:
    """A charter's facts on actions and outcomes. An amount decided is no action: it has no name.

    >>> bank = ValueModel.model_validate({"currency": "EUR", "actions": {"call": {"yes": 9,
    ...     "no": -1}, "skip": {"yes": 10, "no": 0}}, "baselines": {"nobody": "skip"},
    ...     "baseline": "nobody", "decisions_per_month": 1000})
    >>> seen = Data(source="x.csv", outcome="y", positive="yes", revealed_by=("call",))
    >>> Potential(bank, seen).hiding, Potential(bank, seen).blind
    (('skip',), ('skip',))
    """

    value: ValueModel
    data: Data

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions by name, `refer` last; none where amounts are decided."""
        plugged = self.value.function.actions if self.value.function is not None else None
        named = tuple(self.value.actions or plugged or ())
        return (*named, REFER) if named and self.value.refer is not None else named

    @property
    def moved(self) -> bool:
        """Whether any action changes the outcome."""
        return bool(self.data.moved_by)

    @property
    def hiding(self) -> tuple[str, ...]:
        """The actions after which the outcome is not seen."""
        return tuple(action for action in self.actions if not self._shows(action))

    @property
    def blind(self) -> tuple[str, ...]:
        """The actions that nobody ever sees the payoff of: they hide what it depends on."""
        return tuple(action for action in self.hiding if self._depends(action))

    @property
    def lost(self) -> tuple[str, ...]:
        """The blind actions whose outcome is not seen after any other action either."""
        seen = {self._outcome(action) for action in self.actions if self._shows(action)}
        return tuple(action for action in self.blind if self._outcome(action) not in seen)

    @property
    def told_by_table(self) -> bool:
        """Whether a table of past outcomes, taken after who knows which action, tells all payoffs.

        It does where all its outcomes are of one kind and no payoff depends on another.
        """
        if not self.actions:
            return not self.moved
        held = {self._outcome(action) for action in self.actions if self._shows(action)}
        read = {self._outcome(action) for action in self.actions if self._depends(action)}
        return not read or (len(held) == 1 and read <= held)

    def unknown_pairs(self) -> Iterator[tuple[str, str]]:
        """Yield each action with a baseline's action, where what came does not tell one from other.

        The first was taken, the second was not; what it would have paid above or below is unknown.
        """
        rule = str(self.value.baselines.get(self.value.baseline, ""))
        base = (rule,) if rule in self.actions else self.actions
        for action in self.actions:
            yield from ((action, other) for other in base if not self._told(action, other))

    def _told(self, action: str, other: str) -> bool:
        """Whether a case in which one action was taken tells what it paid above another."""
        if action == other:
            return True
        shows = self._shows(action)
        if self._outcome(action) == self._outcome(other):
            return shows or not self._differs(action, other)
        return (shows or not self._depends(action)) and not self._depends(other)

    def _shows(self, action: str) -> bool:
        shown = self.data.revealed_by
        return not shown or action in shown

    def _outcome(self, action: str) -> str:
        """Return which of the potential outcomes an action brings about.

        A person to whom a case is referred may take an action that changes it.
        """
        moves = action in self.data.moved_by or (action == REFER and self.moved)
        return action if moves else _UNMOVED

    def _depends(self, action: str) -> bool:
        """Whether what an action pays depends on the outcome."""
        cells = self._cells(action)
        return cells is None or _vary(cells, {})

    def _differs(self, action: str, other: str) -> bool:
        """Whether what an action pays above another depends on the outcome."""
        own, base = self._cells(action), self._cells(other)
        return own is None or base is None or _vary(own, base)

    def _cells(self, action: str) -> dict[str, Cell] | None:
        """Return what an action pays given each outcome; empty: the same; None: nobody can say."""
        if self.value.actions is None or action not in self.value.actions:
            return None
        cells = self.value.actions[action]
        return cells if isinstance(cells, dict) else {}


def _vary(own: dict[str, Cell], base: dict[str, Cell]) -> bool:
    """Whether payoffs above others vary with the outcome; a formula is like itself alone."""
    gains = [_gain(own, base, label) for label in sorted({*own, *base})]
    return any(gain != gains[0] for gain in gains[1:])


def _gain(own: dict[str, Cell], base: dict[str, Cell], label: str) -> Any:
    cells = (own.get(label, 0.0), base.get(label, 0.0))
    if any(isinstance(cell, str) for cell in cells):
        return cells
    return float(cells[0]) - float(cells[1])
