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
from assay.monitor.failures import Failures
from assay.monitor.groups import Bundles
from assay.monitor.late_labels import (
    Deliveries,
)
from assay.monitor.measuring import Run, Stores, Told
from assay.monitor.placing import place
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
    """Where reading goes on: in the log, in the outcomes; how windows are cut; what was counted."""

    position: str = ""
    cut: str = ""
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
    """Place what is new in the log into its windows; cut all anew where the charter's changed."""
    span, zone = charter.monitoring.window, charter.monitoring.time_zone
    cut, known = f"{span} {zone}", stores.windows.parts()
    if notes.cut and notes.cut != cut and known:
        rows = pl.concat([stores.windows.read(one) for one in known], how="diagonal_relaxed")
        stores.windows.replace({one: rows.clear() for one in known})
        stores.windows.replace(place(rows, stores.windows, span, zone))
    failures, more = Failures(notes.failures), True
    before = notes
    while more:
        batch = source.after(notes.position)
        changed = place(batch.rows, stores.windows, span, zone) if batch.rows.height else {}
        if changed:
            stores.windows.replace(changed)
        failures, more = failures.added(batch.failures), batch.more
        counts = {quarter: dict(of) for quarter, of in failures.counts.items()}
        notes = msgspec.structs.replace(notes, position=batch.position, cut=cut, failures=counts)
        if notes != before:
            stores.profiles.write_note(_NOTE, msgspec.json.encode(notes))
            before = notes
    return notes
