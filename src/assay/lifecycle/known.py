"""What is known at the start of a window: all that a response policy may go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from assay.charter.response import ResponseKind
from assay.lifecycle.response import Option, best
from assay.monitor.finding import Finding

__all__ = ["Known", "ResponsePolicy"]


@dataclass(frozen=True, eq=False)
class Known:
    """One window's start as a response policy sees it; nothing of it comes from the future.

    `window` counts from 0, `n` are the decisions to come in it, `outcomes` those seen so far,
    history included. `version` decides, or the baseline `fallback` in its place. `since_response`
    counts the windows since the last response (1 after a response at the window before; None
    where there was none), `since_retraining` likewise. `held_back` says why nothing may be done
    now (cool-down, cap), and is empty where it may. `currency` is that of all amounts.

    Findings and candidates are made when they are first asked for, and cost time.
    """

    window: int
    name: str
    n: int
    outcomes: int
    version: int
    fallback: str | None
    since_response: int | None
    since_retraining: int | None
    held_back: str
    currency: str
    look: Callable[[], tuple[Finding, ...]]
    judge: Callable[[], tuple[Option, ...]]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What deserves an alert: inputs that moved, value below its floor, stale forecasts."""
        return self.look()

    @cached_property
    def candidates(self) -> tuple[Option, ...]:
        """What could be done, each with its estimated gain; none where too few outcomes came.

        Amounts are in currency per decision, `gain` with its standard `error`, before the `cost`.
        """
        return self.judge()

    @property
    def best(self) -> Option | None:
        """The candidate of highest gain beyond doubt, or None where no gain is."""
        return best(self.candidates)

    def candidate(self, kind: ResponseKind) -> Option | None:
        """Return the candidate of a kind with the highest gain beyond doubt, or None."""
        those = [one for one in self.candidates if one.kind == kind]
        return max(those, key=lambda one: one.beyond_doubt, default=None)

    @property
    def judged(self) -> bool:
        """Whether anybody asked for the candidates."""
        return "candidates" in self.__dict__

    @property
    def alerts(self) -> tuple[str, ...]:
        """The findings in words, where anybody asked for them."""
        if "findings" not in self.__dict__:
            return ()
        return tuple(f"{one.kind}: {one.text}" for one in self.findings)


ResponsePolicy = Callable[[Known], Option | ResponseKind | None]
"""Says what to do at a window's start: a candidate, a kind of response by its name, or nothing.

`retrain` and `escalate` (people are told, nothing changes) can be named at any time, `roll_back`
where something stood before; of the other kinds the best candidate is taken.
"""
