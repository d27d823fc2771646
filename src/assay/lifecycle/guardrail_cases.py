"""Which cases say something about a release's guardrails, in order of assignment.

They await no outcome: a case speaks as soon as it was answered. Several cases of one entity hang
together, and so do the rows of one request in how long they took; so the first case of each entity
speaks (of slow answers: the first of each entity and request), and none after it. Which one is
first does not change, so that looking again repeats every earlier look; and the limit is one on
the share of first cases. Errors are counted by request, each once, since a request that failed may
not say whose it was; one that failed by our fault and does not say on which arm is one of which
nothing is known. Rows whose action chance decided (exploration) say nothing about actions.

Of a shadow's copy that a gateway dropped nothing is known, and it counts against each claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from assay.charter.policy import REFER
from assay.charter.release import ReleaseGuardrail
from assay.deploy.guardrail_condition import GuardrailCondition, Said
from assay.evidence.states import CONTROL_ARM, ReleaseState
from assay.lifecycle.paired_units import Pair
from assay.lifecycle.release_course import belongs, share_of_record, steps_of
from assay.value.labels import label_text

__all__ = ["Spoken", "condition_of", "said_by_copies", "said_in_canary", "said_in_stages"]

Record = Mapping[str, Any]

_UNKNOWN = float("nan")
_OURS = 500


@dataclass(frozen=True)
class Spoken:
    """What cases say about one condition, in order of time, and when each did."""

    condition: GuardrailCondition
    times: Sequence[datetime]
    said: Said


class _Case(NamedTuple):
    """One case: bad (1), not (0), or not known (NaN); `other` is the other arm's, where it ran."""

    at: datetime
    bad: float
    challenger: bool = True
    share: float = 1.0
    other: float = 0.0


def condition_of(guardrail: ReleaseGuardrail) -> GuardrailCondition:
    """Return a charter's guardrail as a condition of a rollout."""
    return GuardrailCondition(guardrail.label, guardrail.limit, guardrail.compared)


def said_in_canary(
    guardrail: ReleaseGuardrail,
    records: Iterable[Record],
    failures: Iterable[Record],
    state: ReleaseState,
) -> Spoken:
    """Return what the cases of a running canary say: the challenger's, compared those of both.

    Records are in order of time.
    """
    steps, condition = steps_of(state), condition_of(guardrail)
    arms = (state.against, "challenger") if guardrail.compared else ("challenger",)
    fresh, cases = _first(guardrail), []
    failed = list(_failures(guardrail, failures, state))
    for one in _in_time(records, failed) if failed else records:
        arm = _arm_of(one, state)
        share = share_of_record(one, steps) if arm in arms else 0.0
        if share > 0 and _speaks(guardrail, one, fresh):
            cases.append(_Case(_at(one), _bad(guardrail, one), arm == "challenger", share))
    on = np.array([case.challenger for case in cases], dtype=np.bool_)
    shares = np.array([case.share for case in cases], dtype=np.float64)
    said = condition.split([case.bad for case in cases], on, shares)
    return Spoken(condition, [case.at for case in cases], said)


def said_by_copies(
    guardrail: ReleaseGuardrail,
    pairs: Iterable[Pair],
    failures: Iterable[Record],
    state: ReleaseState,
) -> Spoken:
    """Return what the copies say that a running shadow scored, and those that it lacks.

    A copy that failed is one of the requests that failed, on the arm `shadow`.
    """
    condition, fresh, cases = condition_of(guardrail), _first(guardrail), []
    for pair in pairs:
        told = pair.copy or pair.record
        by_chance = guardrail.compared and _by_chance(guardrail, pair.record)
        if by_chance or not _concerns(guardrail, told) or not fresh(pair.record):
            continue
        bad = _UNKNOWN if pair.copy is None else _bad(guardrail, pair.copy)
        cases.append(_Case(_at(pair.record), bad, other=_bad(guardrail, pair.record)))
    failed = [one for one in _failures(guardrail, failures, state) if one.get("arm") == "shadow"]
    cases += [_Case(_at(one), 1.0) for one in failed]
    cases.sort(key=lambda case: case.at)
    said = condition.paired([case.other for case in cases], [case.bad for case in cases])
    return Spoken(condition, [case.at for case in cases], said)


def said_in_stages(
    guardrail: ReleaseGuardrail,
    records: Iterable[Record],
    failures: Iterable[Record],
    state: ReleaseState,
) -> Spoken:
    """Return what the cases of a staged release's version say, which it decided itself.

    A request that failed by our fault and does not tell its version may have been its own.
    """
    condition, fresh, version = condition_of(guardrail), _first(guardrail), _challenger(state)
    taken = (one for one in records if one["arm"] != CONTROL_ARM)
    failed = (
        one
        for one in _failures(guardrail, failures, state)
        if one.get("version") == version or _of_no_version(one)
    )
    told = [one for one in _in_time(taken, failed) if _speaks(guardrail, one, fresh)]
    said = condition.alone(
        [_UNKNOWN if _of_no_version(one) else _bad(guardrail, one) for one in told]
    )
    return Spoken(condition, [_at(one) for one in told], said)


