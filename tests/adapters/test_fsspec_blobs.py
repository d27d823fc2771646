from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from assay.adapters.fsspec_blobs import FsspecBlobs, blob_on_disk
from assay.adapters.memory_blobs import MemoryBlobs
from assay.errors import StoreError


@pytest.fixture
def blobs(tmp_path: Path) -> FsspecBlobs:
    return FsspecBlobs(fsspec.filesystem("file"), str(tmp_path / "deep" / "blobs"))


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_blob_is_one_file_named_by_its_digest(blobs: FsspecBlobs, tmp_path: Path) -> None:
    digest = blobs.put(b"gold")
    path = tmp_path / "deep" / "blobs" / digest[:2] / digest[2:]
    assert files(tmp_path) == [path]
    assert path.read_bytes() == b"gold"


@pytest.mark.parametrize("raw", [b"", b"gol", b"lead", b"gold!"])
def test_a_changed_file_is_found_and_mended_by_putting_it_again(
    blobs: FsspecBlobs, tmp_path: Path, raw: bytes
) -> None:
    digest = blobs.put(b"gold")
    files(tmp_path)[0].write_bytes(raw)
    with pytest.raises(StoreError, match=r"was changed: .* Restore it from a backup"):
        blobs.get(digest)
    assert blobs.put(b"gold") == digest
    assert blobs.get(digest) == b"gold"


def test_a_whole_file_is_not_written_again(blobs: FsspecBlobs, tmp_path: Path) -> None:
    blobs.put(b"gold")
    before = files(tmp_path)[0].stat().st_ino
    blobs.put(b"gold")
    assert files(tmp_path)[0].stat().st_ino == before


def test_a_write_that_fails_leaves_nothing(
    blobs: FsspecBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match=r"cannot be written: .*No space left"):
            blobs.put(b"gold")
    assert files(tmp_path) == []
    assert blobs.get(blobs.put(b"gold")) == b"gold"


def test_a_folder_in_the_place_of_a_blob_is_one_paragraph(
    blobs: FsspecBlobs, tmp_path: Path
) -> None:
    digest = blobs.put(b"gold")
    path = files(tmp_path)[0]
    path.unlink()
    path.mkdir()
    assert not blobs.has(digest)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        blobs.get(digest)
    assert "\n" not in str(caught.value)


def test_a_store_that_does_not_answer_is_one_paragraph(
    blobs: FsspecBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Any, path: str) -> bool:
        raise OSError(110, "Connection timed out")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.isfile", away)
    with pytest.raises(StoreError, match="timed out"):
        blobs.has("0" * 64)
    with pytest.raises(StoreError, match="timed out"):
        blobs.put(b"gold")


def test_a_blob_changed_in_memory_is_found() -> None:
    blobs = MemoryBlobs()
    digest = blobs.put(b"gold")
    blobs.contents[digest] = b"lead"
    with pytest.raises(StoreError, match="was changed"):
        blobs.get(digest)


def test_a_blob_is_read_from_this_machine_as_well_without_a_file_system(tmp_path: Path) -> None:
    digest = FsspecBlobs(fsspec.filesystem("file"), str(tmp_path)).put(b"gold")
    assert blob_on_disk(tmp_path, digest) == b"gold"
    (tmp_path / digest[:2] / digest[2:]).write_bytes(b"tin")
    with pytest.raises(StoreError, match="was changed"):
        blob_on_disk(tmp_path, digest)
    with pytest.raises(StoreError, match="There is no blob"):
        blob_on_disk(tmp_path, "0" * 64)
    with pytest.raises(StoreError, match="names no blob"):
        blob_on_disk(tmp_path, "../x")
