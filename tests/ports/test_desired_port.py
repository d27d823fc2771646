"""One suite over every adapter of the port for the desired state."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from assay.adapters.file_desired import FileDesired
from assay.adapters.memory_desired import MemoryDesired
from assay.errors import StoreError
from assay.ports.desired import DesiredStore


def _document(revision: int, size: int = 0) -> bytes:
    return b'{"revision": %d, "pad": "%s"}' % (revision, b"x" * size)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> DesiredStore:
    return (
        MemoryDesired() if request.param == "memory" else FileDesired(tmp_path / "a/desired.json")
    )


def test_nothing_is_there_before_the_first_document(store: DesiredStore) -> None:
    assert store.read() is None


def test_the_newest_document_is_read(store: DesiredStore) -> None:
    assert store.publish(_document(1), 1)
    assert store.publish(_document(2), 2)
    assert store.read() == _document(2)


def test_the_same_revision_may_be_published_again(store: DesiredStore) -> None:
    store.publish(_document(2), 2)
    assert store.publish(_document(2, size=1), 2)
    assert store.read() == _document(2, size=1)


def test_an_older_document_changes_nothing(store: DesiredStore) -> None:
    store.publish(_document(2), 2)
    assert not store.publish(_document(1), 1)
    assert store.read() == _document(2)


def test_a_reader_never_sees_half_a_document(tmp_path: Path) -> None:
    store = FileDesired(tmp_path / "desired.json")
    whole = {_document(n, size=n * 4000) for n in range(20)}

    def write() -> None:
        for n in range(20):
            store.publish(_document(n, size=n * 4000), n)

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while writer.is_alive():
        seen.append(store.read())
    writer.join()
    assert {document for document in seen if document is not None} <= whole


def test_a_file_that_is_no_document_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "desired.json").write_bytes(b"\xff junk")
    store = FileDesired(tmp_path / "desired.json")
    assert store.publish(_document(1), 1)
    assert store.read() == _document(1)


def test_a_place_that_is_no_file_is_a_broken_store(tmp_path: Path) -> None:
    (tmp_path / "desired.json").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        FileDesired(tmp_path / "desired.json").read()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be written"):
        FileDesired(tmp_path / "file" / "desired.json").publish(_document(1), 1)
