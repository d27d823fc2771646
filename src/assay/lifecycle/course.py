"""One policy's course: at the start of each window it looks, responds or not, and then decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from assay.charter.charter import Charter
from assay.charter.response import ResponseKind
from assay.errors import InputError
from assay.lifecycle.accounts import Life
from assay.lifecycle.history import History
from assay.lifecycle.known import Known
from assay.lifecycle.pace import Pace
from assay.lifecycle.play import Play, Revealing
from assay.lifecycle.policies import Decider
from assay.lifecycle.response import LEAST_LABELS, Newest, Option, options
from assay.lifecycle.standing import Shelf, Standing
from assay.lifecycle.timeline import Period
from assay.lifecycle.watch import Watch

__all__ = ["Course", "Labels", "Progress", "Rules"]

Labels = Literal["selected", "all"]
Progress = Callable[[float, str], None]
"""Called with the share of the work that is done, 0 to 1, and a word on what is being done."""


@dataclass(frozen=True)
class Rules:
    """What all policies of a replay share; `explored` is the share of random actions."""

    charter: Charter
    labels: Labels
    explored: float
    seed: int

    def revealing(self, actions: tuple[str, ...]) -> Revealing:
        """Return which actions show an outcome."""
        hides = self.labels == "selected"
        names = self.charter.data.revealed_by if hides else ()
        return Revealing(names, actions, self.explored)


class Course:
    """One policy on its way through the windows: what it sees, what it does about it."""

    def __init__(self, rules: Rules, history: History, shelf: Shelf, decider: Decider) -> None:
        self.rules = rules
        self.history = history
        self.shelf = shelf
        self.decider = decider
        self.line = history.line
        self.play = Play(history, rules.revealing(history.valuation.actions), rules.seed)
        self.watch = Watch(history, rules.charter, rules.seed)
        self.pace = Pace.of(rules.charter, history.line)
        self.life = Life(decider.name, self.play)

    def live(self, start: Standing, tell: Progress) -> Life:
        """Decide every window and return what happened."""
        standing = start
        for period in self.line.periods:
            tell(period.index / len(self.line.periods), f"{self.decider.name}: {period.name}")
            known = self._known(standing, period)
            asked = self.decider.ask(known)
            standing, response, reason = self._answer(asked, known, standing, period)
            self.play.live(period, standing)
            self.life.note(known.alerts, response, reason)
        return self.life

    def _known(self, now: Standing, period: Period) -> Known:
        made, retrained = self.life.responses(), self.life.responses("retrain")
        return Known(
            window=period.index,
            name=period.name,
            n=period.n,
            outcomes=len(self.play.seen(period.known)),
            version=now.version,
            fallback=now.fallback,
            since_response=period.index - made[-1] if made else None,
            since_retraining=period.index - retrained[-1] if retrained else None,
            held_back=self.pace.held_back(period.index, made) if self.decider.paced else "",
            currency=self.history.valuation.currency,
            look=lambda: self.watch.findings(self.play, now, period),
            judge=lambda: self._candidates(now, period),
        )

    def _answer(
        self,
        asked: Option | ResponseKind | None,
        known: Known,
        now: Standing,
        period: Period,
    ) -> tuple[Standing, ResponseKind | None, str]:
        """Do what was asked, if it may be done now; return what stands, what was done and why."""
        if asked is None:
            return now, None, _silence(known)
        kind = asked.kind if isinstance(asked, Option) else asked
        if kind == "escalate":
            return now, kind, self.decider.says
        if known.held_back:
            return now, None, f"{kind.replace('_', ' ')} held back: {known.held_back}"
        if isinstance(asked, Option):
            return asked.make(), kind, asked.reason(known.currency)
        return self._by_name(kind, known, now, period), kind, self.decider.says

    def _by_name(self, kind: ResponseKind, known: Known, now: Standing, period: Period) -> Standing:
        """Make what a policy named without judging it; InputError where it cannot be made."""
        if kind == "retrain":
            return self._retrained(now, period)
        if kind == "roll_back" and now.former is not None:
            return now.former
        found = known.candidate(kind)
        if found is not None:
            return found.make()
        if kind == "fall_back":
            return now.replaced_by(self.history.valuation.baseline_name)
        why = (
            "nothing stood before"
            if kind == "roll_back"
            else "there are too few outcomes, or the policy has nothing to learn"
        )
        raise InputError(
            f"The response policy {self.decider.name} asked to {kind.replace('_', ' ')} at the "
            f"window {known.name}, and {why}. Ask for it only where `known.candidate({kind!r})` "
            "is not None."
        )

    def _retrained(self, now: Standing, period: Period) -> Standing:
        seen = self.play.seen(period.known)
        return replace(self.shelf.again(seen, period.known, self.life.newest + 1), former=now)

    def _candidates(self, now: Standing, period: Period) -> tuple[Option, ...]:
        """Judge what could be done by the newest outcomes; nothing where too few came."""
        newest = self._newest(period)
        if newest is None:
            return ()
        response, value = self.rules.charter.response, self.rules.charter.value
        served = response.every * self.line.periods[0].n
        return options(
            now,
            newest,
            self.history.valuation,
            lambda: self._retrained(now, period),
            value.retraining_cost / served,
        )

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


def _silence(known: Known) -> str:
    """Say why nothing was asked for, where somebody looked."""
    if known.judged:
        if known.candidates:
            return "no response pays more beyond doubt"
        return "too few outcomes seen to judge a response"
    return known.held_back if known.alerts else ""
