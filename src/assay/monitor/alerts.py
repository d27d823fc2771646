"""Alerts: one for each cause, from the window that opened it to the one that closed it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from assay.evidence.digest import digest_of
from assay.evidence.states import AlertState
from assay.monitor.finding import Finding, FindingKind
from assay.stats.estimate import Estimate

__all__ = ["Alert", "Changes", "Escalation", "Judgement", "changes", "follow"]

QUIET = 2
"""Judged windows in a row without the finding that close an alert: one may be chance."""


@dataclass(frozen=True)
class Judgement:
    """What one window of one model version was judged on, and what was found."""

    window: str
    version: int
    judged: frozenset[FindingKind]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Alert:
    """One cause (kind, metric, version) that findings share.

    `id` names model, cause and opening window: judging the same windows again gives the same ids.
    `finding` is the newest one, `windows` every window that had it, `age` how many were judged on
    it since it opened, `closed` the window that closed the alert, and `reason` why.
    """

    id: str
    version: int
    finding: Finding
    windows: tuple[str, ...]
    quiet: int = 0
    closed: str | None = None
    reason: str = ""
    age: int = 1

    @property
    def open(self) -> bool:
        """Whether the cause still holds."""
        return self.closed is None

    @property
    def cause(self) -> tuple[str, str, int]:
        """Kind, metric and version: what makes two findings the same alert."""
        return self.finding.kind, self.finding.metric, self.version

    def document(self) -> dict[str, Any]:
        """Return the content of an `alert.raised` entry, but for its moment."""
        a_day = self.finding.value_per_day
        return {
            "id": self.id,
            "kind": self.finding.kind,
            "metric": self.finding.metric,
            "version": self.version,
            "window": self.windows[-1],
            "windows": list(self.windows),
            "age": self.age,
            "measured": self.finding.measured,
            "limit": self.finding.limit,
            "text": self.finding.text,
            "value_per_day": None if a_day is None else a_day.document(),
        }


@dataclass(frozen=True)
class Escalation:
    """An alert to be said again, by its id in the ledger, and why."""

    id: str
    reason: str
    alert: Alert

    def document(self) -> dict[str, Any]:
        """Return the content of an `alert.escalated` entry, but for its moment."""
        return {**self.alert.document(), "id": self.id, "reason": self.reason}


@dataclass(frozen=True)
class Changes:
    """What the ledger does not know yet.

    Alerts to raise, (id, reason) of those to close, and those to say again.
    """

    raised: tuple[Alert, ...]
    closed: tuple[tuple[str, str], ...]
    escalated: tuple[Escalation, ...] = ()


def follow(model: str, judgements: Sequence[Judgement], *, quiet: int = QUIET) -> tuple[Alert, ...]:
    """Return every alert that judged windows give, in order of opening.

    A finding opens an alert or repeats the open one of its cause; `quiet` judged windows in a
    row without it close the alert, and so does a newer version where its own does not serve
    any more. A window that was not judged on a kind (labels missing) says nothing about it.
    """
    alerts: list[Alert] = []
    live: dict[tuple[str, str, int], int] = {}
    for judgement in judgements:
        found: dict[tuple[str, str, int], Finding] = {
            (one.kind, one.metric, judgement.version): one for one in judgement.findings
        }
        for cause, place in list(live.items()):
            alerts[place] = _next(alerts[place], judgement, found.pop(cause, None), quiet)
            if not alerts[place].open:
                del live[cause]
        for cause, finding in found.items():
            live[cause] = len(alerts)
            alerts.append(_opened(model, judgement, finding))
    return tuple(_retired(alerts, judgements))


def changes(
    alerts: Sequence[Alert],
    recorded: Iterable[AlertState],
    *,
    escalate_after: int = 3,
    now: datetime | None = None,
    kinds: Collection[str] = get_args(FindingKind),
) -> Changes:
    """Compare alerts with those that the ledger has for this model.

    They are the same by id, or by cause where they share a window: labels that come later can
    move the opening. An alert that is open is one that is open in the ledger, if any is; where it
    is closed there it is raised again, for labels can fill a gap as well. An open one in the ledger
    that the windows no longer give is closed. `kinds` that these windows do not give, and what
    people closed by hand, are left alone.

    An open alert is said again once `escalate_after` more windows were judged since it was raised
    and nobody acknowledged it (or muted it, as of `now`), and whenever its loss per day is at least
    twice of what was last said, acknowledged or not. Every other repeat is silent.
    """
    states = [state for state in recorded if state.kind in kinds]
    live = [state for state in states if state.open]
    going_on = {one.id: state for one in alerts if one.open and (state := _recorded(one, live))}
    raised = tuple(one for one in alerts if one.id not in going_on and _unknown(one, states))
    escalated = tuple(
        Escalation(state.id, reason, one)
        for one in alerts
        if (state := going_on.get(one.id))
        and (reason := _grown(one, state) or _unheard(one, state, escalate_after, now))
    )
    kept = {state.id for state in going_on.values()}
    over = [state for state in live if state.id not in kept]
    closed = dict.fromkeys((state.id for state in over), "what is known by now no longer shows it")
    closed |= {
        state.id: one.reason for one in alerts if not one.open and (state := _recorded(one, over))
    }
    closed |= {one.id: one.reason for one in raised if not one.open}
    return Changes(raised, tuple(closed.items()), escalated)


def _grown(alert: Alert, state: AlertState) -> str:
    """Say that the loss doubled, unless its interval reaches down to what was said before."""
    told, now = state.told_per_day, alert.finding.value_per_day
    if told is None or now is None or told.mean <= 0 or now.mean < 2 * told.mean:
        return ""
    if math.isfinite(now.low) and now.low <= told.mean:
        return ""
    return f"the estimated loss doubled, from {_amount(told)} to {_amount(now)}"


def _amount(a_day: Estimate) -> str:
    return (
        f"{a_day.mean:,.0f} {a_day.unit}" if a_day.mean >= 100 else f"{a_day.mean:.3g} {a_day.unit}"
    )


def _unheard(alert: Alert, state: AlertState, after: int, now: datetime | None) -> str:
    """Say for how many windows nobody answered, counted from the window it was raised at."""
    muted = now is not None and state.muted(now)
    waited = alert.age - int(state.data.get("age", 1))
    if state.acknowledged or state.escalated or muted or waited < after:
        return ""
    windows = "1 window" if waited == 1 else f"{waited} windows"
    return f"open for {windows} more, and nobody acknowledged it"


def _recorded(alert: Alert, states: Sequence[AlertState]) -> AlertState | None:
    """Return the newest state that is of this alert: by its id, else by cause and a window."""
    for state in reversed(states):
        if state.id == alert.id:
            return state
    for state in reversed(states):
        if state.cause == alert.cause and set(state.windows) & set(alert.windows):
            return state
    return None


def _unknown(alert: Alert, states: Sequence[AlertState]) -> bool:
    """Whether an alert that is not open in the ledger is to be raised there.

    One that is over already is raised (and closed) where the ledger never heard of it.
    """
    state = _recorded(alert, states)
    return state is None or (alert.open and not state.closed_by)


def _opened(model: str, judgement: Judgement, finding: Finding) -> Alert:
    named = [model, finding.kind, finding.metric, judgement.version, judgement.window]
    return Alert(digest_of(named)[:16], judgement.version, finding, (judgement.window,))


def _next(alert: Alert, judgement: Judgement, finding: Finding | None, quiet: int) -> Alert:
    if judgement.version != alert.version or alert.finding.kind not in judgement.judged:
        return alert
    alert = replace(alert, age=alert.age + 1)
    if finding is not None:
        return replace(alert, finding=finding, windows=(*alert.windows, judgement.window), quiet=0)
    if alert.quiet + 1 < quiet:
        return replace(alert, quiet=alert.quiet + 1)
    windows = "1 window" if quiet == 1 else f"{quiet} windows"
    return replace(alert, closed=judgement.window, reason=f"{windows} in a row without it")


def _retired(alerts: list[Alert], judgements: Sequence[Judgement]) -> list[Alert]:
    """Close the open alerts of versions that the newest judged window does not have."""
    if not judgements:
        return alerts
    newest = judgements[-1].window
    serving = {one.version for one in judgements if one.window == newest}
    return [
        replace(alert, closed=newest, reason=f"version {alert.version} no longer serves")
        if alert.open and alert.version not in serving
        else alert
        for alert in alerts
    ]
