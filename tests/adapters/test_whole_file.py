"""A file appears whole or not at all; and the embedded adapters lie in one directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.adapters.whole_file import write_whole
from assay.errors import StoreError
from assay.workspace.embedded import embedded


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a" / "b" / "page.html", b"one")
    assert path.read_bytes() == b"one"
    assert write_whole(path, b"two").read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.key", b"secret", secret=True)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"secret", 0o600)
    assert write_whole(tmp_path / "page.html", b"one").stat().st_mode & 0o400


def test_a_failure_leaves_the_older_file_and_no_scraps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_whole(tmp_path / "page.html", b"old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match=r"No space left on device.*Nothing was changed"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_whole(tmp_path / "page.html", b"x")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_whole(tmp_path / "file" / "page.html", b"x")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "page.html"]


def test_everything_lies_in_one_directory_and_is_there_again(tmp_path: Path) -> None:
    first = embedded(tmp_path / "state")
    first.ledger.append(
        "alert:a", "alert.closed", b'{"at":"2026-01-01T00:00:00+00:00","id":"1","reason":"r"}', None
    )
    digest = first.blobs.put(b"model")
    document = b'{\n  "revision": 1,\n  "signature": ""\n}\n'
    first.desired.publish(document, 1)
    assert list(first.captures.read()) == []
    assert first.outcomes.read().height == 0
    again = embedded(tmp_path / "state")
    assert again.ledger.verify() == 1
    assert again.blobs.get(digest) == b"model"
    assert again.desired.read() == document


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made"):
        embedded(tmp_path / "missing" / "state")
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError, match="cannot be made"):
        embedded(tmp_path / "state")
