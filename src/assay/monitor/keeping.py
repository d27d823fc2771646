"""Monitoring that goes on where it stopped: new predictions and labels into windows that are kept.

What is kept can be made anew from the log and the outcomes at any time; a run that is cut short
leaves nothing that the next one does not mend, for each reading says what it was made from, and
positions are noted last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import polars as pl

from assay.charter.charter import Charter
from assay.evidence.digest import digest_of
from assay.monitor.failures import Failures
from assay.monitor.groups import Bundles
from assay.monitor.late_labels import Deliveries
from assay.monitor.measuring import Run, Stores, Told
from assay.monitor.placing import cut, place
from assay.monitor.readable import Unread, sound
from assay.monitor.run import FollowedWindows, MeasuredWindow
from assay.monitor.window_line import WindowLine
from assay.ports.outcomes import Outcomes
from assay.ports.predictions import Batch, Predictions
from assay.ports.profiles import WindowKey

__all__ = ["Look", "look"]


@dataclass(frozen=True, eq=False)
class Look:
    """Every window as it is known now, in order of time.

    `measured_now` are the numbers of those that were not known so before; `stamp` changes with all
    that they were made from. `unswept` are those whose drift was not yet judged beside other
    models; `followed` is what each bundle's windows say together, as of each. `unread` counts rows
    that could not be read, of each file of the log as it is now.
    """

    windows: tuple[MeasuredWindow, ...]
    joined: Deliveries
    failures: Failures
    measured_now: tuple[int, ...]
    stamp: str
    followed: FollowedWindows
    unswept: frozenset[WindowKey] = frozenset()
    unread: Unread = field(default_factory=dict)


class _Notes(msgspec.Struct, frozen=True):
    """Where reading goes on: in the log, in the outcomes; how windows are cut; what was counted.

    `columns` is a digest of what the log's columns were said to mean when it was read; `sound` says
    that no row is kept that cannot be read.
    """

    position: str = ""
    cut: str = ""
    columns: str = ""
    revision: int = 0
    counted: str = ""
    strangers: int = 0
    repeats: int = 0
    failures: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)
    unread: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    sound: bool = False


def look(
    charter: Charter,
    source: Predictions,
    outcomes: Outcomes,
    stores: Stores,
    bundles: Bundles,
    *,
    now: datetime | None = None,
    seed: int = 0,
) -> Look:
    """Take in what is new, and measure every window that it touches.

    A window is measured anew where predictions were added to it, an outcome of one of its ids was
    delivered, the label delay of more of its cases is over, or the charter pays or cuts otherwise;
    of a window that only labels touched, the features' counts stay. The result is that of
    `monitor` over everything at once, whatever came when, how often and in which parts.
    """
    notes = _notes(stores)
    before = {} if notes.sound else _mend_kept(charter, stores, bundles)
    notes = _read_in(charter, source, stores, notes, bundles)
    told = Told(outcomes, stores, notes.revision)
    lines = WindowLine(charter, stores.windows.parts(), now)
    run = Run(charter, stores, bundles, told, lines, seed)
    found = tuple(run.windows())
    followed = run.followed(found)
    run.forget()
    joined = told.counted(notes.counted, Deliveries(notes.strangers, notes.repeats))
    after = msgspec.structs.replace(
        notes,
        revision=told.revision,
        counted=told.stamp,
        strangers=joined.strangers,
        repeats=joined.repeats,
    )
    if after != notes:
        stores.profiles.write_note(_NOTE, msgspec.json.encode(after))
    failed, measured = Failures(notes.failures), tuple(run.measured)
    unswept = frozenset(run.unswept)
    unread = {**({_BEFORE: before} if before else {}), **notes.unread}
    return Look(found, joined, failed, measured, run.stamp, followed, unswept, unread)


_NOTE = "reading"
_BEFORE = "what was read before"
_CAPTURED = "what the gateway captured"


def _notes(stores: Stores) -> _Notes:
    content = stores.profiles.note(_NOTE)
    return _Notes() if content is None else msgspec.json.decode(content, type=_Notes)


def _mend_kept(charter: Charter, stores: Stores, bundles: Bundles) -> dict[str, int]:
    """Leave out rows that were kept and cannot be read; return why they cannot be."""
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    counts: Counter[str] = Counter()
    for number in stores.windows.parts():
        counts.update(sound(stores.windows.read(number), bundles)[1])
    if counts:
        known = stores.windows.parts()
        parts = [sound(stores.windows.read(number), bundles)[0] for number in known]
        gone = {number: part.clear() for number, part in zip(known, parts, strict=True)}
        rows = pl.concat(parts, how="diagonal_relaxed")
        stores.windows.replace(gone | cut(rows, span, zone))
    return dict(counts)


def _read_in(
    charter: Charter, source: Predictions, stores: Stores, notes: _Notes, bundles: Bundles
) -> _Notes:
    """Place what is new in the log into its windows; positions are noted last."""
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    before, notes = notes, _cut_anew(charter, source, stores, notes, bundles)
    notes, more = msgspec.structs.replace(notes, sound=True), True
    while more:
        batch, rows, notes = _next(source, notes, bundles)
        changed = place(rows, stores.windows, span, zone) if rows.height else {}
        if changed:
            stores.windows.replace(changed)
        more = batch.more
        if notes != before:
            stores.profiles.write_note(_NOTE, msgspec.json.encode(notes))
            before = notes
    return notes


def _next(
    source: Predictions, notes: _Notes, bundles: Bundles
) -> tuple[Batch, pl.DataFrame, _Notes]:
    """Return what the log has next, its rows that can be read, and where reading goes on."""
    batch = source.after(notes.position)
    rows, counts = sound(batch.rows, bundles)
    failures = Failures(notes.failures).added(batch.failures)
    after = msgspec.structs.replace(
        notes,
        position=batch.position,
        failures={quarter: dict(of) for quarter, of in failures.counts.items()},
        unread=_unread(notes.unread, batch, counts),
    )
    return batch, rows, after


def _unread(known: Unread, batch: Batch, counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return what could not be read of each file: anew of those read now, without those gone."""
    found = {name: dict(of) for name, of in known.items()}
    if batch.files is None:
        told = {_CAPTURED: Counter(found.get(_CAPTURED, {})) + Counter(counts)}
    else:
        found = {name: of for name, of in found.items() if name in batch.files}
        found.pop(batch.file, None)
        own = Counter(batch.unread.get(batch.file, {})) + Counter(counts)
        told = {**{name: Counter(of) for name, of in batch.unread.items()}, batch.file: own}
    found |= {name: dict(of) for name, of in told.items()}
    return {name: of for name, of in sorted(found.items()) if of}


