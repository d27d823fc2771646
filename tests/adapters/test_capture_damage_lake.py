"""Files of the lake are set aside where they are damaged, each once, and only then."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.adapters import capture_damage
from assay.adapters.capture_damage import Damage, damages, set_aside
from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_rotation import rotate
from assay.adapters.log_captures import LogCaptures
from assay.errors import StoreError
from assay.ports.captures import records_of


def _log(folder: Path) -> Path:
    """Write a log of 8 groups, each of one prediction."""
    before = {*folder.glob("*.log")}
    log = LogCaptures(folder)
    for row in range(8):
        record = {
            "id": f"r/{row}",
            "at": "2026-03-01T12:00:00+00:00",
            "model": "bank",
            "arm": "champion",
            "score": row / 100,
            "decision": "call",
            "inputs": {"age": 20.0 + row, "job": "nurse"},
        }
        log.append([record]).result(timeout=10)
    log.close()
    (path,) = {*folder.glob("*.log")} - before
    return path


def _in_lake(folder: Path) -> Path:
    _log(folder)
    rotate(folder)
    (file,) = (folder / "lake").rglob("*.parquet")
    return file


def _rotted(file: Path) -> bytes:
    raw = bytearray(file.read_bytes())
    raw[40:200] = b"\0" * 160
    file.write_bytes(raw)
    return bytes(raw)


def test_a_file_of_the_lake_is_set_aside_whole_and_said_to_be_lost(tmp_path: Path) -> None:
    file = _in_lake(tmp_path)
    raw = _rotted(file)
    (found,) = damages(tmp_path)
    assert found == Damage(str(file.relative_to(tmp_path)), 0, len(raw), 1, 8)
    assert set_aside(tmp_path, "bank") == [found]
    assert (tmp_path / "damaged" / file.name).read_bytes() == raw
    assert not file.exists()
    read = LakeCaptures(tmp_path).read_after("")
    assert [one["capture_lost"] for one in records_of(read.parts)] == [8]
    assert damages(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_sound_file_of_the_lake_that_the_machine_does_not_read_stays(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _in_lake(tmp_path)

    def failing(*_: Any, **__: Any) -> Any:
        raise OSError(number, "the machine's own fault")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "ParquetFile", failing)
        with pytest.raises(StoreError, match="the machine's own fault"):
            damages(tmp_path)
        with pytest.raises(StoreError, match="the machine's own fault"):
            set_aside(tmp_path, "bank")
    assert not (tmp_path / "damaged").exists()
    assert file.exists()
    assert damages(tmp_path) == []
    assert len(list(LakeCaptures(tmp_path).read())) == 8


def test_a_file_of_the_lake_without_memory_to_read_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _in_lake(tmp_path)

    def failing(*_: Any, **__: Any) -> Any:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(pq, "ParquetFile", failing)
    with pytest.raises(StoreError, match="malloc of size 64 failed"):
        set_aside(tmp_path, "bank")
    assert file.exists()


def test_a_file_of_a_newer_format_stays_in_the_lake_and_others_are_set_aside(
    tmp_path: Path,
) -> None:
    file = _in_lake(tmp_path)
    table = pq.read_table(file)
    told = {**table.schema.metadata, b"assay.format": b"99"}
    pq.write_table(table.replace_schema_metadata(told), file)
    broken = _log(tmp_path)
    broken.write_bytes(broken.read_bytes().replace(b"r/3", b"x/3"))
    with pytest.raises(StoreError, match="no captures of format 1") as caught:
        set_aside(tmp_path, "bank")
    assert f"Set aside (1 in all): {broken.name}, bytes " in str(caught.value)
    assert file.exists()
    assert [one.name for one in (tmp_path / "damaged").iterdir()] == [broken.name]


def test_a_folder_with_the_name_of_a_file_of_the_lake_is_not_moved(tmp_path: Path) -> None:
    file = _in_lake(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(StoreError, match="is a directory"):
        set_aside(tmp_path, "bank")
    assert file.is_dir()


def test_wherever_a_file_of_the_lake_ends_too_early_it_is_damaged(tmp_path: Path) -> None:
    file = _in_lake(tmp_path)
    raw = file.read_bytes()
    for length in (0, 3, 100, len(raw) // 2, len(raw) - 9, len(raw) - 1):
        file.write_bytes(raw[:length])
        (found,) = damages(tmp_path)
        assert (found.end, found.predictions) == (length, 1)


def test_a_file_of_the_lake_without_a_column_that_it_speaks_of_is_damaged(tmp_path: Path) -> None:
    file = _in_lake(tmp_path)
    table = pq.read_table(file)
    names = ["brm" if one == "arm" else one for one in table.schema.names]
    told = table.schema.metadata
    pq.write_table(table.rename_columns(names).replace_schema_metadata(told), file)
    assert [one.predictions for one in damages(tmp_path)] == [8]
    assert len(set_aside(tmp_path, "bank")) == 1


def test_a_file_of_the_lake_with_text_that_is_none_is_damaged(tmp_path: Path) -> None:
    file = _in_lake(tmp_path)
    table = pq.read_table(file)
    bad = pa.array([b"\x8b\xff"] * 8, pa.large_binary())
    text = pa.Array.from_buffers(pa.large_string(), 8, bad.buffers())
    place = table.schema.names.index("arm")
    pq.write_table(table.set_column(place, table.schema.field(place), text), file)
    assert [one.predictions for one in damages(tmp_path)] == [8]
    assert len(set_aside(tmp_path, "bank")) == 1


@pytest.mark.parametrize("name", [b"in:job", b"decision", b"assay.kinds"])
def test_a_file_of_the_lake_with_a_name_that_is_no_text_is_damaged(
    tmp_path: Path, name: bytes
) -> None:
    file = _in_lake(tmp_path)
    raw = file.read_bytes()
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    file.write_bytes(raw[:footer] + raw[footer:].replace(name, b"\xff" * len(name)))
    assert [one.start for one in damages(tmp_path)] == [0]
    assert len(set_aside(tmp_path, "bank")) == 1


def test_a_sound_file_of_the_lake_that_polars_panics_at_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _in_lake(tmp_path)

    def failing(_: Path) -> Any:
        raise pl.exceptions.PanicException("no thread")

    monkeypatch.setattr(capture_damage, "read_lake_file", failing)
    with pytest.raises(StoreError, match="no thread"):
        set_aside(tmp_path, "bank")
    assert file.exists()


@pytest.mark.parametrize("between", ["nothing", "rotated"])
def test_a_file_of_the_lake_counts_once_however_often_it_begins_again(
    tmp_path: Path, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _in_lake(tmp_path)
    _rotted(file)
    real = Path.rename

    def stopped(self: Path, target: Path) -> Path:
        if target.parent.name == "damaged":
            raise OSError(errno.EIO, "stopped")
        return real(self, target)

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", stopped)
            with pytest.raises(StoreError, match="stopped"):
                set_aside(tmp_path, "bank")
        assert file.exists()
        if between == "rotated":
            rotate(tmp_path)
    assert len(set_aside(tmp_path, "bank")) == 1
    read = LakeCaptures(tmp_path).read_after("")
    assert [one["capture_lost"] for one in records_of(read.parts)] == [8]
    assert not file.exists()


@pytest.mark.parametrize("lacks", ["_shape", "_after", "score"])
def test_a_file_that_holds_what_no_captures_do_is_told_in_words(tmp_path: Path, lacks: str) -> None:
    file = _in_lake(tmp_path)
    table = pq.read_table(file)
    pq.write_table(table.drop_columns([lacks]), file)
    with pytest.raises(StoreError, match=r"holds what no captures do.*--set-aside"):
        list(LakeCaptures(tmp_path).read())
    assert [one.file for one in damages(tmp_path)] == [str(file.relative_to(tmp_path))]
