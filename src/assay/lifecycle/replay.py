"""Replay: a charter's policies lived through time-ordered history, outcomes coming late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from assay.build.quality import with_outcome
from assay.charter.charter import Charter
from assay.lifecycle.accounts import Life, closed
from assay.lifecycle.books import Replay
from assay.lifecycle.history import History
from assay.lifecycle.play import Play, Revealing
from assay.lifecycle.response import LEAST_LABELS, Newest, best, options
from assay.lifecycle.standing import Shelf, Standing
from assay.lifecycle.timeline import Period, Timeline, timeline
from assay.lifecycle.trainer import BuildTrainer, Trainer
from assay.lifecycle.watch import Watch
from assay.value.valuation import valuation

__all__ = ["POLICIES", "Labels", "PolicyName", "replay"]

PolicyName = Literal["static", "scheduled", "triggered"]
Labels = Literal["selected", "all"]
Progress = Callable[[float, str], None]
POLICIES: tuple[PolicyName, ...] = ("static", "scheduled", "triggered")


def replay(
    frame: pl.DataFrame,
    charter: Charter,
    *,
    first: int | None = None,
    labels: Labels = "selected",
    policies: Sequence[PolicyName] = POLICIES,
    every: int | None = None,
    trainer: Trainer | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Replay:
    """Train on the first rows, then decide window by window as each policy would have.

    A window is decided by what was known at its start: inputs of the windows before, and the
    outcomes that had arrived by then. `static` keeps the first model; `scheduled` trains
    anew every `every` windows; `triggered` looks for a response when Assay's own monitor raises
    an alert, and takes the one whose gain is clearest, if any is. With `labels="selected"` an
    outcome shows only after an action in `data.revealed_by`; `"all"` shows each after its delay.

    `first` is the number of rows of history (half of the rows where not given). All of the
    history's outcomes are seen once they have matured. Raises DataError where the table, its order
    or its length do not allow a replay.
    """
    seed = charter.build.seed if seed is None else seed
    valued = valuation(charter.value, charter.data)
    line = timeline(with_outcome(frame, charter, valued), charter, first)
    history = History(line, charter, valued)
    maker = BuildTrainer(charter, valued) if trainer is None else trainer
    shelf = Shelf(maker, history, charter.response.training_rows)
    tell = progress or (lambda _share, _what: None)
    tell(0.0, f"training on the first {line.periods[0].known} rows")
    start = shelf.first(line.periods[0].known)
    history.valuation = start.model.valuation
    rules = Rules(charter, labels, every or charter.response.every, seed)
    lives = []
    for number, name in enumerate(policies):
        life = _Run(rules, history, shelf, name).live(start, _part(tell, number, len(policies)))
        lives.append(life)
    tell(1.0, "done")
    return closed(charter, history, lives, labels, seed)


def _part(tell: Progress, number: int, count: int) -> Progress:
    return lambda share, what: tell(0.1 + 0.9 * (number + share) / count, what)


@dataclass(frozen=True)
class Rules:
    """What all policies of a replay share."""

    charter: Charter
    labels: Labels
    every: int
    seed: int

    def revealing(self, actions: tuple[str, ...]) -> Revealing:
        """Return which actions show an outcome."""
        named = self.charter.data.revealed_by
        codes = tuple(actions.index(action) for action in named)
        hides = self.labels == "selected" and bool(named)
        share = self.charter.release.exploration_share
        return Revealing(codes if hides else None, len(actions), share)


class _Run:
    """One policy on its way through the windows."""

    def __init__(self, rules: Rules, history: History, shelf: Shelf, name: PolicyName) -> None:
        self.rules = rules
        self.history = history
        self.shelf = shelf
        self.name = name
        self.line: Timeline = history.line
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
