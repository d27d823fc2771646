"""Large tables: any grouping of rows counts the same, and tables say what rows would say."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.polars_row_groups import PolarsRowGroups
from assay.adapters.thread_map_sum import ThreadMapSum
from assay.charter.data import Span
from assay.charter.policy import BestAction
from assay.errors import DataError
from assay.monitor.file_cases import FileCases, with_chances
from assay.monitor.file_profile import WindowProfiles, learned_grid, window_profiles
from assay.monitor.file_windows import Clock, Count
from assay.monitor.quality import quality
from assay.monitor.windows import cut_windows
from assay.stats.calibration import Calibrator
from assay.stats.counted_calibration import counted_calibrator
from assay.stats.grid import NumberAxis
from assay.stats.profile import profile
from assay.stats.reference import Reference
from assay.stats.score_table import ScoreTable, score_table
from assay.stats.widened import widened
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable

BANK = ClassificationValuation(
    "EUR",
    PayoffTable(("act", "wait"), ("no", "yes"), ((-2.0, "amount - 2"), (0.0, 0.0))),
    BestAction(),
    {"nothing": "wait"},
    "nothing",
)


def table(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    start = np.datetime64("2026-03-27", "us")
    return pl.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "c": rng.choice(["a", "b", "c"], n),
            "amount": rng.integers(1, 100, n).astype(np.float64),
            "score": score,
            "decision": (score > 0.5).astype(np.int64),
            "outcome": np.where(rng.random(n) < score, "yes", "no"),
            "ts": start + (np.sort(rng.random(n)) * 5 * 86_400e6).astype(np.int64),
        }
    ).with_columns(pl.when(pl.col("c") != "c").then(pl.col("outcome")).alias("outcome"))


COLUMNS = {"x": "x", "c": "c", "amount": "amount", "@score": "score"}


def counted(frame: pl.DataFrame, rows: int, threads: int = 2) -> WindowProfiles:
    whole = PolarsRowGroups(table(2000))
    grid = learned_grid(whole, COLUMNS)
    axis = grid.axes["@score"]
    assert isinstance(axis, NumberAxis)
    cases = FileCases("score", "decision", "outcome", axis, BANK)
    days = Clock("ts", 1, "day")
    groups = PolarsRowGroups(frame, rows)
    engine = ThreadMapSum(threads)
    return window_profiles(groups, grid, days, engine, named=COLUMNS, counting=cases)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 400), st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_grouping_of_the_rows_gives_the_same_counts(
    rows: int, threads: int, random: Any
) -> None:
    frame = table(300, seed=1)
    order = list(range(frame.height))
    random.shuffle(order)
    whole, parts = counted(frame, 300, 1), counted(frame[order], rows, threads)
    assert whole.profiles.keys() == parts.profiles.keys()
    for number, one in whole.profiles.items():
        other = parts.profiles[number]
        assert one.n == other.n
        for name, tally in one.features.items():
            assert tally.counts.tolist() == other.features[name].counts.tolist()
            np.testing.assert_allclose(tally.sums, other.features[name].sums, atol=1e-9)
        left, right = one.scores, other.scores
        assert isinstance(left, ScoreTable)
        assert isinstance(right, ScoreTable)
        assert left.n.tolist() == right.n.tolist()
        assert left.labelled.tolist() == right.labelled.tolist()
        np.testing.assert_allclose(left.labelled_products, right.labelled_products)


def test_tables_are_those_that_rows_give() -> None:
    frame = table(400, seed=2)
    (found,) = [
        one for _, one in counted(frame.with_columns(ts=pl.lit(frame["ts"][0])), 90).in_order()
    ]
    grid = learned_grid(PolarsRowGroups(table(2000)), COLUMNS)
    axis = grid.axes["@score"]
    assert isinstance(axis, NumberAxis)
    codes = frame["outcome"].replace_strict({"no": 0, "yes": 1}, default=-1).to_numpy()
    score, amount = frame["score"].to_numpy(), frame["amount"].to_numpy()
    want = score_table(
        axis.cells(score),
        1 - frame["decision"].to_numpy(),
        chance=np.zeros((400, 2)),
        pairs=((0, 1), (1, 1)),
        size=axis.size - 1,
        score=score,
        terms=("amount",),
        values=amount[:, None],
        outcomes=codes,
        ripe=codes >= 0,
    )
    table_ = found.scores
    assert isinstance(table_, ScoreTable)
    assert (table_.pairs, table_.terms) == (want.pairs, want.terms)
    for name in ("n", "score", "sums", "products", "ripe", "ripe_sums", "labelled"):
        np.testing.assert_allclose(getattr(table_, name), getattr(want, name), err_msg=name)
    for name in ("labelled_sums", "labelled_products"):
        np.testing.assert_allclose(getattr(table_, name), getattr(want, name), err_msg=name)
    given_chances = with_chances(table_, Calibrator.identity())
    np.testing.assert_allclose(given_chances.chance[1], table_.score, atol=1e-9)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("span", ["1 day", "6 hours", "7 days"])
def test_windows_are_those_of_live_monitoring(zone: str, span: str) -> None:
    rng = np.random.default_rng(0)
    start = np.datetime64("2026-03-25", "us")  # clocks change in between
    times = start + np.sort(rng.integers(0, 9 * 86_400_000_000, 3000))
    asked = Span.parse(span)
    clock = Clock("ts", asked.count, "day" if asked.unit == "day" else "hour", zone)
    numbers = clock.numbers(times, 0, len(times))
    for window in cut_windows(times, asked, zone):
        assert set(numbers[window.rows].tolist()) == {window.index}
        assert clock.name(window.index) == window.name


def test_rows_without_a_time_stand_alone() -> None:
    times = np.array(["2026-01-01", "NaT", "1969-12-31T23:00"], dtype="datetime64[us]")
    clock = Clock("ts", 1, "day", "Europe/Vienna")
    names = [clock.name(number) for number in clock.numbers(times, 0, 3).tolist()]
    assert names == ["2026-01-01", "no time", "1970-01-01"]


def test_windows_of_rows_go_on_over_groups() -> None:
    frame = table(100)
    grid = learned_grid(PolarsRowGroups(frame), {"x": "x"})
    found = window_profiles(PolarsRowGroups(frame, 7), grid, Count(30), ThreadMapSum())
    assert [one.n for _, one in found.in_order()] == [30, 30, 30, 10]


def test_a_widened_grid_counts_as_if_it_had_been_there() -> None:
    rng = np.random.default_rng(0)
    parts = [{"x": rng.normal(size=200)} for _ in range(3)]
    grid = learned_grid(PolarsRowGroups(pl.DataFrame(parts[0])), {"x": "x"})
    wide, found = widened(grid, [profile(part, grid) for part in parts])
    for part, one in zip(parts, found, strict=True):
        again = profile(part, wide).features["x"]
        assert again.counts.tolist() == one.features["x"].counts.tolist()
        np.testing.assert_allclose(again.sums, one.features["x"].sums, atol=1e-9)
        assert again.counts[0] == again.counts[-2] == 0


def test_calibration_from_counts_agrees_with_that_from_rows() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(50_000)
    outcome = rng.random(50_000) < score**2
    edges = np.linspace(0.002, 1, 500)
    cells = np.searchsorted(edges, score)
    n = np.bincount(cells, minlength=501)
    found = counted_calibrator(
        edges,
        n,
        np.bincount(cells, outcome, 501).astype(np.int64),
        np.bincount(cells, score, 501).astype(np.float64),
    )
    assert set(found.edges) <= set(edges)
    assert int(found.counts.sum()) == 50_000
    asked = np.linspace(0.05, 0.95, 50)
    assert np.abs(found.apply(asked) - asked**2).max() < 0.03
    with pytest.raises(ValueError, match="none"):
        counted_calibrator(edges, np.zeros(501, np.int64), np.zeros(501, np.int64), np.zeros(501))


def test_quality_names_constants_gaps_and_strangers() -> None:
    before = {
        "x": np.arange(100.0),
        "c": np.array(["a", "b"] * 50, dtype=object),
    }
    grid = learned_grid(PolarsRowGroups(pl.DataFrame(before)), {"x": "x", "c": "c"})
    reference = Reference(grid, (profile(before, grid),))
    now = {
        "x": np.array([5.0, 5.0, np.nan, 5.0]),
        "c": np.array(["a", "new", "", "b"], dtype=object),
    }
    found = quality(reference, profile(now, grid))
    assert (found["x"].constant, found["x"].missing, found["x"].least) == (True, 0.25, 5.0)
    assert not found["c"].constant
    assert found["c"].unseen == pytest.approx(1 / 3)
    assert not found["x"].sound
    assert quality(reference, profile(before, grid))["c"].sound


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"decision": pl.lit(3)}, "unknown decision \\(3\\)"),
        ({"outcome": pl.lit("perhaps")}, "unknown outcome \\('perhaps'\\)"),
        ({"x": pl.lit("word")}, "`x` holds numbers in the reference and text in"),
        ({"score": pl.lit("high")}, "`score` holds numbers"),
    ],
)
def test_columns_of_the_wrong_kind_are_told(change: dict[str, pl.Expr], said: str) -> None:
    with pytest.raises(DataError, match=said):
        counted(table(50).with_columns(**change), 50)


def test_a_missing_column_is_told_with_those_there_are() -> None:
    with pytest.raises(DataError, match="lacks `amount`; its columns are x, c, score"):
        counted(table(50).drop("amount"), 50)


def test_profiles_add_up_in_any_order() -> None:
    frame = table(200)
    parts = [counted(frame[k::4], 50) for k in range(4)]
    one, two = (reduce(lambda a, b: a + b, each) for each in (parts, parts[::-1]))
    assert [p.n for _, p in one.in_order()] == [p.n for _, p in two.in_order()]
