"""What shows only over windows: creeping features, and labels that come not as forecast.

Both are folds over one bundle's windows in order of time. What each window said stays as it was
unless its rows changed (creep) or its labels, or those of an earlier one, did (concept); so only
what is new is worked out, and the result is that of all windows at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from assay.charter.charter import Charter
from assay.monitor.columns_shown import not_shown, shown_of
from assay.monitor.concept import ConceptDrift, concept_drift
from assay.monitor.creep import CREEP_FORMAT, Creep, Creeping, CreepState, creep
from assay.monitor.measured import performance_tables
from assay.monitor.performance import Tables
from assay.monitor.watched import Watched
from assay.stats.profile import Profile, merge_all

__all__ = ["Crept", "Followed", "Step", "follow_steps"]

_WINDOWS = 200
"""Windows that concept drift looks back on: older ones no longer tell what scores mean now."""


@dataclass(frozen=True)
class Step:
    """One complete window of a bundle: its number, what its rows and labels are, and profiles.

    `rows` changes with the window's predictions, `labels` with anything; `profiles` reads the
    profile of each arm that the version decided on.
    """

    number: int
    rows: str
    labels: str
    profiles: Callable[[], Sequence[Profile]]


@dataclass(frozen=True)
class Crept:
    """Evidence so far that a feature has crept, those that have, and why nothing was judged."""

    evidence: float
    moved: tuple[Creeping, ...]
    note: str = ""


@dataclass(frozen=True)
class Followed:
    """What all windows up to one of them say together."""

    crept: Crept
    concept: ConceptDrift | None


class _Line(msgspec.Struct):
    """One window's part of what is kept: `rows` and `labels` are digests of all up to it."""

    number: int
    rows: str
    labels: str
    crept: Crept
    concept: ConceptDrift | None


class _Kept(msgspec.Struct):
    rules: str = ""
    lines: list[_Line] = msgspec.field(default_factory=list)
    state: dict[str, Any] = msgspec.field(default_factory=dict)


def follow_steps(
    charter: Charter, watched: Callable[[], Watched], steps: Sequence[Step], kept: bytes | None
) -> tuple[dict[int, Followed], bytes]:
    """Return what each window says together with those before it, and bytes to go on from.

    `steps` are a bundle's complete windows, in order. `kept` is what an earlier call returned; the
    bundle is read only where something is new.
    """
    known = _read(kept, _rules(charter))
    lines = _with_digests(steps)
    crept, state = _follow_creep(charter, watched, steps, lines, known)
    concept = _follow_concept(charter, watched, steps, lines, known)
    done = [
        _Line(step.number, *line, crept[place], concept[place])
        for place, (step, line) in enumerate(zip(steps, lines, strict=True))
    ]
    content = msgspec.msgpack.encode(_Kept(_rules(charter), done, state))
    return {one.number: Followed(one.crept, one.concept) for one in done}, content


def _with_digests(steps: Sequence[Step]) -> list[tuple[str, str]]:
    found, rows, labels = [], "", ""
    for one in steps:
        rows = f"{zlib.crc32(f'{rows} {one.number} {one.rows}'.encode()):08x}"
        labels = f"{zlib.crc32(f'{labels} {one.number} {one.labels}'.encode()):08x}"
        found.append((rows, labels))
    return found


def _follow_creep(
    charter: Charter,
    watched: Callable[[], Watched],
    steps: Sequence[Step],
    lines: Sequence[tuple[str, str]],
    known: _Kept,
) -> tuple[list[Crept], dict[str, Any]]:
    """Fold windows that are new into what was known, or all of them where an old one changed.

    So too where another version of Assay wrote down what was known.
    """
    count = len(known.lines)
    same = [one.rows for one in known.lines] == [rows for rows, _ in lines[:count]]
    if count > len(lines) or not same or known.state.get("format") != CREEP_FORMAT:
        count = 0
    found = [one.crept for one in known.lines[:count]]
    if count == len(steps):
        return found, known.state
    reference, limits = watched().reference, charter.monitoring
    state = CreepState.from_document(known.state) if count else None
    gone = not_shown(charter, reference.grid)
    for step in steps[count:]:
        now: Creep = creep(
            reference,
            [(step.number, shown_of(merge_all(step.profiles()), gone))],
            state,
            windows_between_false_alarms=limits.windows_between_false_alarms,
            tolerance=limits.least_effect,
        )
        state = now.state
        found.append(Crept(now.evidence, now.moved, now.note))
    return found, {} if state is None else state.document()


def _follow_concept(
    charter: Charter,
    watched: Callable[[], Watched],
    steps: Sequence[Step],
    lines: Sequence[tuple[str, str]],
    known: _Kept,
) -> list[ConceptDrift | None]:
    """Return concept drift as of each window: as it was where neither it nor an earlier changed."""
    same = 0
    while same < min(len(lines), len(known.lines)) and known.lines[same].labels == lines[same][1]:
        same += 1
    found = [one.concept for one in known.lines[:same]]
    if same == len(steps):
        return found
    first = max(0, same + 1 - _WINDOWS)
    tables = [_table(step) for step in steps[first:]]
    limits = charter.monitoring
    for place in range(same, len(steps)):
        seen = [
            one for one in tables[max(0, place + 1 - _WINDOWS - first) : place + 1 - first] if one
        ]
        if not seen:
            found.append(None)
            continue
        found.append(
            concept_drift(
                watched(),
                seen,
                least_effect=limits.least_effect,
                windows_between_false_alarms=limits.windows_between_false_alarms,
            )
        )
    return found


def _table(step: Step) -> Tables | None:
    """Return a window's table over the arms of its version."""
    return performance_tables(merge_all(step.profiles()))


def _rules(charter: Charter) -> str:
    limits = charter.monitoring
    return f"2 {limits.least_effect} {limits.windows_between_false_alarms}"


def _read(content: bytes | None, rules: str) -> _Kept:
    if content is None:
        return _Kept()
    try:
        kept = msgspec.msgpack.decode(content, type=_Kept)
    except msgspec.MsgspecError:
        return _Kept()
    return kept if kept.rules == rules else _Kept()
