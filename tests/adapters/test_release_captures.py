"""What decisions on releases read of captures is kept, and is what reading all anew would give."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters import release_captures
from assay.adapters.capture_groups import read_groups
from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_files import lake_files
from assay.adapters.lake_rotation import rotate
from assay.adapters.log_captures import LogCaptures
from assay.adapters.release_captures import ReleaseCaptures
from assay.adapters.release_rows import KEYS
from assay.adapters.segment_place import place_of
from assay.errors import StoreError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.captures import Part, Record, failures_in

INPUTS = ("age", "job")

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "version": st.sampled_from([1, 2, True, 2**70]),
    "arm": st.sampled_from(["champion", "challenger", "control", None]),
    "entity": st.sampled_from(["ana", "rui", "", None, 7, 7.0]),
    "decision": st.sampled_from(["call", "skip", 0.1, -0.0, 0, 3, None]),
    "explored": st.booleans(),
    "revision": st.sampled_from([3, 4, None]),
    "weight": st.floats(0, 1),
    "latency_ms": st.floats(0, 90),
    "more": st.text(max_size=3),
}
AT = st.sampled_from([f"2026-03-0{day}T12:00:00+00:00" for day in range(1, 6)])
GIVEN = st.sampled_from([None, 1, 1.0, True, "clerk", 40.5])


@st.composite
def part(draw: st.DrawFn) -> Part:
    own = draw(st.fixed_dictionaries({}, optional=VALUES))
    own |= {"at": draw(AT), "model": "bank", "id": f"r{draw(st.integers(0, 9))}/0"}
    inputs = draw(st.dictionaries(st.sampled_from(["age", "job", "pay"]), GIVEN))
    kind = draw(st.sampled_from(["batch", "record", "shadow", "failed", "lost"]))
    if kind == "batch":
        n = draw(st.integers(1, 3))
        name = own.pop("id")
        each: dict[str, list[Any]] = {"id": [f"{name}{row}" for row in range(n)]}
        for name in draw(st.lists(st.sampled_from(sorted(own)), unique=True)):
            each[name] = [own.pop(name), *(draw(VALUES.get(name, AT)) for _ in range(n - 1))]
        shadow = {"shadow": True} if draw(st.booleans()) else {}
        columns = {name: [value] * n for name, value in inputs.items()}
        return CaptureBatch(n, {**own, **shadow}, each, columns)
    if kind == "failed":
        return {**own, "failed": True, "status": draw(st.sampled_from([400, 503]))}
    if kind == "lost":
        return {"at": own["at"], "model": "bank", "failed": True, "capture_lost": 3, "why": "full"}
    return {**own, "inputs": inputs, **({"shadow": True} if kind == "shadow" else {})}


def anew(folder: Path, inputs: Sequence[str] = INPUTS) -> list[list[dict[str, Any]]]:
    """Read everything as it lies in the log and the lake, cut to what is kept."""
    log = LakeCaptures(folder)
    return [
        [_slim(one, inputs) for one in found]
        for found in (log.read(), log.shadows(), failures_in(log))
    ]


def _slim(record: Record, inputs: Sequence[str]) -> dict[str, Any]:
    given = record.get("inputs") or {}
    return {
        **{key: record.get(key) for key in KEYS},
        "inputs": {name: given.get(name) for name in sorted(inputs)},
    }


def typed(found: Sequence[Sequence[Any]]) -> str:
    """Return records so that 1, 1.0 and True differ, and -0.0 from 0.0."""
    return repr([list(one) for one in found])


def write(folder: Path, parts: Sequence[Part]) -> None:
    """Write a segment of its own."""
    log = LogCaptures(folder)
    for one in parts:
        done = log.add([one]) if isinstance(one, CaptureBatch) else log.append([one])
        done.result()
    log.close()


STEP = st.one_of(
    st.lists(part(), min_size=1, max_size=4),
    st.sampled_from(["rotate", "look", "forget", "tear", "other inputs"]),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=9), frame=st.sampled_from([1, 3, 4096]))
def test_whatever_was_kept_a_look_reads_what_all_anew_would_give(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any], frame: int
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    captures, kept = folder / "captures", folder / "monitor" / "release.sqlite"
    reading = ReleaseCaptures(captures, kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_captures, "_FRAME", frame)
        for step in [*steps, "look"]:
            if isinstance(step, list):
                write(captures, step)
            elif step == "rotate":
                rotate(captures)
            elif step == "forget":
                kept.unlink(missing_ok=True)
            elif step == "tear" and kept.exists():
                os.truncate(kept, kept.stat().st_size // 2)
            elif step == "other inputs":
                reading.read(["pay"])
            elif step == "look":
                assert typed(reading.read(INPUTS)) == typed(anew(captures))
    shutil.rmtree(folder)


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    for first in (0, 10):
        rows = [{"id": f"{first + n}/0", "model": "bank", "at": "2026-03-01"} for n in range(10)]
        write(folder, [{**one, "inputs": {}} for one in rows])
    return folder


def reader(captures: Path) -> ReleaseCaptures:
    return ReleaseCaptures(captures, captures.parent / "monitor" / "release.sqlite")


def ids(found: tuple[list[Record], ...]) -> list[str]:
    return [str(one["id"]) for one in found[0]]


def test_a_second_look_decodes_what_is_new_alone(
    captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader(captures).read(())
    decoded: list[tuple[str, int]] = []
    real = read_groups

    def counted(path: Path, begin: int = 0) -> Any:
        for one in real(path, begin):
            decoded.append((path.name, begin))
            yield one

    monkeypatch.setattr(release_captures, "read_groups", counted)
    before = reader(captures).read(())
    assert decoded == []
    newest = max(captures.glob("*.log"))
    other = captures.parent / "other"
    write(other, [{"id": "new/0", "model": "bank", "at": "2026-03-02", "inputs": {}}])
    (segment,) = other.glob("*.log")
    with newest.open("ab") as file:
        file.write(segment.read_bytes()[9:])
    after = reader(captures).read(())
    assert [name for name, _ in decoded] == [newest.name]
    assert ids(after) == [*ids(before), "new/0"]


@pytest.mark.parametrize("kept", [False, True])
def test_a_segment_may_go_over_into_the_lake_while_it_is_read(
    captures: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reader(captures).read(())
    path = captures.parent / "monitor" / "release.sqlite"
    if not kept:
        path.unlink()
    number = path.stat().st_ino if kept else 0
    real, listed = lake_files, list[int]()

    def listing(folder: Path) -> Any:
        if not listed:
            listed.append(1)
            found = real(folder)
            rotate(folder)
            return found
        return real(folder)

    monkeypatch.setattr(release_captures, "lake_files", listing)
    assert reader(captures).read(()) == before
    assert not list(captures.glob("*.log"))
    assert path.stat().st_ino == number or not kept, "what was kept is still of use"


def test_a_segment_may_go_over_once_it_is_read_and_before_its_place_is_taken(
    captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reader(captures).read(())
    (captures.parent / "monitor" / "release.sqlite").unlink()
    real, asked = place_of, list[Path]()

    def late(path: Path, end: int) -> Any:
        if not asked:
            rotate(captures)
        asked.append(path)
        return real(path, end)

    monkeypatch.setattr(release_captures, "place_of", late)
    assert reader(captures).read(()) == before
    assert [one.suffix for one in asked[:2]] == [".log", ".parquet"]
    assert not list(captures.glob("*.log"))


@pytest.mark.parametrize("what", ["removed", "replaced", "cut", "written over", "lake removed"])
def test_a_segment_that_is_not_what_it_was_is_read_anew(captures: Path, what: str) -> None:
    reader(captures).read(())
    first = min(captures.glob("*.log"))
    raw = first.read_bytes()
    if what == "removed":
        first.unlink()
    elif what == "replaced":
        spare = captures / "spare"
        spare.write_bytes(raw[: len(raw) // 2])
        spare.replace(first)
    elif what == "cut":
        os.truncate(first, len(raw) - 5)
    elif what == "written over":
        write(captures.parent / "other", [{"id": "x/0", "model": "bank", "at": "", "inputs": {}}])
        (segment,) = (captures.parent / "other").glob("*.log")
        first.write_bytes(segment.read_bytes())
    else:
        rotate(captures)
        reader(captures).read(())
        next((captures / "lake").glob("*/*.parquet")).unlink()
    assert ids(reader(captures).read(())) == [one["id"] for one in LakeCaptures(captures).read()]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 99, None])
def test_what_is_kept_is_made_anew_where_it_cannot_be_read(
    captures: Path, content: bytes | None
) -> None:
    found = reader(captures).read(())
    kept = captures.parent / "monitor" / "release.sqlite"
    if content is None:
        with sqlite3.connect(kept) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
    else:
        kept.write_bytes(content)
    assert reader(captures).read(()) == found
    assert reader(captures).read(()) == found


@pytest.mark.parametrize("where", ["monitor", "monitor/release.sqlite"])
def test_where_nothing_can_be_kept_everything_is_read(captures: Path, where: str) -> None:
    found = reader(captures).read(())
    shutil.rmtree(captures.parent / "monitor")
    in_the_way = captures.parent / where
    if where == "monitor":
        in_the_way.write_text("a file")
    else:
        in_the_way.mkdir(parents=True)
    assert reader(captures).read(()) == found


def test_damaged_captures_are_told_and_not_passed_over(captures: Path) -> None:
    first = min(captures.glob("*.log"))
    raw = bytearray(first.read_bytes())
    raw[20] ^= 255
    first.write_bytes(raw)
    with pytest.raises(StoreError, match="does not match its checksum"):
        reader(captures).read(())


KILLED = """
import os, sys
from pathlib import Path
from assay.adapters import release_captures
kept, after = release_captures.packed, int(sys.argv[3])
def packed(columns, done=[]):
    done.append(1)
    if len(done) > after:
        os.kill(os.getpid(), 9)
    return kept(columns)
release_captures.packed = packed
release_captures.ReleaseCaptures(Path(sys.argv[1]), Path(sys.argv[2])).read(())
"""


@pytest.mark.parametrize("after", [0, 1])
def test_a_look_that_is_killed_has_kept_what_it_says(captures: Path, after: int) -> None:
    kept = captures.parent / "monitor" / "release.sqlite"
    command = [sys.executable, "-c", KILLED, str(captures), str(kept), str(after)]
    assert subprocess.run(command, check=False).returncode == -9
    database = sqlite3.connect(kept)
    frames, places = (
        database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own names
        for table in ("frames", "places")
    )
    database.close()
    assert frames == places == (after,)
    assert ids(reader(captures).read(())) == [f"{n}/0" for n in range(20)]
