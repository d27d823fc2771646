"""Files anyone has, profiled and compared: no directory, no charter, nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.errors import DataError, InputError
from assay.workspace.profile_question import Asked, Span
from assay.workspace.profile_tables import row_groups

if TYPE_CHECKING:
    from assay.monitor.file_cases import FileCases
    from assay.monitor.file_profile import WindowProfiles
    from assay.monitor.file_report import FileReport
    from assay.monitor.file_windows import Windows
    from assay.ports.map_sum import MapSum
    from assay.ports.row_groups import RowGroups
    from assay.stats.grid import Grid
    from assay.stats.profile import Profile

__all__ = ["Asked", "profile_files"]

_PARTS = 20
"""Windows of a reference that is not cut by time."""
_LEAST_WINDOWS = 10
_MOMENTS = {"time", "text"}
"""Kinds of columns that can hold moments: text where it is written as ISO 8601."""


def profile_files(asked: Asked, engine: MapSum | None = None) -> FileReport:
    """Profile a reference and an analysis, and measure every window of the analysis.

    `engine` maps work over groups of rows and adds up what comes back; threads where not given.
    """
    from assay.adapters.thread_map_sum import ThreadMapSum
    from assay.monitor.file_profile import learned_grid, window_profiles
    from assay.stats.widened import names_of_rows, widened, without

    engine = engine or ThreadMapSum()
    before, after = row_groups([asked.reference]), row_groups(asked.analysis)
    columns, left_out = _columns(asked, before, after)
    grid = learned_grid(before, columns)
    cases = _cases(asked, grid)
    options: dict[str, Any] = {"named": columns, "counting": cases}
    windows, cut = _windows(asked, after)
    found = _reference(before, grid, windows, engine, options)
    keys = names_of_rows(grid, found)
    left_out |= dict.fromkeys(keys, "nearly every row has a value of its own")
    grid, profiles = widened(without(grid, keys), found, but=("@score",))
    seen = window_profiles(after, grid, windows, engine, **options)
    named = [(windows.name(number), one) for number, one in seen.in_order()]
    report = _measured(asked, grid, profiles, named, cases)
    return replace(report, left_out=left_out, cut=cut)


def _measured(
    asked: Asked,
    grid: Grid,
    profiles: Sequence[Profile],
    windows: Sequence[tuple[str, Profile]],
    cases: FileCases | None,
) -> FileReport:
    """Measure every window of the analysis beside those of the reference."""
    from assay.monitor.file_report import FileReport, measured_windows
    from assay.stats.reference import Reference

    reference = Reference(grid, tuple(profiles))
    measured = measured_windows(windows, reference)
    doubts: tuple[str, ...] = ()
    if cases is not None:
        from assay.monitor.file_scores import value_in_doubt, watched_file, with_scores

        watched = watched_file(grid, profiles, cases)
        measured = [
            with_scores(found, one, watched, valued=asked.valued)
            for found, (_, one) in zip(measured, windows, strict=True)
        ]
        doubts = value_in_doubt(watched) if asked.valued else ()
    return FileReport(measured, len(profiles), reference.pooled.n, {}, warnings=doubts)


def _windows(asked: Asked, after: RowGroups) -> tuple[Windows, str]:
    """Return how the analysis is cut, and that in words; DataError where the column is no good."""
    from assay.monitor.file_windows import Clock, Count

    span, total = asked.span, sum(after.sizes())
    if span.unit == "row":
        return Count(min(span.count, total)), f"Cut into windows of {span}"
    if asked.column is None:
        size = max(1, -(-total // _PARTS))
        why = "in the order of the table, as no --window-column was named"
        return Count(size), f"Cut into windows of {Span(size, 'row')} {why}"
    kinds = after.kinds()
    if kinds.get(asked.column, "time") not in _MOMENTS:
        raise DataError(
            f"`{asked.column}` holds no moments, and windows are cut by moments. Cast it to a "
            "timestamp, or cut by rows with --window '1000 rows'."
        )
    words = f"Cut into windows of {span} by `{asked.column}` ({asked.zone})"
    return Clock(asked.column, span.count, span.unit, asked.zone), words


def _reference(
    table: RowGroups,
    grid: Grid,
    windows: Windows,
    engine: MapSum,
    options: Mapping[str, Any],
) -> list[Profile]:
    """Return the reference's windows: cut as the analysis is, or into parts where that is few."""
    from assay.monitor.file_profile import window_profiles
    from assay.monitor.file_windows import Count

    def cut(how: Windows) -> list[Profile]:
        found: WindowProfiles = window_profiles(table, grid, how, engine, **options)
        return [profile for _, profile in found.in_order()]

    total = sum(table.sizes())
    parts = Count(max(1, -(-total // _PARTS)))
    if windows.column is not None and table.kinds().get(windows.column) not in _MOMENTS:
        return cut(parts)
    found = cut(windows)
    return found if len(found) >= _LEAST_WINDOWS or total < 20 * _PARTS else cut(parts)


def _columns(
    asked: Asked, before: RowGroups, after: RowGroups
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns to compare by the name of their axis, and why others are left out."""
    kinds = before.kinds()
    named = {asked.score, asked.decision, asked.outcome, asked.amount} - {None}
    missing = sorted(
        f"`{name}`" for name in named if name not in kinds or name not in after.kinds()
    )
    if missing:
        raise DataError(
            f"Not in both tables: {', '.join(missing)}. The reference has {', '.join(kinds)}."
        )
    columns: dict[str, str] = {"@score": asked.score} if asked.score else {}
    left_out: dict[str, str] = {}
    for name, kind in kinds.items():
        if name in {asked.score, asked.outcome, asked.column}:
            continue
        if kind in {"number", "text"}:
            columns[name] = name
        else:
            left_out[name] = "a moment" if kind == "time" else "neither number nor text"
    new = (name for name in after.kinds() if name not in kinds and name != asked.column)
    left_out |= dict.fromkeys(new, "not in the reference")
    return columns, left_out


def _cases(asked: Asked, grid: Grid) -> FileCases | None:
    """Return how cases are counted; None without a score."""
    from assay.monitor.file_cases import FileCases
    from assay.stats.grid import NumberAxis

    if asked.score is None:
        return None
    axis = grid.axes["@score"]
    if not isinstance(axis, NumberAxis):
        raise DataError(f"`{asked.score}` holds text, and a score is a number. Name another.")
    return FileCases(
        score=asked.score,
        decision=asked.decision,
        outcome=asked.outcome,
        axis=axis,
        valuation=_valuation(asked),
    )


def _valuation(asked: Asked) -> Any:
    from assay.charter.policy import BestAction
    from assay.value.classification import ClassificationValuation
    from assay.value.payoff import PayoffTable

    if asked.value is not None:
        return _given_valuation(asked)
    cost = asked.cost or 0.0
    acting: tuple[Any, Any] = (-cost, f"{asked.amount} - {cost!r}") if asked.amount else (-1.0, 1.0)
    table = PayoffTable(("act", "wait"), ("no", "yes"), (acting, (0.0, 0.0)))
    policy, currency = BestAction(), asked.currency or "EUR"
    return ClassificationValuation(currency, table, policy, {"nothing": "wait"}, "nothing")


def _given_valuation(asked: Asked) -> Any:
    from assay.charter.data import Data
    from assay.charter.value_model import value_model
    from assay.value.classification import ClassificationValuation
    from assay.value.valuation import valuation

    model = value_model(str(asked.value), positive=asked.positive)
    data = Data(source="-", outcome=str(asked.outcome), positive=asked.positive)
    found = valuation(model, data)
    if not isinstance(found, ClassificationValuation) or len(found.labels) != 2:
        raise InputError(
            "Files are valued where there are two outcomes and actions are decided; this value "
            "section is of another kind. Monitor the model with a charter (`assay monitor`)."
        )
    return found
