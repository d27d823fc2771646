"""One suite over every adapter of the captures port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay.adapters.log_captures import LogCaptures
from assay.adapters.memory_captures import MemoryCaptures
from assay.errors import StoreError
from assay.ports.captures import CaptureLog, Record

Make = Callable[[], CaptureLog]


@pytest.fixture(params=["memory", "log", "log with an interval"])
def captures(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CaptureLog]:
    make: dict[str, Make] = {
        "memory": MemoryCaptures,
        "log": lambda: LogCaptures(tmp_path / "captures"),
        "log with an interval": lambda: LogCaptures(tmp_path / "captures", interval=0.002),
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
