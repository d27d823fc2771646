"""Files anyone has, profiled and compared: no directory, no charter, nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import DataError, InputError

if TYPE_CHECKING:
    from assay.monitor.file_cases import FileCases
    from assay.monitor.file_profile import WindowProfiles
    from assay.monitor.file_report import FileReport
    from assay.monitor.file_windows import Windows
    from assay.ports.map_sum import MapSum
    from assay.ports.row_groups import RowGroups
    from assay.stats.grid import Grid
    from assay.stats.profile import Profile

__all__ = ["Asked", "profile_files", "row_groups"]

_PARTS = 20
"""Windows of a reference that is not cut by time."""
_LEAST_WINDOWS = 10


@dataclass(frozen=True)
class Asked:
    """What to compare: tables, how rows fall into windows, and what the model's columns are.

    `window` is a span such as `1 day` or `1000 rows`; `column` holds moments where it is a time.
    With `score`, `decision` and `outcome` performance is told too, and value where `value` (the
    text of a value section) or `amount` is given: what an action brings where the outcome is
    positive, at `cost`.
    """

    reference: Path
    analysis: Sequence[Path]
    column: str | None = None
    window: str = "1 day"
    zone: str = "UTC"
    score: str | None = None
    decision: str | None = None
    outcome: str | None = None
    amount: str | None = None
    cost: float = 0.0
    currency: str = "EUR"
    value: str | None = None
    positive: str | None = None

    @property
    def valued(self) -> bool:
        """Whether payoffs were given."""
        return self.value is not None or self.amount is not None


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
    windows = _windows(asked, after)
    found = _reference(before, grid, windows, engine, options)
    keys = names_of_rows(grid, found)
    left_out |= dict.fromkeys(keys, "nearly every row has a value of its own")
    grid, profiles = widened(without(grid, keys), found, but=("@score",))
    seen = window_profiles(after, grid, windows, engine, **options)
    named = [(windows.name(number), one) for number, one in seen.in_order()]
    return _measured(asked, grid, profiles, named, cases, left_out)


def _measured(
    asked: Asked,
    grid: Grid,
    profiles: Sequence[Profile],
    windows: Sequence[tuple[str, Profile]],
    cases: FileCases | None,
    left_out: Mapping[str, str],
) -> FileReport:
    """Measure every window of the analysis beside those of the reference."""
    from assay.monitor.file_report import FileReport, measured_windows
    from assay.stats.reference import Reference

    reference = Reference(grid, tuple(profiles))
    measured = measured_windows(windows, reference)
    if cases is not None:
        from assay.monitor.file_scores import watched_file, with_scores

        watched = watched_file(grid, profiles, cases)
        measured = [
            with_scores(found, one, watched, valued=asked.valued)
            for found, (_, one) in zip(measured, windows, strict=True)
        ]
    return FileReport(measured, len(profiles), sum(one.n for one in profiles), left_out)


def row_groups(paths: Sequence[Path]) -> RowGroups:
    """Return tables as groups of rows: Parquet files, a folder of them, a CSV or a Delta table.

    What a path is follows from its suffix, and of a folder from what is in it.
    """
    files: list[Path] = []
    for path in paths:
        if (path / "_delta_log").is_dir():
            if len(paths) > 1:
                raise InputError(f"{path} is a Delta table, which is read alone. Give one table.")
            from assay.adapters.deltalake_row_groups import DeltalakeRowGroups

            return DeltalakeRowGroups(path)
        files += sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
        if path.is_dir() and not any(path.glob("**/*.parquet")):
            raise DataError(f"The folder {path} holds no .parquet file. Give one that does.")
    if any(file.suffix.lower() == ".csv" for file in files):
        return _csv(files)
    for file in files:
        if file.is_file() and file.suffix.lower() not in {".parquet", ".pq"}:
            raise DataError(
                f"{file} ends in {file.suffix or 'no suffix'}, and tables are read from .parquet, "
                ".pq and .csv files and Delta tables. Convert it, or rename it if it is one."
            )
    from assay.adapters.pyarrow_row_groups import PyarrowRowGroups

    return PyarrowRowGroups(files)


def _csv(files: Sequence[Path]) -> RowGroups:
    import polars as pl

    from assay.adapters.polars_row_groups import PolarsRowGroups
    from assay.adapters.polars_tables import PolarsTables

    frames = [PolarsTables().read(file) for file in files]
    return PolarsRowGroups(pl.concat(frames, how="vertical_relaxed"))


def _windows(asked: Asked, after: RowGroups) -> Windows:
    """Return how the analysis is cut; InputError where the span or the column is no good."""
    from assay.monitor.file_windows import Clock, Count

    count, _, unit = asked.window.strip().partition(" ")
    unit = unit.strip().rstrip("s")
    if not count.isdigit() or int(count) == 0 or unit not in {"row", "hour", "day"}:
        raise InputError(
            f"--window is {asked.window!r}, and a window is a number of rows, hours or days. "
            "Write `1000 rows`, `6 hours` or `1 day`."
        )
    if unit == "row":
        return Count(int(count))
    if asked.column is None:
        total = sum(after.sizes())
        return Count(max(1, -(-total // _PARTS)))
    kinds = after.kinds()
    if kinds.get(asked.column, "time") != "time":
        raise DataError(
            f"`{asked.column}` holds {kinds[asked.column]}s, and windows are cut by moments. Cast "
            "it to a timestamp, or cut by rows with --window '1000 rows'."
        )
    return Clock(asked.column, int(count), "hour" if unit == "hour" else "day", asked.zone)


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
    if windows.column is not None and windows.column not in table.kinds():
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
    return columns, left_out


def _cases(asked: Asked, grid: Grid) -> FileCases | None:
    """Return how cases are counted; None without a score."""
    from assay.monitor.file_cases import FileCases
    from assay.stats.grid import NumberAxis

    given = {"score": asked.score, "decision": asked.decision, "outcome": asked.outcome}
    if not any(given.values()):
        return None
    lacking = [f"--{name}" for name, column in given.items() if column is None]
    if lacking:
        raise InputError(
            f"Performance needs --score, --decision and --outcome; {' and '.join(lacking)} "
            "lacks. Name all three columns, or none of them for drift and quality alone."
        )
    axis = grid.axes["@score"]
    if not isinstance(axis, NumberAxis):
        raise DataError(f"`{asked.score}` holds text, and a score is a number. Name another.")
    return FileCases(
        score=str(asked.score),
        decision=str(asked.decision),
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
    pays: Any = 0.0 if asked.amount is None else f"{asked.amount} - {asked.cost!r}"
    table = PayoffTable(("act", "wait"), ("no", "yes"), ((-asked.cost, pays), (0.0, 0.0)))
    if asked.amount is None:
        table = PayoffTable(("act", "wait"), ("no", "yes"), ((-1.0, 1.0), (0.0, 0.0)))
    policy = BestAction()
    return ClassificationValuation(asked.currency, table, policy, {"nothing": "wait"}, "nothing")


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
