"""What only the log on disk can do: tear, fill up, die."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters import group_writer
from assay.adapters.capture_groups import MAGIC, framed, read_groups
from assay.adapters.capture_segment import is_closed
from assay.adapters.log_captures import LogCaptures
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import records_of


def _written(folder: Path, ids: list[str]) -> Path:
    log = LogCaptures(folder)
    for name in ids:
        log.append([{"id": name}]).result(timeout=10)
    log.close()
    (path,) = folder.glob("*.log")
    return path


@given(cut=st.integers(min_value=0, max_value=200))
def test_a_file_cut_anywhere_keeps_its_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.log"
    groups = [framed(b'{"id":"%d"}\n' % n) for n in range(8)]
    whole = MAGIC + b"".join(groups)
    path.write_bytes(whole[:cut])
    fits = sum(len(MAGIC) + sum(map(len, groups[: n + 1])) <= cut for n in range(8))
    assert [record["id"] for record in records_of([part for part, _ in read_groups(path)])] == [
        str(n) for n in range(fits)
    ]


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\0\0\0\x05\0\0\0\0torn!", b"\xff" * 20])
def test_garbage_after_the_last_group_is_left_out(tmp_path: Path, tail: bytes) -> None:
    path = _written(tmp_path, ["1", "2"])
    path.write_bytes(path.read_bytes() + tail)
    assert [record["id"] for record in LogCaptures(tmp_path).read()] == ["1", "2"]


def test_a_changed_group_before_the_last_is_found(tmp_path: Path) -> None:
    path = _written(tmp_path, ["first", "second"])
    path.write_bytes(path.read_bytes().replace(b"first", b"fIrst"))
    with pytest.raises(StoreError, match="byte 9 does not match its checksum"):
        list(LogCaptures(tmp_path).read())


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "0.log").write_bytes(b"something else")
    with pytest.raises(StoreError, match="no capture file"):
        list(LogCaptures(tmp_path).read())


def test_each_writer_has_its_own_file_and_the_oldest_is_read_first(tmp_path: Path) -> None:
    first, second = LogCaptures(tmp_path), LogCaptures(tmp_path)
    first.append([{"id": "1"}]).result(timeout=10)
    second.append([{"id": "2"}]).result(timeout=10)
    first.append([{"id": "3"}]).result(timeout=10)
    first.close()
    second.close()
    assert len(list(tmp_path.glob("*.log"))) == 2
    assert [record["id"] for record in LogCaptures(tmp_path).read()] == ["1", "3", "2"]


def test_a_full_disk_fails_the_future_and_the_next_write_goes_to_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogCaptures(tmp_path)
    log.append([{"id": "before"}]).result(timeout=10)
    honest = os.write

    def full(handle: int, content: bytes) -> int:
        if len(content) > 5:
            return honest(handle, bytes(content)[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for _ in range(3):
            with pytest.raises(StoreError, match="No space left on device"):
                log.append([{"id": "lost"}]).result(timeout=10)
    log.append([{"id": "after"}]).result(timeout=10)
    log.close()
    assert [record["id"] for record in LogCaptures(tmp_path).read()] == ["before", "after"]
    assert len(list(tmp_path.glob("*.log"))) == 2


def test_a_failed_fsync_fails_the_future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogCaptures(tmp_path)
    honest = os.fsync

    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(StoreError, match="Input/output error"):
            log.append([{"id": "lost"}]).result(timeout=10)
    assert os.fsync is honest
    log.append([{"id": "kept"}]).result(timeout=10)
    log.close()
    assert [record["id"] for record in LogCaptures(tmp_path).read()] == ["kept"]


def test_too_much_waiting_for_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_writer, "_PENDING_LIMIT", 100)
    log = LogCaptures(tmp_path, interval=60)
    kept = log.append([{"id": "x" * 80}])
    with pytest.raises(StoreError, match="wait for the disk"):
        log.append([{"id": "x" * 80}]).result(timeout=10)
    log.close()
    kept.result(timeout=10)


def test_one_record_larger_than_a_group_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_writer, "_GROUP_LIMIT", 50)
    log = LogCaptures(tmp_path, interval=0.01)
    ids = ["a", "b" * 100, "c", "d"]
    for future in [log.append([{"id": name}]) for name in ids]:
        future.result(timeout=10)
    log.close()
    assert [record["id"] for record in LogCaptures(tmp_path).read()] == ids


_WRITER = """
import sys
import time
from pathlib import Path
from assay.adapters.log_captures import LogCaptures
log = LogCaptures(Path(sys.argv[1]))
n = 0
while True:
    futures = [log.append([{"id": str(n + i)}]) for i in range(7)]
    for future in futures:
        future.result()
    n += 7
    print(n, flush=True)
