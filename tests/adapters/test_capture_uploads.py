"""Uploaded captures: odd ones are refused, and a damaged file stops no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.capture_groups import MAGIC, framed
from assay.adapters.capture_uploads import take_segment
from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.lake_rotation import rotate
from assay.errors import InputError, StoreError

AT = "2026-01-01T00:00:00+00:00"
ROW: dict[str, Any] = {"id": "a/0", "at": AT, "model": "m", "inputs": {"x": 1.5}}
BATCH: dict[str, Any] = {
    "n": 2,
    "all": {"model": "m", "at": AT},
    "each": {"id": ["b/0", "b/1"], "probability": [0.5, [0.25, 0.75]]},
    "inputs": {"x": [1, None]},
}
FAILED = {"failed": True, "at": AT, "model": "m", "status": 400}


def _name(number: int) -> str:
    return f"{number:020d}-1-{number:08x}.log"


def _segment(*lines: Any) -> bytes:
    return MAGIC + framed(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


@pytest.mark.parametrize(
    "odd",
    [
        [1],
        7,
        "each",
        {**ROW, "id": 7},
        {**ROW, "at": "yesterday"},
        {**ROW, "at": "2026-01-01T00:00:00"},
        {**ROW, "version": 2**70},
        {**ROW, "inputs": [1]},
        {**ROW, "inputs": {"x": {"y": [1]}}},
        {**ROW, "_after": 5},
        {**ROW, "_shape": "boo"},
        {**ROW, "in:x": 1},
        {**ROW, "model": "another"},
        {"model": "m", "inputs": {}},
        {**BATCH, "n": -1},
        {**BATCH, "n": 2_000_000_000},
        {**BATCH, "n": True},
        {**BATCH, "each": [1]},
        {**BATCH, "each": {"id": ["b/0"]}},
        {**BATCH, "each": {}, "n": 10**9},
        {**BATCH, "each": {"id": "ab"}},
        {**BATCH, "inputs": {"x": [1]}},
        {**BATCH, "inputs": None},
        {**BATCH, "all": {**BATCH["all"], "id": "x"}},
        {**BATCH, "all": {**BATCH["all"], "inputs": {}}},
        {**BATCH, "all": {**BATCH["all"], "bundle": "x" * 10_000}},
    ],
)
def test_odd_captures_are_refused(odd: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        take_segment(tmp_path, _name(1), _segment(ROW, odd), "m")
    assert not list(tmp_path.glob("*.log"))


def test_what_gateways_write_is_taken_and_goes_over(tmp_path: Path) -> None:
    assert take_segment(tmp_path, _name(1), _segment(ROW, BATCH, FAILED), "m")
    assert rotate(tmp_path).rows == 4
    assert [one["id"] for one in LakeCaptures(tmp_path).read()] == ["a/0", "b/0", "b/1"]


@pytest.mark.parametrize("odd", [[1], {**BATCH, "n": -1}, {**ROW, "_after": 5}])
def test_a_damaged_file_stops_no_other(odd: Any, tmp_path: Path) -> None:
    (tmp_path / _name(1)).write_bytes(_segment(odd))
    (tmp_path / _name(2)).write_bytes(_segment(ROW))
    with pytest.raises(StoreError, match="1 files of captures stay out"):
        rotate(tmp_path)
    assert [path.name for path in tmp_path.glob("*.log")] == [_name(1)]
    assert len(list(tmp_path.glob("lake/day=*/*.parquet"))) == 1
