"""What is answered at once: requests of one state whose columns stand alike, or one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import structlog

from assay.deploy.answering import PINNED, Answered, Asked, answer
from assay.deploy.reasons import reasons, told
from assay.deploy.serving import Serving
from assay.errors import DataError, WorldError
from assay.gateway.answer_document import REASONS, Told
from assay.gateway.decoding import ExactColumns, Plan
from assay.gateway.lone_answers import lone_answers
from assay.gateway.skeleton import Skeleton
from assay.gateway.waiting import Entry, Waiting, plan_of
from assay.ports.capture_batch import CaptureBatch
from assay.ports.engine import Columns

__all__ = ["Batch"]

_LOG: Any = structlog.get_logger("assay.gateway")
_NOTHING = Answered((), (), (), (), (), (), (), None, {}, (), ())


@dataclass(slots=True, eq=False)
class Batch:
    """Requests that were answered at once, and those that were not, each with its fault.

    `group` are those that are, in the order of the rows of `found`; `reasons` are told to those
    of them that asked. `captures` are complete but not handed in yet; `captured` is False where it
    is known that they could not be recorded.
    """

    entry: Entry
    serving: Serving
    at: str
    failed: list[tuple[Waiting, BaseException]] = field(default_factory=list)
    group: Sequence[Waiting] = ()
    found: Answered = _NOTHING
    reasons: dict[int, Sequence[str]] = field(default_factory=dict)
    captured: bool = True
    asked: Asked = field(default_factory=lambda: Asked({}, ()))
    captures: Sequence[CaptureBatch] = ()

    def written(self) -> Iterator[tuple[Waiting, bytes | Exception]]:
        """Yield the body of each answer, or why it cannot be written."""
        group, serving, answered = self.group, self.serving, self.found
        if self.captured and all(one.lone for one in group):
            bodies = self._in_patterns()
            if bodies is not None:
                yield from zip(group, bodies, strict=True)
                return
        begin = 0
        for place, one in enumerate(group):
            end = begin + one.rows
            reasons = self.reasons.get(place)
            told = Told(
                serving, one.body, one.name, one.ids, answered, begin, end, reasons, self.captured
            )
            try:
                yield one, one.form.write(told)
            except Exception as error:  # noqa: BLE001 - told to the one who cannot be answered
                yield one, error
            begin = end

    def _in_patterns(self) -> Sequence[bytes] | None:
        """Return the answers made together; None where each is to be written alone."""
        try:
            return lone_answers(self.serving, [one.name for one in self.group], self.found)
        except Exception as error:  # noqa: BLE001 - whatever breaks, each is written alone
            _LOG.error("answers were not written together, but each alone", error=repr(error))
            return None

    @classmethod
    def answered(cls, group: Sequence[Waiting], at: str, fresh: Callable[[], str]) -> list[Batch]:
        """Answer requests of one state (and one pinned version), as many together as can be.

        Where a batch fails, each of its requests is answered alone: none harms another. What breaks
        beneath all of them (`WorldError`) is told to each.
        """
        first = group[0]
        plan = plan_of(first.serving)
        failures = cls(first.entry, first.serving, at)
        batches = [failures]
        for alike in _alike(group, plan, fresh, failures):
            batch = cls(first.entry, first.serving, at)
            batches.append(batch)
            try:
                batch._answer(alike)
            except WorldError as error:
                batch.failed = [(one, error) for one in alike]
            except Exception as error:  # noqa: BLE001 - whatever breaks, it is told to who asked
                if len(alike) == 1 and alike[0].layout is None:
                    batch.failed = [(alike[0], error)]
                    continue
                batch.failed = []
                for one in alike:
                    batches += cls._alone(one, at)
        return batches

    @classmethod
    def _alone(cls, one: Waiting, at: str) -> list[Batch]:
        batch = cls(one.entry, one.serving, at)
        try:
            one.whole()
            batch._answer([one])
        except Exception as error:  # noqa: BLE001 - whatever breaks, it is told to who asked
            batch.failed = [(one, error)]
        return [batch]

    def _answer(self, group: Sequence[Waiting]) -> None:
        asked = _asked(group)
        answered = answer(self.serving, asked, self.at, pinned=group[0].pinned)
        if answered.rejected:
            kept = self._refuse(group, answered)
            if kept:
                self._answer(kept)
            return
        unsaid = self._explain(group, asked, answered)
        if unsaid:
            self._answer_without(unsaid, group)
            return
        self.captures = tuple(_timed(group, answered))
        self.group, self.asked, self.found = group, asked, answered

    def _explain(
        self, group: Sequence[Waiting], asked: Asked, answered: Answered
    ) -> list[tuple[Waiting, Exception]]:
        """Find the reasons that requests asked for; return those for which that fails."""
        unsaid: list[tuple[Waiting, Exception]] = []
        begin = 0
        for place, one in enumerate(group):
            end = begin + one.rows
            if one.body.outputs and any(output.name == REASONS for output in one.body.outputs):
                rows = range(begin, end)
                try:
                    found = _reasons(self.serving, asked, answered, rows, one.pinned)
                    self.reasons[place] = found
                except Exception as error:  # noqa: BLE001 - told to the one who asked for them
                    unsaid.append((one, error))
            begin = end
        return unsaid

    def _answer_without(
        self, failed: Sequence[tuple[Waiting, Exception]], group: Sequence[Waiting]
    ) -> None:
        """Answer the other requests anew: what no one is told is not recorded as a prediction."""
        self.failed += failed
        self.reasons.clear()
        faulty = {id(one) for one, _ in failed}
        if kept := [one for one in group if id(one) not in faulty]:
            self._answer(kept)

    def _refuse(self, group: Sequence[Waiting], answered: Answered) -> list[Waiting]:
        """Refuse the requests of which the door refuses a row; return the others."""
        kept, begin = [], 0
        for one in group:
            end = begin + one.rows
            strange = [row for row in sorted(answered.rejected) if begin <= row < end]
            if strange:
                why = answered.rejected[strange[0]]
                error = DataError(f"Row {strange[0] - begin} is refused: {why}.")
                self.failed.append((one, error))
            else:
                kept.append(one)
            begin = end
        return kept


def _alike(
    group: Sequence[Waiting], plan: Plan, fresh: Callable[[], str], failures: Batch
) -> Iterator[list[Waiting]]:
    """Read requests, and yield those that can be joined; what does not read goes to `failures`."""
    together: dict[tuple[int, bool], list[Waiting]] = {}
    alone: list[list[Waiting]] = []
    for one in group:
        try:
            one.read(plan, fresh)
        except Exception as error:  # noqa: BLE001 - whatever breaks, it is told to who asked
            failures.failed.append((one, error))
            continue
        if one.layout is None or not plan.joins:
            alone.append([one])
        else:
            together.setdefault((id(one.layout), one.entities is None), []).append(one)
    yield from together.values()
    yield from alone


def _asked(group: Sequence[Waiting]) -> Asked:
    first = group[0]
    if first.layout is None:
        plan = plan_of(first.serving)
        return Asked(ExactColumns(first.body, plan.reads), first.ids, first.entities)
    columns: Columns
    if isinstance(first.layout, Skeleton):
        columns = first.layout.columns([one.filled for one in group if one.filled is not None])
    else:
        rows = first.rows if len(group) == 1 else sum([one.rows for one in group])
        columns = first.layout.columns([one.data for one in group], rows)
    if len(group) == 1:
        return Asked(columns, first.ids, first.entities)
    ids = [name for one in group for name in one.ids]
    if first.entities is None:
        return Asked(columns, ids)
    return Asked(columns, ids, [entity for one in group for entity in one.entities or ()])


def _timed(group: Sequence[Waiting], answered: Answered) -> Iterator[CaptureBatch]:
    """Yield the captures with the time that each row's answer took."""
    now = perf_counter()
    took = []
    for one in group:
        milliseconds = round((now - one.request.received) * 1000, 3)
        took += [milliseconds] * one.rows if one.rows > 1 else [milliseconds]
    for capture, rows in zip(answered.captures, answered.rows, strict=True):
        each = took if capture.n == len(took) else [took[row] for row in rows]
        yield capture.also("latency_ms", each)


def _reasons(
    serving: Serving, asked: Asked, answered: Answered, rows: Sequence[int], pinned: int | None
) -> list[str]:
    """Return what moved each of a request's rows most, by the version that answered it."""
    loaded = {str(one.arm.name): one for one in serving.answering}
    if pinned is not None:
        loaded[PINNED] = serving.arms[pinned]
    texts = [""] * len(rows)
    rows_of: dict[str, list[int]] = {}
    for row in rows:
        rows_of.setdefault(answered.arm[row], []).append(row)
    for name, some in rows_of.items():
        arm = loaded[name]
        columns: Any = {column: asked.columns[column][some] for column in arm.scorer.reads}
        found = reasons(arm.scorer, columns, arm.typical, serving.rules.reasons)
        for row, one in zip(some, found, strict=True):
            texts[row - rows[0]] = told(one)
    return texts
