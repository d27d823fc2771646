"""Large tables profiled window by window: each group of rows alone, in any order, then added up.

A group is read a few columns at a time, so that memory holds neither the table nor even a group,
and what is read fits into the processor's and the allocator's caches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError
from assay.monitor.file_windows import Windows
from assay.monitor.text_moments import text_moments
from assay.ports.map_sum import MapSum
from assay.ports.row_groups import Column, RowGroups
from assay.stats.coded import Coded, joined
from assay.stats.grid import CategoryAxis, Grid, NumberAxis, learn_grid
from assay.stats.profile import Profile, merge
from assay.stats.score_table import ScoreTable
from assay.stats.tally_kernel import CategoryTallies, NumberTallies, Runs, runs_of

__all__ = ["Counting", "WindowProfiles", "learned_grid", "window_profiles"]

Ints = NDArray[np.int64]

_VALUES = 1 << 17
"""Values that are in memory at a time, for each thread: 1 MB."""

_HOLDS = {
    "number": "numbers",
    "text": "text",
    "time": "moments",
    "other": "no values at all, or lists and the like,",
}
"""What a kind of column is called in a message."""

_SAMPLE = 1 << 16
"""Numbers that a grid is learned from: more of them move no edge by much (any grid is valid)."""


@dataclass(frozen=True, eq=False)
class WindowProfiles:
    """Profiles by the number of their window; they add up."""

    profiles: Mapping[int, Profile]

    def __add__(self, other: WindowProfiles) -> WindowProfiles:
        both = dict(self.profiles)
        for number, profile in other.profiles.items():
            both[number] = merge(both[number], profile) if number in both else profile
        return WindowProfiles(both)

    def in_order(self) -> list[tuple[int, Profile]]:
        """Return the windows in order of time."""
        return sorted(self.profiles.items())


class Counting(Protocol):
    """Counts cases into score tables while the features are counted."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it reads."""
        ...

    def tables(self, columns: Mapping[str, Column], runs: Runs, windows: int) -> list[ScoreTable]:
        """Return one group's table of each window."""
        ...


def window_profiles(
    table: RowGroups,
    grid: Grid,
    windows: Windows,
    engine: MapSum,
    *,
    named: Mapping[str, str] | None = None,
    counting: Counting | None = None,
) -> WindowProfiles:
    """Profile every window of a table.

    `named` gives axes that have another name than their column. Integer counts are the same for
    any grouping of the rows, sums to rounding. DataError where a column is missing or of another
    kind than the grid's.
    """
    columns = {axis: (named or {}).get(axis, axis) for axis in grid.axes}
    needed = [*columns.values(), *(counting.columns if counting else ())]
    _check(table, grid, columns, [*needed, *([windows.column] if windows.column else [])])
    sizes = table.sizes()
    firsts = [0, *accumulate(sizes)]

    def work(group: int) -> WindowProfiles:
        n = sizes[group]
        times = _times(table.read(group, [windows.column]), windows) if windows.column else None
        numbers = windows.numbers(times, firsts[group], n)
        return _group(table, group, _Rows.of(numbers), grid, columns, counting)

    return engine.map_sum(work, [group for group, size in enumerate(sizes) if size])


