"""Rows answered under one desired state: dealt out to arms, scored, decided, and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.deploy.decided_rows import Decided, Exploring, decide_rows, scattered
from assay.deploy.router import split
from assay.deploy.scored_rows import Dealt, score_rows
from assay.deploy.scoring import Scorer
from assay.deploy.serving import LoadedArm, Serving
from assay.errors import DataError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.column_blocks import ColumnBlocks, listed, picked, taken
from assay.ports.engine import Columns

__all__ = ["PINNED", "Answered", "Asked", "answer", "shadowed"]

PINNED = "pinned"
"""The arm of a row whose version the caller chose: no random assignment, so no arm's evidence."""


@dataclass(frozen=True)
class Asked:
    """The rows of one or more requests, joined.

    `columns` are what any arm's signature or valuation reads, of n rows: float64 with NaN, or
    object arrays of str with "". `ids` are the predictions' ids, `entities` whom each row is about.
    """

    columns: Columns
    ids: Sequence[str]
    entities: Sequence[str] | None = None


@dataclass(frozen=True)
class Answered:
    """What is answered to each row, in the order of `Asked`.

    `probability` is that of the positive outcome, or of K > 2 outcomes a list of K; None in
    regression. `flags` are what the door said of each row, None where it said nothing of any.
    `rejected` are the rows that the door refuses, with the reason: all else is None for them, and
    they are not recorded. `captures` has one batch for each arm that answered, and `rows` which
    rows stand in it.
    """

    arm: Sequence[Any]
    version: Sequence[Any]
    prediction: Sequence[Any]
    probability: Sequence[Any]
    decision: Sequence[Any]
    expected_value: Sequence[Any]
    score: Sequence[Any]
    flags: Sequence[tuple[str, ...]] | None
    rejected: Mapping[int, str]
    captures: tuple[CaptureBatch, ...]
    rows: tuple[Sequence[int], ...]


def answer(serving: Serving, asked: Asked, at: str, *, pinned: int | None = None) -> Answered:
    """Answer rows under one state; raises DataError where a row cannot be scored.

    `at` is the present moment, ISO 8601 in UTC; `pinned` is the arm whose version the caller asked
    for. Which arm answers hangs on the entity, or on the prediction's id where none is named.
    """
    if serving.desired.entity is not None and asked.entities is None:
        raise DataError(
            f"Each row of {serving.desired.model} is about a {serving.desired.entity}: send it as "
            "the parameter `entity` (one for each row, or one for all), or as an input."
        )
    arms = _dealt(serving, asked.entities or asked.ids, pinned)
    return _answered(_Question(serving, asked, at, pinned=pinned is not None), arms)


def shadowed(serving: Serving, asked: Asked, at: str) -> tuple[CaptureBatch, ...]:
    """Score a copy of the rows by the shadow arm, for its share of entities; nobody is answered.

    Arguments as of `answer`. Rows that the shadow's door refuses are left out. Raises DataError
    where a row cannot be scored.
    """
    loaded, desired = serving.shadow, serving.desired
    if loaded is None:
        return ()
    rows: Sequence[int] = range(len(asked.ids))
    if desired.shadow_share < 1.0:
        keys = asked.entities or asked.ids
        rows, _ = split(f"{desired.salt}/shadow", keys, rows, desired.shadow_share)
    if not rows:
        return ()
    return _answered(_Question(serving, asked, at, shadow=True), [(loaded, rows)]).captures


