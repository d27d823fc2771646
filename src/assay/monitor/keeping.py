"""Monitoring that goes on where it stopped: new predictions and labels into windows that are kept.

What is kept can be made anew from the log and the outcomes at any time; a run that is cut short
leaves nothing that the next one does not mend, for each reading says what it was made from, and
positions are noted last.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec
import polars as pl

from assay.charter.charter import Charter
from assay.evidence.digest import digest_of
from assay.monitor.failures import Failures
from assay.monitor.groups import Bundles, measured_groups
from assay.monitor.late_labels import (
    Deliveries,
    count_deliveries,
    newest_of_each,
    told_windows,
    with_outcomes,
)
from assay.monitor.measured import Measured
from assay.monitor.placing import place
from assay.monitor.reading import kept_reading, read_profile, read_reading
from assay.monitor.run import MeasuredWindow
from assay.monitor.window_line import WindowLine
from assay.ports.outcomes import Outcomes
from assay.ports.predictions import Predictions
from assay.ports.profiles import Profiles, WindowKey
from assay.ports.served_windows import Part, ServedWindows
from assay.stats.profile import Profile

__all__ = ["Look", "Stores", "look"]


@dataclass(frozen=True)
class Stores:
    """Where one model's predictions and profiles are kept between runs."""

    windows: ServedWindows
    profiles: Profiles


@dataclass(frozen=True, eq=False)
class Look:
    """Every window as it is known now, in order of time.

    `measured_now` are the numbers of those that were not known so before; `stamp` changes with all
    that they were made from.
    """

    windows: tuple[MeasuredWindow, ...]
    joined: Deliveries
    failures: Failures
    measured_now: tuple[int, ...]
    stamp: str


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
    told = _Told(outcomes, stores, notes)
    lines = WindowLine(charter, stores.windows.parts(), now)
    run = _Run(charter, stores, bundles, told, lines, seed)
    found = tuple(run.windows())
    run.forget()
    joined = told.counted(notes)
    after = msgspec.structs.replace(
        notes,
        revision=told.revision,
        counted=told.stamp,
        strangers=joined.strangers,
        repeats=joined.repeats,
    )
    if after != notes:
        stores.profiles.write_note(_NOTE, msgspec.json.encode(after))
    return Look(found, joined, Failures(notes.failures), tuple(run.measured), run.stamp)


_NOTE = "reading"
_AT_ONCE = 50
"""Windows whose profiles are written in one transaction."""


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


class _Told:
    """Outcomes as they are known now; all of them are read only where a window asks."""

    def __init__(self, outcomes: Outcomes, stores: Stores, notes: _Notes) -> None:
        self._outcomes, self._stores = outcomes, stores
        new = outcomes.read(notes.revision)
        self.revision = int(new["revision"].max() or 0) if new.height else notes.revision  # type: ignore[arg-type]
        self.windows = told_windows(new, stores.windows)
        stamps = "/".join(one.stamp for one in stores.windows.parts().values())
        self.stamp = f"{self.revision} {zlib.crc32(stamps.encode())}"

    @cached_property
    def _all(self) -> pl.DataFrame:
        return self._outcomes.read()

    @cached_property
    def newest(self) -> pl.DataFrame:
        """The newest outcome of each id."""
        return newest_of_each(self._all)

    def counted(self, notes: _Notes) -> Deliveries:
        """Count repeats and strangers, unless nothing changed since they were."""
        if notes.counted == self.stamp:
            return Deliveries(notes.strangers, notes.repeats)
        return count_deliveries(self._all, self.newest, self._stores.windows)


class _Run:
    """One look over the windows: which still stand, which are measured anew, which are gone."""

    def __init__(
        self,
        charter: Charter,
        stores: Stores,
        bundles: Bundles,
        told: _Told,
        lines: WindowLine,
        seed: int,
    ) -> None:
        self._charter, self._stores, self._bundles = charter, stores, bundles
        self._told, self._lines, self._seed = told, lines, seed
        self._kept: dict[int, dict[WindowKey, bytes]] = {}
        for key, reading in stores.profiles.readings().items():
            self._kept.setdefault(key.window, {})[key] = reading
        self._fresh: dict[WindowKey, tuple[bytes, bytes]] = {}
        self._gone: list[WindowKey] = []
        self._rules = _rules(charter)
        self.measured: list[int] = []
        self.stamp = told.stamp

    def windows(self) -> Iterator[MeasuredWindow]:
        """Yield every window with what was measured of it, now or before."""
        for number, part in self._lines.parts.items():
            ripe = self._lines.how_ripe(number, self._stores.windows)
            made_from = f"{part.stamp}/{ripe}/{self._rules}"
            self.stamp = f"{zlib.crc32((self.stamp + made_from).encode())}"
            found = None if number in self._told.windows else self._standing(number, made_from)
            if found is None:
                found = self._measure(number, part, made_from)
            yield self._lines.window(number), found
        self._write()

    def forget(self) -> None:
        """Drop what is kept of windows, and of parts of windows, that are no more."""
        gone = [
            one
            for number in self._kept.keys() - self._lines.parts.keys()
            for one in self._kept[number]
        ]
        if gone or self._gone:
            self._stores.profiles.drop([*gone, *self._gone])

    def _standing(self, number: int, made_from: str) -> dict[WindowKey, Measured] | None:
        kept = self._kept.get(number)
        if not kept:
            return None
        found = {}
        for key, content in kept.items():
            reading = read_reading(content)
            if reading is None or reading.made_from != made_from:
                return None
            found[key] = reading.measured
        return found

    def _measure(self, number: int, part: Part, made_from: str) -> dict[WindowKey, Measured]:
        rows = with_outcomes(self._stores.windows.read(number), self._told.newest)
        ripe = self._lines.ripe(number, rows["at"].to_numpy())
        found = dict(
            measured_groups(
                self._charter,
                number,
                rows,
                ripe,
                self._bundles,
                seed=self._seed,
                before=lambda key: self._before(key, part),
            )
        )
        self._fresh |= {key: kept_reading(one, made_from) for key, one in found.items()}
        self._gone += [key for key in self._kept.get(number, ()) if key not in found]
        self.measured.append(number)
        if len(self._fresh) >= _AT_ONCE:
            self._write()
        return found

    def _before(self, key: WindowKey, part: Part) -> Profile | None:
        """Return a window's profile where it was made from the very rows that it has now."""
        reading = read_reading(self._kept.get(key.window, {}).get(key, b""))
        if reading is None or reading.made_from.split("/")[0] != part.stamp:
            return None
        return read_profile(self._stores.profiles.profile(key))

    def _write(self) -> None:
        if self._fresh:
            self._stores.profiles.put(self._fresh)
            self._fresh = {}


def _rules(charter: Charter) -> str:
    """Return a digest of all of the charter that measuring reads."""
    digests, limits = charter.digests(), charter.monitoring
    named = [digests[name] for name in ("value", "data", "build", "release")]
    shown = [limits.segments, limits.season, limits.false_discovery_rate, limits.least_effect]
    return digest_of([*named, *map(str, shown), str(charter.value.baseline)])[:16]
