"""One policy's course: at the start of each window it looks, responds or not, and then decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.charter.charter import Charter
from assay.lifecycle.accounts import Life
from assay.lifecycle.history import History
from assay.lifecycle.play import Play, Revealing
from assay.lifecycle.response import LEAST_LABELS, Newest, best, options
from assay.lifecycle.standing import Shelf, Standing
from assay.lifecycle.timeline import Period
from assay.lifecycle.watch import Watch

__all__ = ["Course", "Labels", "PolicyName", "Progress", "Rules"]

PolicyName = Literal["static", "scheduled", "triggered"]
Labels = Literal["selected", "all"]
Progress = Callable[[float, str], None]
"""Called with the share of the work that is done, 0 to 1, and a word on what is being done."""


@dataclass(frozen=True)
class Rules:
    """What all policies of a replay share."""

    charter: Charter
    labels: Labels
    every: int
    seed: int

    def revealing(self, actions: tuple[str, ...]) -> Revealing:
        """Return which actions show an outcome."""
        hides = self.labels == "selected"
        names = self.charter.data.revealed_by if hides else ()
        return Revealing(names, actions, self.charter.release.exploration_share)


class Course:
    """One policy on its way through the windows: what it sees, what it does about it."""

    def __init__(self, rules: Rules, history: History, shelf: Shelf, name: PolicyName) -> None:
        self.rules = rules
        self.history = history
        self.shelf = shelf
        self.name = name
        self.line = history.line
        self.play = Play(history, rules.revealing(history.valuation.actions), rules.seed)
        self.watch = Watch(history, rules.charter, rules.seed)

    def live(self, start: Standing, tell: Progress) -> Life:
        """Decide every window and return what happened."""
        life, standing, rested = Life(self.name, self.play), start, np.inf
        for period in self.line.periods:
            tell(period.index / len(self.line.periods), f"{self.name}: {period.name}")
            alerts: tuple[str, ...] = ()
            response, reason = None, ""
            if self.name == "triggered":
                found = self.watch.findings(self.play, standing, period)
                alerts = tuple(f"{one.kind}: {one.text}" for one in found)
                if alerts and rested >= self.rules.charter.response.cooldown:
                    standing, response, reason = self._respond(standing, period)
            elif self.name == "scheduled" and period.index and period.index % self.rules.every == 0:
                standing = self._retrained(standing, period)
                response, reason = "retrain", f"every {self.rules.every} windows"
            rested = 0 if response else rested + 1
            self.play.live(period, standing)
            life.note(alerts, response, reason)
        return life

    def _retrained(self, standing: Standing, period: Period) -> Standing:
        seen = self.play.seen(period.known)
        return self.shelf.again(seen, period.known, standing.version + 1)

    def _respond(self, now: Standing, period: Period) -> tuple[Standing, str | None, str]:
        """Choose a response by the newest outcomes; keep what stands where none pays."""
        newest = self._newest(period)
        if newest is None:
            return now, None, "too few outcomes seen to judge a response"
        response, value = self.rules.charter.response, self.rules.charter.value
        served = response.every * self.line.periods[0].n
        found = options(
            now,
            newest,
            self.history.valuation,
            lambda: self._retrained(now, period),
            value.retraining_cost / served,
        )
        chosen = best(found)
        if chosen is None:
            return now, None, "no response pays more beyond doubt"
        return chosen.make(), chosen.kind, chosen.reason(value.currency)

    def _newest(self, period: Period) -> Newest | None:
        """Collect outcomes that came since the last window began, or further back if too few."""
        for before in reversed([lived for lived, _ in self.play.lived]):
            rows = self.play.seen(period.known, before.known)
            if len(rows) >= LEAST_LABELS:
                break
        else:
            return None
        # What a retraining would have served on these rows: one from outcomes known back then.
        known = int(self.line.known[rows[0]])
        taught = self.play.seen(known)
        if len(taught) < LEAST_LABELS:
            return None
        span = np.arange(before.known, period.known)
        return Newest(
            rows=rows,
            outcomes=self.history.outcomes(rows, period.known),
            columns=self.history.columns(rows),
            weights=1 / self.play.chance[rows],
            n=int((self.play.chance[span] > 0).sum()),
            inputs=self.history.inputs(rows),
            shadow=self.shelf.again(taught, known, 0),
        )