def _cut_anew(
    charter: Charter, source: Predictions, stores: Stores, notes: _Notes, bundles: Bundles
) -> _Notes:
    """Cut all windows anew where the charter says otherwise how; return where reading goes on.

    Where it says otherwise what the log's columns mean, all that the log has is read again for it;
    what was before that, and is in the log no more, stays as it was read.
    """
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    after = msgspec.structs.replace(notes, cut=f"{span} {zone}", columns=_meaning(charter))
    known, again = stores.windows.parts(), after.columns != notes.columns
    if again and not known:
        return msgspec.structs.replace(after, position="", failures={}, unread={})
    if not known or not (again or notes.cut not in ("", after.cut)):
        return after
    rows = pl.concat([stores.windows.read(one) for one in known], how="diagonal_relaxed")
    gone = {one: rows.clear() for one in known}
    if again:
        fresh, after = _all_of(source, after, bundles)
        older = rows.filter(pl.col("at") < fresh["at"].min()) if fresh.height else rows
        rows = pl.concat([older, fresh], how="diagonal_relaxed")
    # In one step: whoever is killed here leaves everything as it was, or as it is to be.
    stores.windows.replace(gone | cut(rows, span, zone))
    return after


def _meaning(charter: Charter) -> str:
    """Return what changes where the charter says otherwise what a log's columns mean."""
    log = charter.monitoring.source
    return "" if log is None else digest_of(log.columns.model_dump(mode="json"))[:16]


def _all_of(source: Predictions, notes: _Notes, bundles: Bundles) -> tuple[pl.DataFrame, _Notes]:
    """Return all that a log has and can be read, and where reading it goes on."""
    notes = msgspec.structs.replace(notes, position="", failures={}, unread={})
    found, more = [], True
    while more:
        batch, fresh, notes = _next(source, notes, bundles)
        found.append(fresh)
        more = batch.more
    # A file without rows knows no kinds of inputs.
    rows = [one for one in found if one.height] or found[:1]
    together = pl.concat(rows, how="diagonal_relaxed")
    return together, notes
