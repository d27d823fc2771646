"""Blobs of a server on this disk: checked, kept within a size, fetched again where damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.adapters.cached_blobs import CachedBlobs
from assay.errors import ServiceError, StoreError
from assay.evidence.digest import digest_bytes


class _Server:
    def __init__(self, *contents: bytes) -> None:
        self.has = {digest_bytes(one): one for one in contents}
        self.asked: list[str] = []

    def fetch(self, digest: str) -> bytes:
        self.asked.append(digest)
        if digest not in self.has:
            raise ServiceError("it answered 404")
        return self.has[digest]


def _cache(folder: Path, server: _Server, most: int = 10**6) -> CachedBlobs:
    return CachedBlobs(folder, server.fetch, most)


def test_a_blob_is_fetched_once_and_again_where_it_was_damaged(tmp_path: Path) -> None:
    server = _Server(b"model")
    (digest,) = server.has
    cache = _cache(tmp_path / "blobs", server)
    assert cache.empty()
    assert not cache.has(digest)
    assert cache.get(digest) == cache.get(digest) == b"model"
    assert server.asked == [digest]
    assert cache.has(digest)
    (tmp_path / "blobs" / digest).write_bytes(b"other")
    assert cache.get(digest) == b"model"
    assert len(server.asked) == 2
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == [digest]


def test_bytes_that_do_not_give_the_digest_are_neither_used_nor_kept(tmp_path: Path) -> None:
    server = _Server(b"model")
    (digest,) = server.has
    server.has[digest] = b"others"
    with pytest.raises(StoreError, match="do not give this digest"):
        _cache(tmp_path / "blobs", server).get(digest)
    assert not (tmp_path / "blobs").exists()


def test_a_server_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not to be had"):
        _cache(tmp_path, _Server()).get("f" * 64)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "F" * 64, "f" * 63, "f" * 64 + "\n"])
def test_what_is_no_digest_names_no_file(digest: str, tmp_path: Path) -> None:
    server = _Server(b"model")
    with pytest.raises(StoreError, match="names no blob"):
        _cache(tmp_path, server).get(digest)
    assert not server.asked


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    contents = [bytes([n]) * 100 for n in range(4)]
    server = _Server(*contents)
    cache = _cache(tmp_path, server, most=300)
    names = list(server.has)
    for age, name in enumerate(names[:3]):
        cache.get(name)
        os.utime(tmp_path / name, (age, age))
    cache.get(names[0])  # used again: the second one is now the oldest
    cache.get(names[3])
    assert {path.name for path in tmp_path.iterdir()} == {names[0], names[2], names[3]}


def test_the_newest_stays_though_it_alone_is_too_large(tmp_path: Path) -> None:
    server = _Server(b"x" * 1000)
    (digest,) = server.has
    assert len(_cache(tmp_path, server, most=10).get(digest)) == 1000
    assert (tmp_path / digest).exists()


def test_the_first_download_waits_at_random_and_the_next_does_not(tmp_path: Path) -> None:
    server = _Server(b"a", b"b")
    waits: list[float] = []
    cache = CachedBlobs(tmp_path, server.fetch, 10**6, spread=2.0, sleep=waits.append)
    for digest in server.has:
        cache.get(digest)
    assert len(waits) == 1
    assert 0.0 <= waits[0] <= 2.0
