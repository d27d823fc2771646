"""Which window each prediction falls in, and each prediction once, as they come in."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assay.charter.data import Span
from assay.monitor.windows import window_numbers
from assay.ports.served_windows import Part, ServedWindows

__all__ = ["cut", "place"]


def cut(rows: pl.DataFrame, span: Span, time_zone: str) -> dict[int, pl.DataFrame]:
    """Return the windows, by number, of all predictions that there are; each counts once.

    >>> from datetime import datetime
    >>> at = [datetime(2026, 3, 1, hour) for hour in (9, 8, 7)]
    >>> rows = pl.DataFrame({"id": ["a", "b", "a"], "at": at})
    >>> {n: part["id"].to_list() for n, part in cut(rows, Span.parse("1 row"), "UTC").items()}
    {0: ['a'], 1: ['b']}
    """
    firsts = _firsts(rows)
    if not firsts.height:
        return {}
    if span.unit == "row":
        return _sliced(firsts, 0, span.count)
    return _grouped(firsts, span, time_zone)


def place(
    new: pl.DataFrame, kept: ServedWindows, span: Span, time_zone: str
) -> dict[int, pl.DataFrame]:
    """Return the windows, by number, that predictions just read change, with all their rows.

    A prediction counts once, by its id, in the window of its earliest answer; of answers at one
    moment the one read first stands. So the windows do not depend on how often or in which parts a
    log was read, but for the order of predictions made at the very same moment. Windows of rows
    count predictions in order of time: one that is read late moves those after it.
    A window that is left without rows stands with none.
    """
    firsts = _firsts(new)
    known = kept.locate(firsts["id"]) if kept.parts() else None
    moved: dict[int, pl.Series] = {}
    if known is not None and known.height:
        firsts = firsts.join(known.rename({"at": "known_at"}), on="id", how="left")
        firsts = firsts.filter(pl.col("known_at").is_null() | (pl.col("at") < pl.col("known_at")))
        moved = {
            int(window[0]): part["id"]
            for window, part in firsts.drop_nulls("window").group_by("window")
        }
        firsts = firsts.drop("known_at", "window")
    if not firsts.height:
        return {}
    if span.unit == "row":
        return _by_count(firsts, kept, moved, span.count)
    return _by_time(firsts, kept, moved, span, time_zone)


def _firsts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the earliest answer of each id, in order of time."""
    return rows.sort("at", maintain_order=True).unique("id", keep="first", maintain_order=True)


def _grouped(rows: pl.DataFrame, span: Span, zone: str) -> dict[int, pl.DataFrame]:
    numbers = pl.Series("@window", window_numbers(rows["at"].to_numpy(), span, zone))
    parts = rows.with_columns(numbers).group_by("@window", maintain_order=True)
    return {int(number[0]): part.drop("@window") for number, part in parts}


def _sliced(line: pl.DataFrame, first: int, size: int) -> dict[int, pl.DataFrame]:
    return {
        first + place: line.slice(place * size, size) for place in range(-(-line.height // size))
    }


def _by_time(
    rows: pl.DataFrame, kept: ServedWindows, moved: dict[int, pl.Series], span: Span, zone: str
) -> dict[int, pl.DataFrame]:
    parts = kept.parts()
    grouped = _grouped(rows, span, zone)
    changed = {}
    for number in sorted({*grouped, *moved}):
        own = [_without(kept.read(number), moved.get(number))] if number in parts else []
        own += [grouped[number]] if number in grouped else []
        changed[number] = _in_order(own)
    return changed


def _by_count(
    rows: pl.DataFrame, kept: ServedWindows, moved: dict[int, pl.Series], size: int
) -> dict[int, pl.DataFrame]:
    parts = kept.parts()
    first = min(_first_changed(parts, rows, size), min(moved, default=len(parts)))
    own = [_without(kept.read(number), moved.get(number)) for number in parts if number >= first]
    line = _in_order([*own, rows])
    changed = _sliced(line, first, size)
    gone = {number: line.clear() for number in parts if number >= first + len(changed)}
    return changed | gone


def _first_changed(parts: Mapping[int, Part], rows: pl.DataFrame, size: int) -> int:
    """Return the first window of rows that new rows fall into, or push on."""
    earliest = rows["at"][0]
    touched = (n for n, part in parts.items() if part.last > earliest or part.n < size)
    return next(touched, len(parts))


def _without(rows: pl.DataFrame, ids: pl.Series | None) -> pl.DataFrame:
    return rows if ids is None else rows.filter(~pl.col("id").is_in(ids.implode()))


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return rows in order of time; of one moment those that stand first in `parts` first."""
    together = parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal_relaxed")
    return together.sort("at", maintain_order=True)