def _speaks(guardrail: ReleaseGuardrail, record: Record, fresh: Callable[[Record], bool]) -> bool:
    """Whether a record says something: it is a case of the condition, and the first of its unit."""
    if _by_chance(guardrail, record) or not _concerns(guardrail, record):
        return False
    return fresh(record)


def _by_chance(guardrail: ReleaseGuardrail, record: Record) -> bool:
    return guardrail.metric in {"referrals", "action"} and bool(record.get("explored"))


def _concerns(guardrail: ReleaseGuardrail, record: Record) -> bool:
    """Whether a record is a case of the condition: of its group, where it names one."""
    if guardrail.column is None:
        return True
    value = record["inputs"].get(guardrail.column)
    return value is not None and label_text(value) == guardrail.group


def _bad(guardrail: ReleaseGuardrail, record: Record) -> float:
    """Return 1 where a record is a bad case, 0 where not, NaN where that is not known."""
    if guardrail.metric == "errors":
        if not record.get("failed"):
            return 0.0
        unknown = _of_nobody(record) or (guardrail.compared and not record.get("entity"))
        return _UNKNOWN if unknown else 1.0
    if guardrail.metric == "latency":
        took = record.get("latency_ms")
        return _UNKNOWN if took is None else float(took > (guardrail.above_ms or 0.0))
    wished = REFER if guardrail.metric == "referrals" else guardrail.action
    return float((record["decision"] == wished) == (guardrail.metric == "referrals"))


def _of_nobody(failure: Record) -> bool:
    """Whether a request failed by our fault (5xx), and its record does not tell on which arm."""
    told = failure.get("arm") or failure.get("version") is not None
    return bool(failure.get("failed")) and not told and failure["status"] >= _OURS


def _of_no_version(record: Record) -> bool:
    """Whether a request failed by our fault, and its record does not tell by which version.

    In stages each version is champion somewhere, so that an arm tells nothing.
    """
    lacks = record.get("version") is None
    return bool(record.get("failed")) and lacks and record["status"] >= _OURS


def _first(guardrail: ReleaseGuardrail) -> Callable[[Record], bool]:
    """Return what says whether a record is the first of its unit; it remembers those before."""
    seen: set[tuple[str, str]] = set()
    by_request = guardrail.metric in {"errors", "latency"}
    by_entity = guardrail.metric != "errors" or guardrail.compared

    def fresh(record: Record) -> bool:
        keys = _keys(record, by_request=by_request, by_entity=by_entity)
        if any(key in seen for key in keys):
            return False
        seen.update(keys)
        return True

    return fresh


def _keys(record: Record, *, by_request: bool, by_entity: bool) -> list[tuple[str, str]]:
    """Return what a record has in common with those that hang together with it."""
    name, keys = str(record.get("id") or ""), []
    if by_request and name:
        keys.append(("request", name.rpartition("/")[0] or name))
    if by_entity:
        unit = str(record.get("entity") or "") or name
        if unit:
            keys.append(("unit", unit))
    return keys


def _failures(
    guardrail: ReleaseGuardrail, failures: Iterable[Record], state: ReleaseState
) -> Iterator[Record]:
    """Yield the requests that failed since the release's start, where errors are what counts.

    A record of answers whose captures were lost is of no request that failed.
    """
    steps = steps_of(state)
    if guardrail.metric != "errors" or not steps:
        return
    for one in failures:
        lost = one.get("capture_lost") is not None
        if one["model"] == state.model and not lost and belongs(one, steps):
            yield one


def _arm_of(record: Record, state: ReleaseState) -> str | None:
    """Return a record's arm; that of its version where a request failed that tells no more.

    One that failed by our fault and tells neither may be the challenger's.
    """
    arm, version = record.get("arm"), record.get("version")
    if arm:
        return str(arm)
    if _of_nobody(record):
        return "challenger"
    if version is None:
        return None
    if version == _challenger(state):
        return "challenger"
    champion = state.champion
    return "champion" if champion is not None and version == champion.version else None


def _challenger(state: ReleaseState) -> int | None:
    return None if state.challenger is None else state.challenger.version


def _in_time(*records: Iterable[Record]) -> list[Record]:
    return sorted((one for each in records for one in each), key=_at)


def _at(record: Record) -> datetime:
    return datetime.fromisoformat(record["at"])
