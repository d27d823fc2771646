"""A disk that is really full: a small file system of its own, where this user may mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_rotation import rotate
from assay.adapters.log_captures import LogCaptures
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 1 MiB; skip where that is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _batch(n: int) -> CaptureBatch:
    ids = [f"{n}/{row}" for row in range(100)]
    return CaptureBatch(100, {"model": "bank"}, {"id": ids}, {"x": ["text" * 10] * 100})


def test_what_does_not_fit_fails_is_counted_and_is_told_when_there_is_room(disk: Path) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(600 * 1024))
    log = LogCaptures(disk / "captures")
    kept, lost = [], 0
    for n in range(150):
        fault = log.add([_batch(n)]).exception(timeout=10)
        if fault is None:
            kept.append(n)
        else:
            assert isinstance(fault, StoreError)
            assert "No space left on device" in str(fault)
            lost += 100
    assert kept
    assert lost == log.lost
    assert lost > 0
    ballast.unlink()
    log.add([_batch(1000)]).result(timeout=10)
    log.close()
    read = LakeCaptures(disk / "captures").read_after("").records
    told = [one for one in read if "capture_lost" in one]
    assert sum(one["capture_lost"] for one in told) == lost
    assert [one["id"] for one in read if one.get("id", "").endswith("/7")] == [
        f"{n}/7" for n in [*kept, 1000]
    ]


def test_a_rotation_that_finds_no_room_leaves_all_as_it_was(disk: Path) -> None:
    log = LogCaptures(disk / "captures")
    for n in range(60):
        log.add([_batch(n)]).result(timeout=10)
    log.close()
    ballast = disk / "ballast"
    _fill(ballast)
    before = list(LakeCaptures(disk / "captures").read())
    with pytest.raises(StoreError, match="They stay in the log"):
        rotate(disk / "captures")
    assert list(LakeCaptures(disk / "captures").read()) == before
    ballast.unlink()
    assert rotate(disk / "captures").rows == len(before)
    assert list(LakeCaptures(disk / "captures").read()) == before


def _fill(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(handle, bytes(4096))
    os.close(handle)
