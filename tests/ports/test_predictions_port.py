"""One suite for every adapter of the predictions port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.capture_predictions import CapturePredictions
from assay.adapters.delta_predictions import DeltaPredictions
from assay.adapters.file_predictions import FilePredictions
from assay.adapters.log_captures import LogCaptures
from assay.adapters.log_frame import LogFrame
from assay.adapters.memory_captures import MemoryCaptures
from assay.charter.prediction_log import LogColumns
from assay.ports.captures import CaptureLog
from assay.ports.predictions import Predictions

START = datetime.fromisoformat("2026-03-01")
COLUMNS = LogColumns(score="p", id="id", time="at", decision="done", version="v")


@dataclass(frozen=True)
class Log:
    """A log that grows: `add` writes predictions by number."""

    source: Predictions
    add: Callable[[list[int]], None]


def _captures(captures: CaptureLog) -> Log:
    def add(numbers: list[int]) -> None:
        records: list[dict[str, Any]] = [
            {
                "id": f"p{one}",
                "at": f"{(START + timedelta(hours=one)).isoformat()}+00:00",
                "model": "bank",
                "version": 2,
                "bundle": "d",
                "arm": "champion",
                "score": one / 100,
                "decision": "call",
                "inputs": {"x": one, "c": "a"},
            }
            for one in numbers
        ]
        captures.append([*records, {**records[0], "model": "other"}]).result(timeout=10)

    return Log(CapturePredictions(captures, "bank"), add)


def _frame(numbers: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"p{one}" for one in numbers],
            "at": [START + timedelta(hours=one) for one in numbers],
            "p": [one / 100 for one in numbers],
            "v": [2] * len(numbers),
            "done": ["call"] * len(numbers),
            "x": numbers,
            "c": ["a"] * len(numbers),
        }
    )


def _files(folder: Path, ending: str) -> Log:
    def add(numbers: list[int]) -> None:
        path = folder / f"{numbers[0]:04d}.{ending}"
        table = _frame(numbers)
        table.write_csv(path) if ending == "csv" else table.write_parquet(path)

    folder.mkdir()
    return Log(FilePredictions(folder, ".", LogFrame(COLUMNS, amounts=False, bundle="d")), add)


def _delta(folder: Path) -> Log:
    pytest.importorskip("deltalake")
    _frame([0]).clear().write_delta(str(folder))
    frame = LogFrame(COLUMNS, amounts=False, bundle="d")
    return Log(
        DeltaPredictions(folder, frame),
        lambda numbers: _frame(numbers).write_delta(str(folder), mode="append"),
    )


ADAPTERS: dict[str, Callable[[Path], Log]] = {
    "memory captures": lambda _: _captures(MemoryCaptures()),
    "log captures": lambda folder: _captures(LogCaptures(folder / "captures")),
    "parquet": lambda folder: _files(folder / "logs", "parquet"),
    "csv": lambda folder: _files(folder / "logs", "csv"),
    "delta": lambda folder: _delta(folder / "table"),
}


@pytest.fixture(params=ADAPTERS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return ADAPTERS[request.param](tmp_path)


def _read(source: Predictions, position: str) -> tuple[list[str], str]:
    found, more = [], True
    while more:
        batch = source.after(position)
        found += batch.rows["id"].to_list()
        position, more = batch.position, batch.more
    return sorted(found), position


def test_an_empty_log_has_nothing_new(log: Log) -> None:
    ids, position = _read(log.source, "")
    assert ids == []
    assert _read(log.source, position)[0] == []


def test_only_what_is_new_is_read(log: Log) -> None:
    log.add([1, 2, 3])
    ids, position = _read(log.source, "")
    assert ids == ["p1", "p2", "p3"]
    assert _read(log.source, position) == ([], position)
    log.add([4])
    log.add([5, 6])
    later, end = _read(log.source, position)
    assert later == ["p4", "p5", "p6"]
    assert _read(log.source, end)[0] == []
    assert _read(log.source, "")[0] == ["p1", "p2", "p3", "p4", "p5", "p6"]


def test_rows_have_the_names_and_kinds_that_monitoring_knows(log: Log) -> None:
    log.add([7])
    (row,) = log.source.after("").rows.to_dicts()
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {
        "id": "p7",
        "at": START + timedelta(hours=7),
        "version": 2,
        "bundle": "d",
        "arm": "champion",
        "score": 0.07,
        "decision": "call",
        "in:x": 7.0,
        "in:c": "a",
    }
