"""One suite for every adapter of the blobs."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.adapters.memory_blobs import MemoryBlobs
from assay.errors import StoreError
from assay.ports.blobs import Blobs


def make(kind: str, tmp_path: Path) -> Blobs:
    if kind == "memory":
        return MemoryBlobs()
    if kind == "file":
        return FsspecBlobs(fsspec.filesystem("file"), str(tmp_path / "blobs"))
    return FsspecBlobs(fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}/blobs")


@pytest.fixture(params=["memory", "file", "object store"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return make(request.param, tmp_path)


def test_what_was_put_comes_back_by_its_digest(blobs: Blobs) -> None:
    digest = blobs.put(b"gold")
    assert digest == hashlib.sha256(b"gold").hexdigest()
    assert blobs.has(digest)
    assert blobs.get(digest) == b"gold"


def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    assert blobs.put(b"gold") == blobs.put(b"gold")
    assert blobs.get(blobs.put(b"")) == b""


def test_it_is_empty_until_something_was_put(blobs: Blobs) -> None:
    assert blobs.empty()
    blobs.put(b"")
    assert not blobs.empty()


def test_a_missing_blob_is_said_to_be_missing(blobs: Blobs) -> None:
    digest = "0" * 64
    assert not blobs.has(digest)
    with pytest.raises(StoreError, match="no blob"):
        blobs.get(digest)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_a_name_that_is_no_digest_names_no_blob(blobs: Blobs, name: str) -> None:
    with pytest.raises(StoreError, match="no blob"):
        blobs.get(name)


@given(content=st.binary(max_size=2000))
def test_any_bytes_come_back(content: bytes) -> None:
    for blobs in (MemoryBlobs(), FsspecBlobs(fsspec.filesystem("memory"), "/any/blobs")):
        assert blobs.get(blobs.put(content)) == content