@dataclass(frozen=True)
class _Question:
    """What is asked, under which state, and whether an arm answers by name or as the shadow."""

    serving: Serving
    asked: Asked
    at: str
    pinned: bool = False
    shadow: bool = False

    @property
    def exploring(self) -> Exploring | None:
        """How decisions are explored, if they are."""
        desired = self.serving.desired
        if self.shadow or desired.exploration_share <= 0:
            return None
        return Exploring(desired.exploration_share, desired.salt)

    def name(self, loaded: LoadedArm) -> str:
        """Return what an arm is called in answers and captures."""
        return PINNED if self.pinned else loaded.arm.name

    def shared(self, loaded: LoadedArm) -> dict[str, Any]:
        """Return what is recorded alike of all rows of an arm."""
        desired, arm = self.serving.desired, loaded.arm
        shared = {
            "at": self.at,
            "model": desired.model,
            "environment": desired.environment,
            "version": arm.version,
            "bundle": arm.bundle,
            "arm": self.name(loaded),
            "revision": desired.revision,
            "weight": desired.challenger_weight,
            "control_share": desired.control_share,
        }
        if self.shadow:
            shared["shadow"] = True
        return shared


def _dealt(serving: Serving, keys: Sequence[str], pinned: int | None) -> list[Dealt]:
    """Return the rows of each arm that has any."""
    arms = serving.answering
    if pinned is not None or len(arms) == 1:
        return [(arms[pinned or 0], range(len(keys)))]
    return [(arms[index], rows) for index, rows in serving.dealt(keys)]


def _answered(question: _Question, arms: Sequence[Dealt]) -> Answered:
    """Score the rows of all arms, decide, and lay down what is answered and recorded."""
    serving, asked, exploring = question.serving, question.asked, question.exploring
    n = len(asked.ids)
    parts, rejected = score_rows(serving, asked.columns, n, arms)
    alike = [one for part in parts for one in part.by_rule(serving)]
    decided = [decide_rows(one, asked.ids, exploring) for one in alike]
    known: dict[str, Sequence[Any]] = {}
    recorded = [
        (loaded, rows, _captured(question, loaded, rows, one, known))
        for one in decided
        for loaded, rows in one.arms
    ]
    whole = decided[0] if len(decided) == 1 and len(decided[0].rows) == n else None
    lists = whole or scattered(decided, n)
    each = lists.each
    return Answered(
        _by_row([(question.name(loaded), rows) for loaded, rows, _ in recorded], n),
        _by_row([(loaded.arm.version, rows) for loaded, rows, _ in recorded], n),
        lists.prediction,
        each["probability"],
        each["decision"],
        each["expected_value"],
        each["score"],
        lists.flags,
        rejected,
        tuple(capture for _, _, capture in recorded),
        tuple(rows for _, rows, _ in recorded),
    )


def _by_row(given: Sequence[tuple[Any, Sequence[int]]], n: int) -> list[Any]:
    """Return for each of n rows what is given for it; None where nothing is."""
    if len(given) == 1 and len(given[0][1]) == n:
        return [given[0][0]] * n
    found = [None] * n
    for value, rows in given:
        for row in rows:
            found[row] = value
    return found


def _captured(
    question: _Question,
    loaded: LoadedArm,
    rows: Sequence[int],
    decided: Decided,
    known: dict[str, Sequence[Any]],
) -> CaptureBatch:
    """Return what is recorded of an arm's rows, which stand among those that were decided."""
    asked, each = question.asked, dict(decided.each)
    shared = question.shared(loaded) | decided.shared
    if asked.entities is None:
        shared["entity"] = None
    else:
        each["entity"] = [asked.entities[row] for row in decided.rows]
    if decided.flags is not None:
        each["flags"] = [list(said) for said in decided.flags]
    if len(rows) < len(decided.rows):
        each = picked(each, decided.places(rows))
    return CaptureBatch(len(rows), shared, each, _inputs(asked, loaded.scorer, rows, known))


def _inputs(
    asked: Asked, scorer: Scorer, rows: Sequence[int], known: dict[str, Sequence[Any]]
) -> Mapping[str, Sequence[Any]]:
    """Return the inputs as they came; `known` has those of all rows once one arm needed them."""
    columns, n = asked.columns, len(asked.ids)
    if not isinstance(columns, ColumnBlocks) or not columns.are(scorer.reads_all):
        read = {name: columns[name] for name in scorer.reads}
        return listed(read if len(rows) == n else taken(read, rows))
    if not known:
        known.update(listed(columns))
    return known if len(rows) == n else picked(known, rows)
