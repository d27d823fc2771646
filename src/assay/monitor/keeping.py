"""Monitoring that goes on where it stopped: new predictions and labels into windows that are kept.

What is kept can be made anew from the log and the outcomes at any time; a run that is cut short
leaves nothing that the next one does not mend, for each reading says what it was made from, and
positions are noted last.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from assay.monitor.run import FollowedWindows, MeasuredWindow
from assay.monitor.window_line import WindowLine
from assay.ports.outcomes import Outcomes
from assay.ports.predictions import Predictions
from assay.ports.profiles import WindowKey

__all__ = ["Look", "look"]


@dataclass(frozen=True, eq=False)
class Look:
    """Every window as it is known now, in order of time.

    `measured_now` are the numbers of those that were not known so before; `stamp` changes with all
    that they were made from. `unswept` are those whose drift was not yet judged beside other
    models; `followed` is what each bundle's windows say together, as of each.
    """

    windows: tuple[MeasuredWindow, ...]
    joined: Deliveries
    failures: Failures
    measured_now: tuple[int, ...]
    stamp: str
    followed: FollowedWindows
    unswept: frozenset[WindowKey] = frozenset()


class _Notes(msgspec.Struct, frozen=True):
    """Where reading goes on: in the log, in the outcomes; how windows are cut; what was counted.

    `columns` is a digest of what the log's columns were said to mean when it was read.
    """

    position: str = ""
    cut: str = ""
    columns: str = ""
    revision: int = 0
    counted: str = ""
    strangers: int = 0
    repeats: int = 0
    failures: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)


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
    notes = _read_in(charter, source, stores, _notes(stores))
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
    return Look(found, joined, failed, measured, run.stamp, followed, unswept)


_NOTE = "reading"


def _notes(stores: Stores) -> _Notes:
    content = stores.profiles.note(_NOTE)
    return _Notes() if content is None else msgspec.json.decode(content, type=_Notes)


def _read_in(charter: Charter, source: Predictions, stores: Stores, notes: _Notes) -> _Notes:
    """Place what is new in the log into its windows; positions are noted last."""
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    before, notes = notes, _cut_anew(charter, source, stores, notes)
    failures, more = Failures(notes.failures), True
    while more:
        batch = source.after(notes.position)
        changed = place(batch.rows, stores.windows, span, zone) if batch.rows.height else {}
        if changed:
            stores.windows.replace(changed)
        failures, more = failures.added(batch.failures), batch.more
        notes = _at_position(notes, batch.position, failures)
        if notes != before:
            stores.profiles.write_note(_NOTE, msgspec.json.encode(notes))
            before = notes
    return notes


def _cut_anew(charter: Charter, source: Predictions, stores: Stores, notes: _Notes) -> _Notes:
    """Cut all windows anew where the charter says otherwise how; return where reading goes on.

    Where it says otherwise what the log's columns mean, all that the log has is read again for it;
    what was before that, and is in the log no more, stays as it was read.
    """
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    after = msgspec.structs.replace(notes, cut=f"{span} {zone}", columns=_meaning(charter))
    known, again = stores.windows.parts(), after.columns != notes.columns
    if again and not known:
        return msgspec.structs.replace(after, position="", failures={})
    if not known or not (again or notes.cut not in ("", after.cut)):
        return after
    rows = pl.concat([stores.windows.read(one) for one in known], how="diagonal_relaxed")
    gone = {one: rows.clear() for one in known}
    if again:
        fresh, after = _all_of(source, after)
        older = rows.filter(pl.col("at") < fresh["at"].min()) if fresh.height else rows
        rows = pl.concat([older, fresh], how="diagonal_relaxed")
    # In one step: whoever is killed here leaves everything as it was, or as it is to be.
    stores.windows.replace(gone | cut(rows, span, zone))
    return after


def _meaning(charter: Charter) -> str:
    """Return what changes where the charter says otherwise what a log's columns mean."""
    log = charter.monitoring.source
    return "" if log is None else digest_of(log.columns.model_dump(mode="json"))[:16]


def _all_of(source: Predictions, notes: _Notes) -> tuple[pl.DataFrame, _Notes]:
    """Return all that a log has, and where reading it goes on."""
    batch = source.after("")
    found, failures = [batch.rows], Failures().added(batch.failures)
    while batch.more:
        batch = source.after(batch.position)
        found.append(batch.rows)
        failures = failures.added(batch.failures)
    # A file without rows knows no kinds of inputs.
    rows = [one for one in found if one.height] or found[:1]
    together = pl.concat(rows, how="diagonal_relaxed")
    return together, _at_position(notes, batch.position, failures)


def _at_position(notes: _Notes, position: str, failures: Failures) -> _Notes:
    counts = {quarter: dict(of) for quarter, of in failures.counts.items()}
    return msgspec.structs.replace(notes, position=position, failures=counts)
