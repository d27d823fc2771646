"""One suite over every adapter of the captures port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.log_captures import LogCaptures
from assay.adapters.memory_captures import MemoryCaptures
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import CaptureLog, Record

Make = Callable[[], CaptureLog]


@pytest.fixture(params=["memory", "log", "log with an interval", "lake"])
def captures(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CaptureLog]:
    make: dict[str, Make] = {
        "memory": MemoryCaptures,
        "log": lambda: LogCaptures(tmp_path / "captures"),
        "log with an interval": lambda: LogCaptures(tmp_path / "captures", interval=0.002),
        "lake": lambda: LakeCaptures(tmp_path / "captures"),
    }
    log = make[request.param]()
    yield log
    log.close()


def test_what_is_appended_is_read_back_in_order(captures: CaptureLog) -> None:
    first: list[Record] = [
        {"id": "a/0", "inputs": {"x": 1.5, "c": "é\x00\n\u2028"}, "explored": False}
    ]
    second: list[Record] = [
        {"id": "b/0", "inputs": {"x": None}},
        {"id": "b/1", "at": "2026-01-01T00:00:00Z"},
    ]
    captures.append(first).result(timeout=10)
    captures.append(second).result(timeout=10)
    assert list(captures.read()) == [*first, *second]


def test_a_number_that_is_missing_is_read_back_as_nothing(captures: CaptureLog) -> None:
    captures.append([{"inputs": {"x": float("nan")}}]).result(timeout=10)
    assert list(captures.read()) == [{"inputs": {"x": None}}]


def test_an_empty_log_reads_as_nothing(captures: CaptureLog) -> None:
    assert list(captures.read()) == []


def test_no_records_are_done_at_once_and_leave_no_trace(captures: CaptureLog) -> None:
    captures.append([]).result(timeout=10)
    assert list(captures.read()) == []


def test_many_appends_without_waiting_keep_their_order(captures: CaptureLog) -> None:
    futures = [captures.append([{"id": str(n)}]) for n in range(500)]
    for future in futures:
        future.result(timeout=10)
    assert [record["id"] for record in captures.read()] == [str(n) for n in range(500)]


def test_close_writes_what_is_left_and_may_be_called_twice(captures: CaptureLog) -> None:
    future = captures.append([{"id": "last"}])
    captures.close()
    captures.close()
    assert future.done()
    assert list(captures.read()) == [{"id": "last"}]


def test_after_close_an_append_fails(captures: CaptureLog) -> None:
    captures.close()
    with pytest.raises(StoreError, match="closed"):
        captures.append([{"id": "late"}]).result(timeout=10)


def test_what_cannot_be_written_as_json_is_refused_at_once(captures: CaptureLog) -> None:
    with pytest.raises(TypeError):
        captures.append([{"id": object()}])
    assert list(captures.read()) == []


def _batch(n: int, name: str = "a", **shared: object) -> CaptureBatch:
    return CaptureBatch(
        n,
        {"at": "2026-03-01T12:00:00+00:00", "model": "bank", "arm": "champion", **shared},
        {"id": [f"{name}/{row}" for row in range(n)], "score": [row / 8 for row in range(n)]},
        {"x": [None] * n, "job": ["é\x00\n\u2028"] * n},
    )


def test_a_batch_is_read_back_as_a_record_for_each_row(captures: CaptureLog) -> None:
    captures.append([{"id": "first"}]).result(timeout=10)
    captures.add([_batch(2), _batch(1, "b")]).result(timeout=10)
    wanted = [{"id": "first"}, *_batch(2).records(), *_batch(1, "b").records()]
    assert list(captures.read()) == wanted
    assert captures.read_after("").records == wanted


def test_nobody_reads_shadows_or_failures_as_answers(captures: CaptureLog) -> None:
    captures.add([_batch(1, arm="shadow", shadow=True), _batch(1, "b")]).result(timeout=10)
    captures.append([{"failed": True, "status": 400}]).result(timeout=10)
    assert [record["id"] for record in captures.read()] == ["b/0"]
    assert [record["id"] for record in captures.shadows()] == ["a/0"]
    assert len(captures.read_after("").records) == 3


def test_reading_goes_on_where_it_stopped(captures: CaptureLog) -> None:
    captures.add([_batch(2)]).result(timeout=10)
    position = captures.read_after("").position
    captures.add([_batch(1, "b")]).result(timeout=10)
    read = captures.read_after(position)
    assert [record["id"] for record in read.records] == ["b/0"]
    assert captures.read_after(read.position).records == []


def test_many_batches_that_nobody_waits_for_keep_their_order(captures: CaptureLog) -> None:
    futures = [captures.add([_batch(1, str(n))], soon=n % 50 == 0) for n in range(300)]
    for future in futures:
        future.result(timeout=10)
    assert [record["id"] for record in captures.read()] == [f"{n}/0" for n in range(300)]


def test_no_rows_are_done_at_once_and_leave_no_trace(captures: CaptureLog) -> None:
    captures.add([]).result(timeout=10)
    captures.add([_batch(0)]).result(timeout=10)
    assert captures.read_after("").records == []


def test_a_batch_with_odd_values_is_written_and_harms_no_other(captures: CaptureLog) -> None:
    scores: Any = np.array([0.5, np.nan, 1.0])
    jobs: Any = np.array(["a", "b", None], dtype=object)
    each = {"id": ["o/0", "o/1", "o/2"], "score": scores}
    odd = CaptureBatch(3, {"model": "bank"}, each, {"x": ["\ud800", {1, 2}, 2**70], "job": jobs})
    both = [captures.add([odd]), captures.add([_batch(1)])]
    for future in both:
        future.result(timeout=10)
    first, second, third, last = captures.read()
    assert first["inputs"] == {"x": "?", "job": "a"}
    assert (second["score"], third["score"]) == (None, 1.0)
    assert third["inputs"] == {"x": str(2**70), "job": None}
    assert last["id"] == "a/0"


def test_after_close_a_batch_fails(captures: CaptureLog) -> None:
    captures.close()
    with pytest.raises(StoreError, match="closed"):
        captures.add([_batch(1)]).result(timeout=10)
