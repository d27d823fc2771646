"""Which response is proposed, and when none is: a pure choice that never goes in a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist

from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.charter.delay import rows_or_time
from assay.charter.response import ResponseKind
from assay.evidence.response_fold import ResponsesState, ResponseState
from assay.evidence.states import AlertState
from assay.lifecycle.proposal import Proposal, Remedy, signers
from assay.stats.estimate import Estimate

__all__ = ["FALSE_PROPOSALS", "Judged", "Mark", "Plan", "best", "beyond_doubt", "plan", "resting"]

FALSE_PROPOSALS = 0.1
"""How often, at most, something is proposed where no response would bring anything."""

_HALF_WIDTH = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Mark:
    """A moment of a use case: the time, and how many decisions had been served by then."""

    at: datetime
    served: int


@dataclass(frozen=True)
class Judged:
    """Every remedy for what stands, on the newest cases, with how many and which those are.

    `standing` is the version's number, `since` when it was made. `words` say why nothing could be
    judged, where that is so: `remedies` then only hold what needs no judging.
    """

    remedies: tuple[Remedy, ...]
    standing: int
    since: Mark
    now: Mark
    cases: int = 0
    data: str = ""
    windows: tuple[str, ...] = ()
    words: str = ""

    @property
    def expected(self) -> tuple[tuple[str, Estimate, str], ...]:
        """What each response judged is expected to bring a day net of its cost, the best first.

        Its words, the estimate, and a remark where the figure is not identified or is not sure.
        """
        told = [(one.text, one.net, _remark(one, self)) for one in self.remedies]
        ranked = [(text, net, remark) for text, net, remark in told if net is not None]
        return tuple(sorted(ranked, key=lambda one: -one[1].mean))


@dataclass(frozen=True)
class Plan:
    """What is to be written: proposals that ran out, with why, and at most one new one."""

    expired: tuple[tuple[str, str], ...] = ()
    proposal: Proposal | None = None
    words: tuple[str, ...] = ()


def best(remedies: Sequence[Remedy]) -> Remedy | None:
    """Return the remedy of highest gain beyond doubt; None where no gain is.

    What is not identified is never chosen, however much it promises.
    """
    judged = [one for one in remedies if one.identified]
    sure = [(doubted, one) for one in judged if (doubted := beyond_doubt(one, len(judged))) > 0]
    return max(sure, key=lambda pair: pair[0], default=(0.0, None))[1]


def beyond_doubt(remedy: Remedy, among: int) -> float:
    """Return what a remedy surely brings a day, net of its cost, being one among so many.

    The lower half of its interval is stretched so that all of them together exceed the truth in at
    most `FALSE_PROPOSALS` of looks (Bonferroni, one-sided). What is chosen for being high
    still flatters: its estimate is right before the choice.
    """
    net = remedy.net
    if net is None:
        return 0.0
    stretch = NormalDist().inv_cdf(1 - FALSE_PROPOSALS / max(among, 1)) / _HALF_WIDTH
    return net.mean - stretch * (net.mean - net.low)


def resting(charter: Charter, taken: Sequence[ResponseState], now: Mark) -> str | None:
    """Say why nothing may be done yet: too soon after a response, or too many; None where it may.

    Asking people changes nothing and does not count.
    """
    response = charter.response
    counted = [one for one in taken if one.kind != "escalate"]
    pause = Span(count=response.cooldown, unit="window")
    if counted and response.cooldown and _within(charter, counted[-1], pause, now):
        return (
            f"The last response ({_said(counted[-1])}) is less than `response.cooldown` "
            f"({response.cooldown} windows) ago."
        )
    lately = [one for one in counted if _within(charter, one, response.period, now)]
    if len(lately) >= response.most:
        return (
            f"There {'was' if len(lately) == 1 else 'were'} {len(lately)} "
            f"response{'' if len(lately) == 1 else 's'} within `response.period` "
            f"({response.period}), and `response.most` is {response.most}: see why none helped."
        )
    return None


def _remark(one: Remedy, judged: Judged) -> str:
    if not one.identified:
        return "not identified"
    among = sum(each.identified for each in judged.remedies)
    return "" if beyond_doubt(one, among) > 0 else "not sure"


def plan(
    charter: Charter,
    judged: Judged,
    alerts: Sequence[AlertState],
    states: ResponsesState,
    *,
    muted: Sequence[AlertState] = (),
    waiting: str = "",
    asked: ResponseKind | None = None,
) -> Plan:
    """Return what is to be proposed now, if anything, and which proposal has run out.

    `alerts` are those open and not muted; those `muted` start nothing, and keep alive what answers
    them. `waiting` says what must be settled first, such as a release that is being tried. A person
    may ask for one kind: then neither an alert nor a sure gain is needed. One proposal waits at a
    time; what was declined is not proposed again until the version, the alerts or (wholly above
    what was declined) the gain are others.
    """
    open_ = states.open
    expired: tuple[tuple[str, str], ...] = ()
    if open_ is not None:
        why = _run_out(open_, judged, (*alerts, *muted))
        if why is None:
            return Plan(words=(f"The proposal {open_.id} waits: {_said(open_)}.",))
        expired = ((open_.id, why),)
    if waiting:
        return Plan(expired, None, (waiting,))
    rest = resting(charter, states.taken, judged.now)
    if rest is not None:
        return Plan(expired, None, (rest,))
    chosen, words = _chosen(charter, judged, alerts, states, asked)
    if chosen is None:
        return Plan(expired, None, words)
    return Plan(expired, _proposal(charter, judged, chosen, alerts), words)


def _chosen(
    charter: Charter,
    judged: Judged,
    alerts: Sequence[AlertState],
    states: ResponsesState,
    asked: ResponseKind | None,
) -> tuple[Remedy | None, tuple[str, ...]]:
    if asked is not None:
        return _asked(judged, asked)
    if charter.response.policy == "static":
        return None, ("The charter's `response.policy` is static: nothing is proposed.",)
    if charter.response.policy == "scheduled":
        return _due(charter, judged, states)
    if not alerts:
        return None, ("No alert is open: nothing is proposed.",)
    found = best(judged.remedies)
    if found is None:
        return _escalated(judged, alerts, states)
    declined = _declined(found, judged, alerts, states)
    if declined is not None:
        return None, (f"{declined.by} declined this: {declined.reason}",)
    return found, ()


def _asked(judged: Judged, kind: ResponseKind) -> tuple[Remedy | None, tuple[str, ...]]:
    """Return the remedy of a kind that promises most, whether or not that is sure."""
    named = [one for one in judged.remedies if one.kind == kind]
    if not named:
        return None, (f"There is nothing to {kind.replace('_', ' ')} here.",)
    return max(named, key=lambda one: one.net.mean if one.net else float("-inf")), ()


def _due(
    charter: Charter, judged: Judged, states: ResponsesState
) -> tuple[Remedy | None, tuple[str, ...]]:
    every = rows_or_time(Span(count=charter.response.every, unit="window"), charter)
    last = _mark(states.taken[-1], judged.since) if states.taken else judged.since
    last = max(last, judged.since, key=lambda one: one.at)
    if not _passed(last, judged.now, every):
        return None, (f"The next retraining comes every {charter.response.every} windows.",)
    return next((one for one in judged.remedies if one.kind == "retrain"), None), ()


def _escalated(
    judged: Judged, alerts: Sequence[AlertState], states: ResponsesState
) -> tuple[Remedy | None, tuple[str, ...]]:
    """Ask people once about each alert that no response clearly answers."""
    told = {
        id_
        for one in states.every
        if one.kind == "escalate" and one.status != "expired"
        for id_ in one.proposed.get("alerts", ())
    }
    why = judged.words or "No response clearly pays more than what stands."
    if {alert.id for alert in alerts} <= told:
        return None, (why, "People were asked about these alerts already.")
    return next((one for one in judged.remedies if one.kind == "escalate"), None), (why,)


def _declined(
    found: Remedy, judged: Judged, alerts: Sequence[AlertState], states: ResponsesState
) -> ResponseState | None:
    """Return the refusal that still stands against a remedy."""
    for one in reversed(states.every):
        if one.status != "declined" or (one.kind, one.proposed["target"]) != (
            found.kind,
            found.target,
        ):
            continue
        before = Remedy.from_document(one.proposed["chosen"]).net
        new = {alert.id for alert in alerts} - set(one.proposed["alerts"])
        more = before and found.net and found.net.low > before.high
        same = one.proposed["standing"] == judged.standing
        return one if same and not new and not more else None
    return None


def _run_out(one: ResponseState, judged: Judged, alerts: Sequence[AlertState]) -> str | None:
    """Say why an open proposal holds no more; None where it does."""
    if one.proposed["standing"] != judged.standing:
        return f"version {one.proposed['standing']} no longer stands"
    answered = set(one.proposed["alerts"])
    if answered and not answered & {alert.id for alert in alerts}:
        return "the alerts that it answers are closed"
    named = (one.kind, one.proposed["target"])
    now = next((each for each in judged.remedies if (each.kind, each.target) == named), None)
    if one.kind != "escalate" and now is not None and now.net is not None and now.net.high < 0:
        return f"on the newest cases it would bring {now.net!r}"
    return None


def _proposal(
    charter: Charter, judged: Judged, chosen: Remedy, alerts: Sequence[AlertState]
) -> Proposal:
    return Proposal(
        chosen=chosen,
        remedies=judged.remedies,
        standing=judged.standing,
        alerts=tuple(dict.fromkeys(alert.id for alert in alerts)),
        data=judged.data,
        cases=judged.cases,
        windows=judged.windows,
        alone=chosen.kind in charter.response.alone,
        needs=signers(charter, chosen.kind),
    )


def _within(charter: Charter, one: ResponseState, span: Span, now: Mark) -> bool:
    return not _passed(_mark(one, now), now, rows_or_time(span, charter))


def _mark(one: ResponseState, now: Mark) -> Mark:
    """Return when a response was taken, in time and in decisions served."""
    served = int((one.taken or {}).get("served", now.served))
    return Mark(one.ended or now.at, served)


def _passed(start: Mark, now: Mark, span: int | timedelta) -> bool:
    if isinstance(span, timedelta):
        return now.at - start.at >= span
    return now.served - start.served >= span


def _said(one: ResponseState) -> str:
    return str(one.proposed.get("text", one.kind))
