"""Captures in the log and in the lake read as one, wherever each segment is by now."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bench.kill.captures import Loop
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters import lake_captures
from assay.adapters.capture_groups import framed
from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_file import read_lake_file
from assay.adapters.lake_files import lake_files
from assay.adapters.lake_rotation import rotate
from assay.adapters.log_captures import LogCaptures
from assay.charter.serving import Capturing
from assay.deploy.protected_columns import Protection
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Record

_TEXT = st.text(max_size=6) | st.sampled_from(["2026-03-01T12:00:00+00:00", "call"])
_VALUE = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
)
_NAME = st.sampled_from(["id", "at", "arm", "score", "decision", "entity", "odd name"])
_ANY = _VALUE | st.lists(_VALUE, max_size=3) | st.dictionaries(st.sampled_from("ab"), _VALUE)
_RECORD = st.fixed_dictionaries(
    {"model": st.just("bank")},
    optional={
        "at": st.just("2026-03-01T12:00:00.250000+00:00") | _VALUE,
        "failed": st.just(value=True),
        "shadow": st.just(value=True),
        "flags": st.lists(st.sampled_from(["age out of range", "é"]), max_size=2),
        "inputs": st.dictionaries(st.sampled_from(["age", "job", "in:x", "_after"]), _ANY),
        "score": st.lists(st.floats(0, 1), min_size=2, max_size=2) | st.floats(0, 1),
        "note": _ANY,
    },
)


def _batch(n: int, name: str, **shared: Any) -> CaptureBatch:
    return CaptureBatch(
        n,
        {"at": "2026-03-01T12:00:00+00:00", "model": "bank", "arm": "champion", **shared},
        {"id": [f"{name}/{row}" for row in range(n)], "score": [row / 8 for row in range(n)]},
        {"x": [float(row) for row in range(n)], "job": ["a"] * n},
    )


def _segment(folder: Path, parts: Sequence[CaptureBatch | Record]) -> None:
    """Write one segment, a group for each part, and close it."""
    log = LogCaptures(folder)
    for part in parts:
        added = log.add([part]) if isinstance(part, CaptureBatch) else log.append([part])
        added.result(timeout=10)
    log.close()


def _ids(folder: Path) -> list[str]:
    return [record["id"] for record in LakeCaptures(folder).read()]


@settings(max_examples=30)
@given(segments=st.lists(st.lists(_RECORD, min_size=1, max_size=5), min_size=1, max_size=3))
def test_what_went_over_reads_exactly_as_it_did(
    tmp_path_factory: pytest.TempPathFactory, segments: list[list[Record]]
) -> None:
    folder = tmp_path_factory.mktemp("lake")
    for records in segments:
        _segment(folder, records)
    log = LakeCaptures(folder)
    before = (list(log.read()), list(log.shadows()), log.read_after("").records)
    assert rotate(folder).rows == sum(map(len, segments))
    assert not list(folder.glob("*.log"))
    assert (list(log.read()), list(log.shadows()), log.read_after("").records) == before


@settings(max_examples=25)
@given(
    steps=st.lists(st.sampled_from(["write", "close", "rotate", "read"]), min_size=3, max_size=14),
    limit=st.integers(1, 5),
)
def test_reading_on_finds_each_record_once_whatever_went_over_meanwhile(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    log, reader = LogCaptures(folder), LakeCaptures(folder)
    position, found, n = "", list[str](), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lake_captures, "_ROWS", limit)
        for step in [*steps, "close", "rotate", *["read"] * 60]:
            if step == "write":
                log.add([_batch(2, str(n))]).result(timeout=10)
                n += 1
            elif step == "close":
                log.close()
                log = LogCaptures(folder)
            elif step == "rotate":
                rotate(folder)
            else:
                read = reader.read_after(position)
                position = read.position
                found += [record["id"] for record in read.records]
    log.close()
    assert sorted(found) == sorted(f"{one}/{row}" for one in range(n) for row in range(2))
    assert reader.read_after(position).records == []
    assert position.count(".log") == 0, "what is in the lake needs no place in a position"


def test_a_position_of_a_log_without_a_lake_goes_on_in_the_lake(tmp_path: Path) -> None:
    log = LogCaptures(tmp_path)
    log.add([_batch(2, "a")]).result(timeout=10)
    position = log.read_after("").position
    log.add([_batch(1, "b")]).result(timeout=10)
    log.close()
    rotate(tmp_path)
    read = LakeCaptures(tmp_path).read_after(position)
    assert [record["id"] for record in read.records] == ["b/0"]


def test_a_segment_that_is_written_stays_and_one_of_a_dead_writer_goes_over(tmp_path: Path) -> None:
    _segment(tmp_path, [_batch(3, "a")])
    log = LogCaptures(tmp_path)
    log.add([_batch(1, "b")]).result(timeout=10)
    assert rotate(tmp_path).rows == 3
    assert rotate(tmp_path).files == 0
    assert _ids(tmp_path) == ["a/0", "a/1", "a/2", "b/0"]
    log.close()


def test_a_torn_last_group_and_a_file_of_version_1_go_over(tmp_path: Path) -> None:
    _segment(tmp_path, [_batch(1, "a"), _batch(1, "torn")])
    (segment,) = tmp_path.glob("*.log")
    segment.write_bytes(segment.read_bytes()[:-3])
    old = tmp_path / "01772366400000000000-7-ab.log"
    old.write_bytes(b"ASSAYCAP\x01" + framed(b'{"id":"old","model":"bank"}\n'))
    (tmp_path / "01772366400000000001-7-ab.log").write_bytes(b"ASSAYCAP\x02torn")
    assert rotate(tmp_path).rows == 2
    assert _ids(tmp_path) == ["old", "a/0"]
    assert (tmp_path / "lake" / "day=2026-03-01").is_dir()
    assert not list(tmp_path.glob("*.log"))


def test_a_damaged_segment_stays_and_is_named(tmp_path: Path) -> None:
    _segment(tmp_path, [_batch(1, "first"), _batch(1, "second")])
    (segment,) = tmp_path.glob("*.log")
    segment.write_bytes(segment.read_bytes().replace(b"first", b"fIrst"))
    with pytest.raises(StoreError, match="does not match its checksum"):
        rotate(tmp_path)
    assert segment.exists()


def test_killed_between_the_file_and_its_segment_nothing_is_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _segment(tmp_path, [_batch(3, "a")])
    position = LakeCaptures(tmp_path).read_after("").position
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", _refuse)
        with pytest.raises(StoreError, match="cannot go over"):
            rotate(tmp_path)
    assert len(list(tmp_path.glob("*.log"))) == 1
    assert _ids(tmp_path) == ["a/0", "a/1", "a/2"]
    assert LakeCaptures(tmp_path).read_after(position).records == []
    rotate(tmp_path)
    assert not list(tmp_path.glob("*.log"))
    assert _ids(tmp_path) == ["a/0", "a/1", "a/2"]


def _refuse(path: Path, *, missing_ok: bool = False) -> None:
    if not missing_ok:
        raise OSError(errno.EIO, "Input/output error")


def test_a_file_that_says_otherwise_than_its_segment_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _segment(tmp_path, [_batch(3, "a")])
    honest = read_lake_file
    monkeypatch.setattr(
        "assay.adapters.lake_rotation.read_lake_file",
        lambda path: [*list(honest(path))[:-1], (_batch(1, "other"), 9)],
    )
    with pytest.raises(StoreError, match="reads otherwise from Parquet"):
        rotate(tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))
    assert len(_ids(tmp_path)) == 3


def test_anyone_can_read_the_lake_with_columns_of_their_kinds(tmp_path: Path) -> None:
    _segment(tmp_path, [_batch(3, "a"), {"failed": True, "model": "bank", "status": 503}])
    rotate(tmp_path)
    frame = pl.read_parquet(tmp_path / "lake" / "**" / "*.parquet")
    assert frame.schema["at"] == pl.Datetime("us", "UTC")
    assert frame.schema["in:x"] == pl.Float64
    assert frame["arm"].to_list() == ["champion"] * 3 + [None]
    assert frame["status"].to_list() == [None] * 3 + [503]


def test_no_protected_value_is_in_any_byte_of_log_or_lake(tmp_path: Path) -> None:
    rules = Capturing(protected={"name": "hash", "client": "drop"})
    log = LogCaptures(tmp_path)
    log.govern(Protection.of(rules, bytes(32), "client").applied, 2**20, 3600)
    each = {"id": ["a/0"], "entity": ["secret-client"]}
    log.add([CaptureBatch(1, {"model": "bank"}, each, {"name": ["secret-name"]})]).result(10)
    log.close()
    _grep(tmp_path)
    rotate(tmp_path)
    assert len(_ids(tmp_path)) == 1
    _grep(tmp_path)


def _grep(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert not path.is_file() or b"secret" not in path.read_bytes()


_ROTATOR = """
import sys
from pathlib import Path
from assay.adapters.lake_files import lake_files
from assay.adapters.lake_rotation import rotate
print("ready", flush=True)
sys.stdin.readline()
rotate(Path(sys.argv[1]))
"""


def test_kill_9_while_segments_go_over_loses_and_doubles_nothing(tmp_path: Path) -> None:
    for segment in range(4):
        _segment(tmp_path, [_batch(400, f"{segment}-{group}") for group in range(3)])
    wanted = _ids(tmp_path)
    position = LakeCaptures(tmp_path).read_after("").position
    for attempt in (0, 1, 3):
        with subprocess.Popen(
            [sys.executable, "-c", _ROTATOR, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as rotator:
            assert rotator.stdout is not None
            assert rotator.stdin is not None
            rotator.stdout.readline()
            rotator.stdin.write(b"\n")
            rotator.stdin.flush()
            time.sleep(0.01 + 0.02 * attempt)
            rotator.kill()
        assert _ids(tmp_path) == wanted
        assert LakeCaptures(tmp_path).read_after(position).records == []
    rotate(tmp_path)
    assert _ids(tmp_path) == wanted
    assert not list(tmp_path.glob("*.log"))


def test_kill_9_of_writer_and_rotator_together_loses_and_doubles_nothing(tmp_path: Path) -> None:
    loop = Loop(tmp_path, seed=5)
    assert loop.kill(2)
    assert loop.promised


def test_a_file_that_comes_into_a_folder_already_listed_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 86_400 * 10**9
    for number in (20_000, 20_001):
        log = LogCaptures(tmp_path)
        log.add([_batch(1, str(number))]).result(20)
        log.close()
        written = next(one for one in tmp_path.glob("[!.]*.log") if "-1-" not in one.name)
        written.rename(tmp_path / f"{number * day:020d}-1-aaaaaaaa.log")
    whole = lake_files
    listed: list[int] = []

    def torn(folder: Path) -> Any:
        """The first listing sees the day of the second file after both went over."""
        listed.append(1)
        if len(listed) > 1:
            return whole(folder)
        rotate(folder)
        return {stem: file for stem, file in whole(folder).items() if file.number > 1}

    monkeypatch.setattr(lake_captures, "lake_files", torn)
    log_and_lake = LakeCaptures(tmp_path)
    first = log_and_lake.read_after("")
    then = log_and_lake.read_after(first.position)
    found = [record["id"] for record in (*first.records, *then.records)]
    assert found == ["20000/0", "20001/0"]


def test_a_file_that_gets_its_name_meanwhile_holds_up_nothing(tmp_path: Path) -> None:
    _segment(tmp_path, [_batch(3, "a")])
    gone = tmp_path / ".00000000000000000001-1-0.log"
    gone.symlink_to(tmp_path / "nothing")  # it is listed, and is not there when it is looked at
    assert rotate(tmp_path).rows == 3
