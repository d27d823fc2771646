"""A sweep that others monitor beside: what they found while it judged stays found."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bench.sweep import add_window, make_models, table

from assay.adapters.sqlite_profiles import SqliteProfiles
from assay.lifecycle import sweeping
from assay.lifecycle.sweeping import Looked, judged_together
from assay.workspace import Workspace
from assay.workspace.sweeping import model_directories, sweep

ROWS = 600


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    make_models(tmp_path, 2, ROWS)
    return model_directories([tmp_path / "models"])


def _between(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Let something happen after a sweep has looked, and before it posts."""

    def judged(looks: Iterable[Looked]) -> list[Looked]:
        found = judged_together(looks)
        happens()
        return found

    monkeypatch.setattr(sweeping, "judged_together", judged)


def _open(directory: Path) -> set[str]:
    return {one.id for one in Workspace(directory).alerts() if one.open}


def test_an_alert_that_was_raised_meanwhile_stays_open(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(models)
    raised: list[str] = []

    def monitored() -> None:
        add_window(tmp_path)
        assert Workspace(models[0]).monitor().raised > 0
        raised.extend(_open(models[0]))

    _between(monkeypatch, monitored)
    first, _ = sweep(models)
    assert first.closed == 0
    assert _open(models[0]) == set(raised)
    assert first.result is not None
    assert {one.id for one in first.result.alerts if one.open} == set(raised)


def test_labels_that_came_meanwhile_are_kept(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = pl.read_parquet(models[0] / "log" / "0.parquet")
    told = log.select(pl.col("request").alias("id"), pl.lit("no").alias("outcome"))
    told.write_parquet(tmp_path / "o.parquet")
    seen: list[Any] = []

    def handed_in() -> None:
        workspace = Workspace(models[0])
        workspace.outcomes(tmp_path / "o.parquet")
        seen.append(workspace.observe().windows[0].measured.realised)

    _between(monkeypatch, handed_in)
    first, _ = sweep(models)
    assert first.result is not None
    after = Workspace(models[0]).monitor()
    assert seen[0] == after.result.windows[0].measured.realised
    assert seen[0].value < 0, "nobody paid, as was handed in last"


def test_rows_that_came_into_a_window_meanwhile_are_looked_at_before_it_posts(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = table(ROWS, -ROWS, 11, shift=0.5)

    def logged() -> None:
        early.write_parquet(models[0] / "log" / "early.parquet")
        Workspace(models[0]).observe()

    _between(monkeypatch, logged)
    first, _ = sweep(models)
    assert first.result is not None
    assert [one.measured.n for one in first.result.windows] == [ROWS, ROWS]
    raised = _open(models[0])
    assert raised == {one.id for one in first.result.alerts if one.open}
    monkeypatch.undo()
    again, _ = sweep(models)
    assert (again.raised, again.closed, again.posted) == (0, 0, 0)
    assert _open(models[0]) == raised


def test_only_who_holds_the_lock_writes_readings(
    models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put, held = SqliteProfiles.put, []

    def watched(profiles: SqliteProfiles, readings: Any) -> None:
        directory = next(one for one in models if str(profiles._path).startswith(str(one)))
        with (directory / ".assay" / "monitor" / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(True)
            else:
                held.append(False)
        put(profiles, readings)

    monkeypatch.setattr(SqliteProfiles, "put", watched)
    sweep(models)
    assert held == [True] * 4, "each model's measures, and each model's verdicts"
