"""Windows that are cut anew, or whose log is read anew: killed at any step, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.memory_profiles import MemoryProfiles
from assay.adapters.memory_windows import MemoryWindows
from assay.adapters.parquet_windows import ParquetWindows
from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.charter.prediction_log import LogColumns, PredictionLog
from assay.monitor.keeping import look
from assay.monitor.measuring import Stores
from assay.monitor.placing import cut, place
from assay.ports.predictions import Batch
from assay.ports.served_windows import ServedWindows

from .test_keeping import CHARTERS, Kept, at_once, same, world

BY_ROWS, BY_HOURS = CHARTERS[0], CHARTERS[2]
STORES: dict[str, Callable[[Path], ServedWindows]] = {
    "memory": lambda _: MemoryWindows(),
    "parquet": lambda folder: ParquetWindows(folder / "windows"),
}


class _Fault:
    """Lets a method work a number of times; then the power fails, before it or after."""

    def __init__(self, of: Callable[..., Any], times: int, *, after: bool) -> None:
        self.of, self.times, self.after, self.struck = of, times, after, False

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            return self.of(*given, **named)
        self.struck = True
        if self.after:
            self.of(*given, **named)
        raise OSError("the power failed")


def _kept(windows: ServedWindows, charter: Charter) -> Kept:
    kept = Kept(charter)
    kept.stores = Stores(windows, MemoryProfiles())
    kept.captures.append(world()[2])
    kept.outcomes.add(pl.DataFrame({"id": ["p1", "p2"], "outcome": ["yes", "no"]}))
    kept.look()
    return kept


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["replace", "write_note"])
def test_a_cut_that_is_killed_at_any_step_loses_nothing(
    tmp_path: Path,
    make: Callable[[Path], ServedWindows],
    step: str,
    after: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, records, _ = world()
    for times in range(9):
        kept = _kept(make(tmp_path / f"{times}"), BY_ROWS)
        kept.charter = BY_HOURS
        of = kept.stores.windows if step == "replace" else kept.stores.profiles
        fault = _Fault(getattr(of, step), times, after=after)
        with monkeypatch.context() as patched:
            patched.setattr(of, step, fault)
            try:
                kept.look()
            except OSError:
                assert fault.struck
        assert sum(one.n for one in kept.stores.windows.parts().values()) == len(records)
        same(kept.result(), at_once(BY_HOURS, list(records), kept.outcomes.read()))
        if not fault.struck:
            return
    raise AssertionError("a cut takes fewer steps than that")


def test_a_disk_that_is_full_half_way_leaves_the_windows_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, records, _ = world()
    kept = _kept(ParquetWindows(tmp_path), BY_ROWS)
    kept.charter = BY_HOURS
    write, left = pl.DataFrame.write_parquet, iter(range(3))

    def full(frame: pl.DataFrame, *given: Any, **named: Any) -> None:
        if next(left, None) is None:
            raise OSError("no space left")
        write(frame, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(Exception, match="nothing was lost"):
            kept.look()
    same(kept.result(), at_once(BY_HOURS, list(records), kept.outcomes.read()))


@pytest.mark.parametrize("span", ["30 rows", "6 hours", "1 day"])
def test_cutting_all_at_once_gives_what_placing_gives(span: str) -> None:
    kept = _kept(MemoryWindows(), BY_HOURS)
    rows = pl.concat([kept.stores.windows.read(one) for one in kept.stores.windows.parts()])
    rows = rows.sample(fraction=1.0, shuffle=True, seed=3)
    cut_, placed = (
        cut(rows, Span.parse(span), "UTC"),
        place(rows, MemoryWindows(), Span.parse(span), "UTC"),
    )
    assert {n: one.rows() for n, one in cut_.items()} == {
        n: one.rows() for n, one in placed.items()
    }


class _Log:
    """A log whose scores stand in a column that the charter named wrongly at first."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows, self.wrong, self.reads = rows, True, 0

    def after(self, position: str) -> Batch:
        done = int(position or 0)
        rows = self.rows.slice(done, 25)
        self.reads += rows.height
        if self.wrong:
            rows = rows.with_columns(pl.lit(0.5).alias("score"), pl.format("x{}", "id").alias("id"))
        failed = pl.DataFrame(schema={"at": pl.Datetime("us"), "status": pl.Int64})
        end = done + rows.height
        return Batch(rows, failed, str(end), more=end < self.rows.height)


def _logged(score: str) -> Charter:
    columns = LogColumns(score=score, id="id")
    source = PredictionLog(path="log", reference="r.parquet", columns=columns)
    monitoring = BY_HOURS.monitoring.model_copy(update={"source": source})
    return BY_HOURS.model_copy(update={"monitoring": monitoring})


def _all(windows: ServedWindows) -> pl.DataFrame:
    return pl.concat([windows.read(one) for one in windows.parts()]).sort("at", maintain_order=True)


def test_a_mended_mapping_reaches_rows_that_were_read_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched, digest, *_ = world()
    kept = _kept(MemoryWindows(), BY_HOURS)
    log, bundles = _Log(_all(kept.stores.windows)), {digest: watched}.get
    stores = Stores(MemoryWindows(), MemoryProfiles())
    look(_logged("q"), log, kept.outcomes, stores, bundles)
    assert set(_all(stores.windows)["score"].to_list()) == {0.5}

    log.wrong = False
    with monkeypatch.context() as patched:
        fault = _Fault(stores.windows.replace, 0, after=True)
        patched.setattr(stores.windows, "replace", fault)
        with pytest.raises(OSError, match="power"):
            look(_logged("p"), log, kept.outcomes, stores, bundles)
    look(_logged("p"), log, kept.outcomes, stores, bundles)
    assert _all(stores.windows).equals(log.rows)
    read = log.reads
    assert look(_logged("p"), log, kept.outcomes, stores, bundles).measured_now == ()
    assert log.reads == read, "the same mapping once more reads nothing again"


def test_what_the_log_has_no_more_stays_as_it_was_read() -> None:
    watched, digest, *_ = world()
    kept = _kept(MemoryWindows(), BY_HOURS)
    log, bundles = _Log(_all(kept.stores.windows)), {digest: watched}.get
    stores = Stores(MemoryWindows(), MemoryProfiles())
    look(_logged("q"), log, kept.outcomes, stores, bundles)
    middle: datetime = log.rows["at"][45]
    gone = log.rows.filter(pl.col("at") < middle).height
    log.rows, log.wrong = log.rows.filter(pl.col("at") >= middle), False
    look(_logged("p"), log, kept.outcomes, stores, bundles)
    found = _all(stores.windows)
    assert (found["score"][:gone] == 0.5).all()
    assert found[gone:].equals(log.rows)