def learned_grid(table: RowGroups, columns: Mapping[str, str]) -> Grid:
    """Learn the cells of columns, by the name of their axis, from a sample of a reference table.

    The sample is of some groups that lie evenly over the table: all rows of them for categories,
    evenly spaced ones for numbers. `widened` moves the ends out to what the whole table has.
    """
    sizes = table.sizes()
    wanted = min(len(sizes), max(2, -(-_SAMPLE * len(sizes) // sum(sizes))))
    groups = sorted({(2 * k + 1) * len(sizes) // (2 * wanted) for k in range(wanted)})
    step = max(1, sum(sizes[group] for group in groups) // _SAMPLE)
    seen: dict[str, list[Column]] = {axis: [] for axis in columns}
    for group in groups:
        for names in _blocks(columns, sizes[group]):
            found = table.read(group, list(names.values()))
            for axis, name in names.items():
                seen[axis].append(_sampled(found[name], step))
    return learn_grid({axis: _together(parts) for axis, parts in seen.items()})


def _sampled(column: Column, step: int) -> Column:
    return column if isinstance(column, Coded) else column[::step].copy()


def _together(parts: list[Column]) -> Column:
    texts = [part for part in parts if isinstance(part, Coded)]
    if texts:
        return joined(texts)
    return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])


@dataclass(frozen=True, eq=False)
class _Rows:
    """The windows of one group: their numbers, and its rows as runs of places among them."""

    numbers: Ints
    runs: Runs

    @classmethod
    def of(cls, numbers: Ints) -> _Rows:
        runs = runs_of(numbers)
        known, places = np.unique(runs.windows.view(np.int64), return_inverse=True)
        return cls(known, Runs(runs.starts, places.astype(np.uint64)))

    def counts(self) -> Ints:
        """Return the rows of each window."""
        lengths = np.diff(self.runs.starts).astype(np.float64)
        found = np.bincount(self.runs.windows.astype(np.int64), lengths, len(self.numbers))
        return found.astype(np.int64)


def _group(
    table: RowGroups,
    group: int,
    rows: _Rows,
    grid: Grid,
    columns: Mapping[str, str],
    counting: Counting | None,
) -> WindowProfiles:
    count, n = len(rows.numbers), rows.runs.n
    tallies: dict[str, NumberTallies | CategoryTallies] = {}
    asked = counting.columns if counting else ()
    kept: dict[str, Column] = {}
    for names in _blocks(columns, n):
        found = table.read(group, list(names.values()))
        for axis, name in names.items():
            tallies[axis] = _counted(found[name], grid.axes[axis], rows.runs, count)
        kept |= {name: column for name, column in found.items() if name in asked}
    scores: Sequence[ScoreTable | None] = [None] * count
    if counting is not None:
        kept |= table.read(group, [name for name in asked if name not in kept])
        scores = counting.tables(kept, rows.runs, count)
    profiles = {
        number: Profile(
            cases, {axis: one.tally(place) for axis, one in tallies.items()}, scores[place]
        )
        for place, (number, cases) in enumerate(
            zip(rows.numbers.tolist(), rows.counts().tolist(), strict=True)
        )
    }
    return WindowProfiles(profiles)


def _counted(
    column: Column, axis: NumberAxis | CategoryAxis, runs: Runs, windows: int
) -> NumberTallies | CategoryTallies:
    if isinstance(axis, NumberAxis):
        numbers = NumberTallies(axis, windows)
        numbers.add(np.asarray(column), runs)
        return numbers
    categories = CategoryTallies(axis, windows)
    categories.add(_as_text(column), runs)
    return categories


def _as_text(column: Column) -> Coded:
    if isinstance(column, Coded):
        return column
    raise DataError("A column that was text in the reference holds numbers here.")


def _times(columns: Mapping[str, Column], windows: Windows) -> NDArray[np.datetime64]:
    """Return the moments that windows are cut by, read from text where they are written so."""
    name = str(windows.column)
    times = columns[name]
    return text_moments(name, times) if isinstance(times, Coded) else times


def _blocks(columns: Mapping[str, str], rows: int) -> list[dict[str, str]]:
    """Return the columns in blocks that are read at a time."""
    left = iter(columns.items())
    size = max(1, _VALUES // max(rows, 1))
    return list(iter(lambda: dict(islice(left, size)), {}))


def _check(table: RowGroups, grid: Grid, columns: Mapping[str, str], needed: Sequence[str]) -> None:
    kinds = table.kinds()
    missing = sorted({name for name in needed if name not in kinds})
    if missing:
        raise DataError(
            f"The table lacks {', '.join(f'`{name}`' for name in missing)}; its columns are "
            f"{', '.join(kinds)}. Give every column of the reference, under the same name."
        )
    for axis, name in columns.items():
        wanted = "number" if isinstance(grid.axes[axis], NumberAxis) else "text"
        if kinds[name] != wanted:
            raise DataError(
                f"`{name}` holds {_HOLDS[wanted]} in the reference and {_HOLDS[kinds[name]]} in "
                "the table that is compared with it. Write it in the same way in both."
            )