"""


@pytest.mark.parametrize("after", [1, 4, 9])
def test_kill_9_loses_no_record_whose_future_was_done(tmp_path: Path, after: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(after):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        said = [int(line) for line in writer.stdout.read().splitlines() if line]
    acknowledged = max(said, default=after * 7)
    ids = [int(record["id"]) for record in LogCaptures(tmp_path).read()]
    assert ids == list(range(len(ids)))
    assert len(ids) >= acknowledged


def test_a_file_of_version_1_is_read(tmp_path: Path) -> None:
    lines = b'{"id":"a/0","model":"bank"}\n{"id":"a/1","model":"bank"}\n'
    (tmp_path / "0.log").write_bytes(b"ASSAYCAP\x01" + framed(lines))
    log = LogCaptures(tmp_path)
    assert [record["id"] for record in log.read()] == ["a/0", "a/1"]
    log.append([{"id": "b/0"}]).result(timeout=10)
    log.close()
    assert [record["id"] for record in log.read()] == ["a/0", "a/1", "b/0"]


def _batch(n: int, model: str = "bank") -> CaptureBatch:
    return CaptureBatch(n, {"model": model}, {"id": [f"a/{row}" for row in range(n)]})


def test_those_that_are_written_together_share_a_future(tmp_path: Path) -> None:
    log = LogCaptures(tmp_path, interval=60)
    first, second = (log.add([_batch(1)], soon=False) for _ in range(2))
    assert first is second
    assert not first.done()
    log.add([_batch(1)], soon=True)
    first.result(timeout=10)
    log.close()


def test_what_a_full_disk_cost_is_counted_and_written_down_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogCaptures(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full)
        for n in (3, 4):
            with pytest.raises(StoreError, match="No space left on device"):
                log.add([_batch(n), _batch(1, "other")]).result(timeout=10)
        with pytest.raises(StoreError, match="No space left on device"):
            log.append([{"id": "x", "model": "bank"}, {"failed": True}]).result(timeout=10)
    assert log.lost == 10
    log.add([_batch(1)]).result(timeout=10)
    log.close()
    lost = [one for one in log.read_after("").records if "capture_lost" in one]
    assert {one["model"]: one["capture_lost"] for one in lost} == {"bank": 8, "other": 2}
    assert all("No space left" in one["why"] and one["since"] <= one["at"] for one in lost)
    assert len(list(log.read())) == 1


def _full(handle: int, content: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_segment_is_closed_when_it_is_long_or_old(tmp_path: Path) -> None:
    log = LogCaptures(tmp_path)
    log.govern(None, 200, 3600)
    for _ in range(6):
        log.add([_batch(5)]).result(timeout=10)
    assert len(list(tmp_path.glob("*.log"))) > 2
    log.govern(None, 2**20, 0.05)
    log.add([_batch(5)]).result(timeout=10)
    newest = max(tmp_path.glob("*.log"))
    deadline = time.monotonic() + 60
    while not is_closed(newest) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_closed(newest)
    log.close()


def test_a_segment_that_is_written_is_not_closed(tmp_path: Path) -> None:
    log = LogCaptures(tmp_path)
    log.add([_batch(5)]).result(timeout=10)
    (segment,) = tmp_path.glob("*.log")
    assert not is_closed(segment)
    log.close()
    assert is_closed(segment)


def test_batches_are_protected_before_they_are_written(tmp_path: Path) -> None:
    log = LogCaptures(tmp_path)
    log.govern(lambda batch: CaptureBatch(1, {"model": "safe"}, {"id": ["b"]}), 2**20, 3600)
    log.add([_batch(1)]).result(timeout=10)
    log.close()
    assert [record["model"] for record in log.read()] == ["safe"]


def test_what_cannot_be_encoded_fails_alone_and_the_next_is_written(tmp_path: Path) -> None:
    def odd(batch: CaptureBatch) -> CaptureBatch:
        if batch.shared["model"] == "odd":
            raise ValueError("one odd value")
        return batch

    log = LogCaptures(tmp_path)
    log.govern(odd, 1e9, 1e9)
    log.add([_batch(1)]).result(20)
    with pytest.raises(StoreError, match="ValueError: one odd value"):
        log.add([_batch(2, "odd")]).result(20)
    log.add([_batch(1)]).result(20)
    assert log.lost == 2
    log.close()
    assert sum(1 for _ in log.read()) == 2
