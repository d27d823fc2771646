"""Damage anywhere in captures is loud, is told with its place, and can be set aside for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.adapters import capture_damage
from assay.adapters.capture_damage import damages, set_aside
from assay.adapters.capture_groups import MAGIC, framed, read_groups
from assay.adapters.capture_lines import record_line
from assay.adapters.capture_segment import Segment
from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_rotation import rotate
from assay.errors import StoreError
from assay.ports.captures import is_answer, is_failure, records_of


def _record(row: int) -> dict[str, Any]:
    return {
        "id": f"r/{row}",
        "at": "2026-03-01T12:00:00+00:00",
        "model": "bank",
        "arm": "champion",
        "version": 1,
        "environment": "production",
        "score": row / 100,
        "decision": "call",
        "inputs": {"age": 20.0 + row, "job": "nurse"},
    }


def _group(*rows: int) -> bytes:
    return framed(b"".join(record_line(_record(row)) for row in rows))


GROUPS = [_group(0), _group(1, 2), _group(3), _group(4, 5, 6), _group(7)]
STARTS = [len(MAGIC) + sum(map(len, GROUPS[:n])) for n in range(len(GROUPS) + 1)]


def _segment(folder: Path, content: bytes) -> Path:
    return _named(folder, "01772366400000000000-7-0a0b0c0d.log", content)


def _named(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def _flipped(content: bytes, *places: int) -> bytes:
    raw = bytearray(content)
    for place in places:
        raw[place] ^= 0x41
    return bytes(raw)


WHOLE = MAGIC + b"".join(GROUPS)


def _ids(folder: Path) -> list[str]:
    return [one["id"] for one in LakeCaptures(folder).read()]


@pytest.mark.parametrize("byte", [0, 1, 3, 4, 7, 8, 50])
def test_a_changed_group_is_told_with_its_bytes(tmp_path: Path, byte: int) -> None:
    path = _segment(tmp_path, _flipped(WHOLE, STARTS[1] + byte))
    with pytest.raises(StoreError, match=f"the group at byte {STARTS[1]} does not match"):
        list(read_groups(path))
    (found,) = damages(tmp_path)
    assert (found.file, found.start, found.end) == (path.name, STARTS[1], STARTS[2])
    assert found.groups == 1
    assert 1 <= found.predictions <= 2
    with pytest.raises(StoreError, match="stay out of Parquet"):
        rotate(tmp_path)
    assert path.exists(), "nothing goes over of a file that does not read"


def test_a_length_that_points_beyond_the_file_hides_nothing_behind_it(tmp_path: Path) -> None:
    raw = bytearray(WHOLE)
    raw[STARTS[2] : STARTS[2] + 4] = b"\xff\xff\xff\xff"
    _segment(tmp_path, bytes(raw))
    with pytest.raises(StoreError, match=f"byte {STARTS[2]}"):
        _ids(tmp_path)
    raw[STARTS[2] : STARTS[2] + 4] = b"\0\0\0\0"
    _segment(tmp_path, bytes(raw))
    with pytest.raises(StoreError, match=f"byte {STARTS[2]}"):
        _ids(tmp_path)


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 60])
def test_a_torn_last_group_is_no_damage(tmp_path: Path, cut: int) -> None:
    for tail in (GROUPS[-1][:cut], b"\0" * cut):
        _segment(tmp_path, MAGIC + b"".join(GROUPS[:-1]) + tail)
        assert damages(tmp_path) == []
        assert len(_ids(tmp_path)) == 7
    assert set_aside(tmp_path, "bank") == []
    assert not (tmp_path / "damaged").exists()


def test_what_is_damaged_is_set_aside_and_every_position_holds(tmp_path: Path) -> None:
    broken = _flipped(WHOLE, STARTS[1] + 30, STARTS[3] + 3)
    path = _segment(tmp_path, broken)
    done = set_aside(tmp_path, "bank")
    assert [[one.start, one.end] for one in done] == [STARTS[1:3], STARTS[3:5]]
    assert (tmp_path / "damaged" / path.name).read_bytes() == broken
    assert path.stat().st_size == len(WHOLE)
    assert [after for _, after in read_groups(path)] == STARTS[1:]
    parts = [part for part, _ in read_groups(path)]
    records = list(records_of(parts))
    assert [one["id"] for one in records if is_answer(one)] == ["r/0", "r/3", "r/7"]
    lost = [one for one in records if is_failure(one)]
    assert sum(one["capture_lost"] for one in lost) == sum(one.predictions for one in done)
    for begin in STARTS[:-1]:
        assert next(read_groups(path, begin))[1] == STARTS[STARTS.index(begin) + 1]
    assert set_aside(tmp_path, "bank") == []
    assert rotate(tmp_path).files == 1
    assert _ids(tmp_path) == ["r/0", "r/3", "r/7"]
    assert damages(tmp_path) == []


def test_a_file_that_is_damaged_again_keeps_both_states(tmp_path: Path) -> None:
    path = _segment(tmp_path, _flipped(WHOLE, STARTS[1] + 30))
    set_aside(tmp_path, "bank")
    again = _flipped(path.read_bytes(), STARTS[2] + 20)
    path.write_bytes(again)
    set_aside(tmp_path, "bank")
    kept = sorted((tmp_path / "damaged").iterdir())
    assert [one.name for one in kept] == [f"{path.stem}.1.log", path.name]
    assert kept[0].read_bytes() == again
    assert _ids(tmp_path) == ["r/0", "r/4", "r/5", "r/6", "r/7"]


def test_stopped_before_the_file_changes_it_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = _flipped(WHOLE, STARTS[1] + 30)
    path = _segment(tmp_path, broken)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(StoreError, match="No space left on device"):
            set_aside(tmp_path, "bank")
    assert path.read_bytes() == broken
    assert len(set_aside(tmp_path, "bank")) == 1
    (kept,) = (tmp_path / "damaged").iterdir()
    assert kept.read_bytes() == broken
    assert not list(tmp_path.glob(".*.log"))


def test_a_log_that_is_written_still_is_left_alone(tmp_path: Path) -> None:
    segment = Segment(tmp_path)
    for group in GROUPS:
        segment.add(group)
    segment.path.write_bytes(_flipped(WHOLE, STARTS[1] + 30))
    with pytest.raises(StoreError, match="a gateway still writes it"):
        set_aside(tmp_path, "bank")
    segment.close()
    assert len(set_aside(tmp_path, "bank")) == 1


def test_a_lone_failure_is_room_enough_to_say_what_is_lost(tmp_path: Path) -> None:
    failure = {
        "failed": True,
        "model": "bank",
        "status": 503,
        "at": "2026-03-01T12:00:00.123456+00:00",
        "latency_ms": 0.1,
        "revision": 3,
    }
    small = framed(record_line(failure))
    path = _segment(tmp_path, MAGIC + small + _flipped(small, 20) + GROUPS[0])
    (found,) = set_aside(tmp_path, "bank")
    parts = [part for part, _ in read_groups(path)]
    (lost,) = [one for one in records_of(parts) if "capture_lost" in one]
    assert (lost["capture_lost"], lost["model"]) == (1, "bank")
    assert lost["at"] == failure["at"]
    assert found.end - found.start == len(small)
    assert _ids(tmp_path) == ["r/0"]


def test_what_has_no_room_stays_and_files_behind_it_are_set_aside(tmp_path: Path) -> None:
    tiny = framed(b'{"id":1}\n')
    first = _segment(tmp_path, MAGIC + _flipped(tiny, 12) + GROUPS[0])
    before = first.read_bytes()
    second = _named(tmp_path, f"{first.stem[:-1]}e.log", _flipped(WHOLE, STARTS[1] + 30))
    with pytest.raises(StoreError, match="too few bytes") as caught:
        set_aside(tmp_path, "bank")
    assert f"Set aside (1 in all): {second.name}" in str(caught.value)
    assert first.read_bytes() == before
    assert [one.file for one in damages(tmp_path)] == [first.name]


def test_a_group_that_its_writer_finishes_meanwhile_is_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _segment(tmp_path, _flipped(WHOLE, STARTS[1] + 30))

    def finished(asked: Path) -> bool:
        asked.write_bytes(WHOLE)
        return True

    monkeypatch.setattr(capture_damage, "is_closed", finished)
    assert set_aside(tmp_path, "bank") == []
    assert path.read_bytes() == WHOLE
    assert not (tmp_path / "damaged").exists()


def test_a_file_of_another_kind_is_not_touched(tmp_path: Path) -> None:
    path = _segment(tmp_path, b"something else altogether")
    with pytest.raises(StoreError, match="is no capture file"):
        set_aside(tmp_path, "bank")
    assert path.read_bytes() == b"something else altogether"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(len(MAGIC), len(WHOLE) - 1), min_size=1, max_size=4, unique=True))
def test_wherever_bytes_change_all_whole_groups_are_read_once_it_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, places: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    _segment(folder, _flipped(WHOLE, *places))
    hit = {sum(place >= start for start in STARTS) - 1 for place in places}
    rows = [[0], [1, 2], [3], [4, 5, 6], [7]]
    wanted = [f"r/{row}" for n, some in enumerate(rows) for row in some if n not in hit]
    before_last = hit - {len(GROUPS) - 1}
    if before_last:
        with pytest.raises(StoreError, match="does not match its checksum"):
            _ids(folder)
    assert bool(set_aside(folder, "bank")) >= bool(before_last)
    assert _ids(folder) == wanted
