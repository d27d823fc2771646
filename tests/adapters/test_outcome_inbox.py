"""Outcomes that gateways were told: taken in once, whatever dies on the way."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters import parquet_outcomes
from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.adapters.parquet_outcomes import ParquetOutcomes
from assay.errors import StoreError
from assay.ports.outcome_inbox import Happened


def _sift(told: Sequence[tuple[str, Happened]]) -> tuple[pl.DataFrame, Mapping[str, int]]:
    known = [(id_, str(outcome)) for id_, outcome in told if outcome in ("yes", "no")]
    refused = len(told) - len(known)
    schema = {"id": pl.String(), "outcome": pl.String()}
    frame = pl.DataFrame(known, schema=schema, orient="row")
    return frame, {"another outcome": refused} if refused else {}


def _tell(folder: Path, *told: tuple[str, Happened]) -> None:
    inbox = LogOutcomeInbox(folder / "inbox")
    inbox.append("bank", told).result(timeout=10)
    inbox.close()


def _rows(store: ParquetOutcomes) -> list[tuple[str, str]]:
    return [(row["id"], row["outcome"]) for row in store.read().iter_rows(named=True)]


def test_what_a_gateway_was_told_is_read_once_and_leaves_the_inbox(tmp_path: Path) -> None:
    store = ParquetOutcomes(tmp_path, _sift)
    _tell(tmp_path, ("a", "yes"), ("b", "no"), ("a", "no"))
    assert sorted(_rows(store)) == [("a", "no"), ("b", "no")]
    assert sorted(_rows(ParquetOutcomes(tmp_path, _sift))) == [("a", "no"), ("b", "no")]
    assert not list((tmp_path / "inbox").glob("*.log"))
    _tell(tmp_path, ("b", "no"))
    assert store.read()["revision"].to_list() == [1, 1], "what is known says nothing new"


def test_an_open_inbox_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    store, inbox = ParquetOutcomes(tmp_path, _sift), LogOutcomeInbox(tmp_path / "inbox")
    for n in range(3):
        inbox.append("bank", [(str(n), "yes")]).result(timeout=10)
        assert [id_ for id_, _ in _rows(store)] == [str(one) for one in range(n + 1)]
        assert store.read(after=n).height == 1
    inbox.close()
    assert store.read(after=3).height == 0


def test_what_cannot_be_read_is_counted_by_the_reason(tmp_path: Path) -> None:
    store = ParquetOutcomes(tmp_path, _sift)
    _tell(tmp_path, ("a", "maybe"), ("b", 3.5))
    _tell(tmp_path, ("c", True), ("d", "yes"))
    assert _rows(store) == [("d", "yes")]
    assert store.refused() == {"another outcome": 3}


def test_a_delivery_by_hand_stands_behind_what_was_told_before_it(tmp_path: Path) -> None:
    store = ParquetOutcomes(tmp_path, _sift)
    _tell(tmp_path, ("a", "yes"))
    assert store.add(pl.DataFrame({"id": ["a"], "outcome": ["no"]}))
    assert _rows(store) == [("a", "yes"), ("a", "no")]


def test_without_a_way_to_read_them_outcomes_stay_in_the_inbox(tmp_path: Path) -> None:
    _tell(tmp_path, ("a", "yes"))
    assert ParquetOutcomes(tmp_path).read().height == 0
    assert _rows(ParquetOutcomes(tmp_path, _sift)) == [("a", "yes")]


@settings(max_examples=25)
@given(steps=st.lists(st.sampled_from(["tell", "close", "read", "fail"]), max_size=12))
def test_a_disk_that_fails_now_and_then_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    inbox, n = LogOutcomeInbox(folder / "inbox"), 0
    for step in steps:
        if step == "tell":
            inbox.append("bank", [(f"{n}", "yes"), (f"{n}x", "no")]).result(timeout=10)
            n += 1
        elif step == "close":
            inbox.close()
            inbox = LogOutcomeInbox(folder / "inbox")
        elif step == "read":
            assert len(_rows(ParquetOutcomes(folder, _sift))) == 2 * n
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(parquet_outcomes, "_sync", _broken)
                with suppress(StoreError):  # where there is something to write
                    _rows(ParquetOutcomes(folder, _sift))
    inbox.close()
    told = [id_ for id_, _ in _rows(ParquetOutcomes(folder, _sift))]
    assert sorted(told) == sorted(f"{one}{end}" for one in range(n) for end in ("", "x"))


def _broken(path: Path) -> None:
    raise OSError(errno.EIO, f"Input/output error: {path}")


_TAKER = """
import sys
from pathlib import Path
import polars as pl
from assay.adapters.parquet_outcomes import ParquetOutcomes
def sift(told):
    return pl.DataFrame(told, schema={"id": pl.String(), "outcome": pl.String()}, orient="row"), {}
print("ready", flush=True)
sys.stdin.readline()
ParquetOutcomes(Path(sys.argv[1]), sift).read()
"""


def test_kill_9_while_the_inbox_is_taken_in_loses_and_doubles_nothing(tmp_path: Path) -> None:
    for segment in range(12):
        _tell(tmp_path, *[(f"{segment}-{row}", "yes") for row in range(2000)])
    for attempt in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", _TAKER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as taker:
            assert taker.stdout is not None
            assert taker.stdin is not None
            taker.stdout.readline()
            taker.stdin.write(b"\n")
            taker.stdin.flush()
            time.sleep(0.02 + 0.03 * attempt)
            taker.kill()
    told = [id_ for id_, _ in _rows(ParquetOutcomes(tmp_path, _sift))]
    assert len(told) == len(set(told)) == 24_000
