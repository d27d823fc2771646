"""`assay profile` on small files: what it says, and what it says of wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.cli import main

VALUE = """
currency: EUR
actions:
  call: {"no": -1, "yes": amount - 1}
  skip: 0
baselines: {nobody: skip}
caps: {amount: [0, 100]}
decisions_per_month: 1000
"""
ACTED = ("--score", "score", "--decision", "acted", "--outcome", "outcome")
MODEL = ("--score", "score", "--decision", "decision", "--outcome", "outcome")


def frame(days: int, start: str, *, moved: float = 0.0, rows: int = 150) -> pl.DataFrame:
    n = days * rows
    rng = np.random.default_rng(days)
    score = rng.random(n)
    return pl.DataFrame(
        {
            "age": np.round(rng.normal(moved, 1.0, n), 3),
            "job": rng.choice(["a", "b", "c"], n),
            "amount": rng.integers(1, 40, n),
            "score": np.round(score, 4),
            "decision": np.where(score > 0.3, "call", "skip"),
            "acted": (score > 0.3).astype(np.int64),
            "outcome": np.where(rng.random(n) < score, "yes", "no"),
            "ts": np.datetime64(start, "us") + (np.arange(n) * (86_400e6 / rows)).astype(np.int64),
            "tags": [[1]] * n,
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiled")
    frame(20, "2026-01-01").write_parquet(folder / "r.parquet")
    frame(4, "2026-02-01", moved=1.0).write_parquet(folder / "a.parquet", row_group_size=100)
    for name in "ra":
        pl.read_parquet(folder / f"{name}.parquet").drop("tags").write_csv(folder / f"{name}.csv")
    (folder / "value.yaml").write_text(VALUE)
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["profile", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_what_moved_is_named_in_each_window(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--reference", files / "r.parquet", "--window-column", "ts")
    found = told(capsys, *given, files / "a.parquet")
    assert found["reference"] == {"windows": 20, "rows": 3000}
    assert found["left_out"] == {"tags": "neither number nor text"}
    assert [one["window"] for one in found["windows"]] == [f"2026-02-0{day}" for day in range(1, 5)]
    assert all(one["moved"][:1] == ["age"] for one in found["windows"])
    assert all(one["n"] == 150 for one in found["windows"])
    assert found["windows"][0]["performance"]["before_labels"] == {}


def test_csv_parquet_and_delta_say_the_same(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deltalake = pytest.importorskip("deltalake")
    for name in "ra":
        table = pl.read_parquet(files / f"{name}.parquet").drop("tags").to_arrow()
        deltalake.write_deltalake(str(tmp_path / name), table)
        table_ = pl.read_parquet(files / f"{name}.parquet").drop("tags")
        table_.write_parquet(tmp_path / f"{name}.parquet", row_group_size=70)
    answers = [
        told(capsys, "--reference", reference, analysis, "--window-column", "ts", *ACTED)
        for reference, analysis in (
            (files / "r.csv", files / "a.csv"),
            (tmp_path / "r.parquet", tmp_path / "a.parquet"),
            (tmp_path / "r", tmp_path / "a"),
        )
    ]
    counts = [
        [(one["window"], one["n"], one["moved"], one["quality"]) for one in answer["windows"]]
        for answer in answers
    ]
    assert counts[0] == counts[1] == counts[2]
    aucs = [answer["windows"][0]["performance"]["after_labels"]["roc_auc"] for answer in answers]
    for auc in aucs:
        assert auc["mean"] == pytest.approx(aucs[0]["mean"], abs=0.01)


def test_value_and_performance_come_before_and_after_labels(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--reference", files / "r.parquet", "--window-column", "ts", files / "a.parquet")
    found = told(capsys, *given, *MODEL, "--value", files / "value.yaml", "--positive", "yes")
    for one in found["windows"]:
        expected, realised = one["value"]["expected"], one["value"]["realised"]
        assert expected["unit"] == realised["unit"] == "EUR per decision"
        assert expected["low"] < realised["mean"] < expected["high"]
        before, after = one["performance"]["before_labels"], one["performance"]["after_labels"]
        assert before["roc_auc"]["low"] < after["roc_auc"]["mean"] < before["roc_auc"]["high"]
    short = told(capsys, *given, *ACTED, "--amount", "amount", "--cost", "1", "--currency", "CHF")
    for one, same in zip(short["windows"], found["windows"], strict=True):
        assert one["value"]["expected"]["unit"] == "CHF per decision"
        assert one["value"]["expected"]["mean"] == pytest.approx(same["value"]["expected"]["mean"])


def test_value_is_that_of_the_rows(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(
        capsys, "--reference", files / "r.parquet", "--window", "600 rows", files / "a.parquet",
        *MODEL, "--value", files / "value.yaml", "--positive", "yes",
    )  # fmt: skip
    rows = pl.read_parquet(files / "a.parquet")
    paid = pl.when(pl.col("outcome") == "yes").then(pl.col("amount") - 1).otherwise(-1)
    worth = rows.select(pl.when(pl.col("decision") == "call").then(paid).otherwise(0).mean()).item()
    (window,) = found["windows"]
    assert (window["window"], window["n"]) == ("rows 1-600", 600)
    assert window["value"]["realised"]["mean"] == pytest.approx(worth)


def test_people_get_a_table_and_a_picture(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.png"
    code, text, _ = run(
        capsys, "--reference", files / "r.parquet", "--window-column", "ts",
        files / "a.parquet", *ACTED, "--out", out,
    )  # fmt: skip
    assert code == 0
    assert "2026-02-04" in text
    assert "age" in text
    assert "ROC AUC" in text
    assert "before labels" in text
    assert "tags is left out" in text
    assert out.read_bytes()[1:4] == b"PNG"
    assert "by `ts` (UTC), beside 20 windows of the reference" in text
    assert "age moved in 4 of 4 windows" in text  # and which way
    assert " sd)" in text
    assert max(map(len, text.split("Cut into")[0].splitlines())) < 80


def odd(files: Path, to: Path, **changes: pl.Expr) -> Path:
    """Write the analysis with columns changed, and return its path."""
    pl.read_parquet(files / "a.parquet").with_columns(**changes).write_parquet(to)
    return to


def test_strangers_and_gaps_are_told_and_strangers_are_no_constant(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = pl.when(pl.int_range(pl.len()) % 4 == 0).then("age")
    path = odd(files, tmp_path / "a.parquet", job=pl.lit("z"), age=gone, amount=pl.lit(7))
    code, text, _ = run(capsys, "--reference", files / "r.parquet", path)
    assert code == 0
    assert "never seen: 100 % of values" in text
    assert "% of rows, 0 % before" in text
    states = [line for line in text.splitlines() if line.startswith("  job in ")]
    assert states
    assert not any("one value" in line for line in states)
    assert any("amount in " in line and "one value only" in line for line in text.splitlines())


def test_what_is_not_judged_says_so_in_one_line(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--reference", files / "r.parquet", files / "a.parquet", "--window", "23 rows")
    code, text, _ = run(capsys, *given)
    assert code == 0
    assert "not judged" in text
    assert "nothing" not in text
    assert text.count("30 needed") == 1
    assert "too few rows: 2 to 23, 30 needed" in text


def test_an_amount_known_only_afterwards_is_warned_of(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = pl.when(pl.col("outcome") == "yes").then("amount").otherwise(-5)
    for name in "ra":
        rows = pl.read_parquet(files / f"{name}.parquet").with_columns(paid=paid)
        rows.write_parquet(tmp_path / f"{name}.parquet")
    given = ("--reference", tmp_path / "r.parquet", tmp_path / "a.parquet", *ACTED, "--cost", "1")
    assert told(capsys, *given, "--amount", "amount")["warnings"] == []
    (warning,) = told(capsys, *given, "--amount", "paid")["warnings"]
    assert "`paid` must be known before the decision" in warning
    assert warning in run(capsys, *given, "--amount", "paid")[1]


def test_scores_and_outcomes_alone_have_performance(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--reference", files / "r.parquet", "--window-column", "ts", files / "a.parquet")
    alone = told(capsys, *given, *ACTED[:2], *ACTED[4:])["windows"]
    decided = told(capsys, *given, *ACTED)["windows"]
    for one, other in zip(alone, decided, strict=True):
        for when in ("before_labels", "after_labels"):
            found, want = one["performance"][when], other["performance"][when]
            assert {"roc_auc", "log_loss", "brier", "average_precision"} <= found.keys()
            assert not {"precision", "recall", "f1", "accuracy"} & found.keys()
            assert found["roc_auc"]["mean"] == pytest.approx(want["roc_auc"]["mean"])
        assert one["value"] == {}


def test_text_times_patterns_and_new_columns_are_taken(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.read_parquet(files / "a.parquet").with_columns(
        ts=pl.col("ts").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"), fresh=pl.lit(1)
    )
    for part in range(3):
        rows[part * 200 : part * 200 + 200].write_parquet(tmp_path / f"{part}.parquet")
    given = ("--reference", files / "r.parquet", "--window-column", "ts")
    found = told(capsys, *given, tmp_path / "*.parquet")
    want = told(capsys, *given, files / "a.parquet")
    assert found["windows"] == want["windows"]
    assert found["left_out"].pop("fresh") == "not in the reference"
    assert found["left_out"] == want["left_out"]


def test_how_windows_were_cut_is_said(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--reference", files / "r.parquet", files / "a.parquet")
    found = told(capsys, *given)
    assert found["cut"].startswith("Cut into windows of 30 rows in the order of the table, as no")
    (window,) = told(capsys, *given, "--window", "100000 rows")["windows"]
    assert window["window"] == "rows 1-600"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--score", "points", "--decision", "decision", "--outcome", "outcome"], "`points`"),
        (["--score", "score"], "--score needs --outcome, which was not given"),
        (["--amount", "amount"], "--score, --decision and --outcome, which were not given"),
        (["--amount", "amount", *MODEL[:2], *MODEL[4:]], "and --decision was not given"),
        (["--cost", "3"], "--cost needs --amount"),
        (["--currency", "CHF"], "--currency needs --amount"),
        (["--positive", "yes"], "--positive needs --value"),
        (["--window", "1 day"], "no column of moments was named"),
        (["--time-zone", "Mars/X", "--window-column", "ts"], "no time zone 'Mars/X'"),
        (["--time-zone", "Europe/Berln", "--window-column", "ts"], "mean `Europe/Berlin`?"),
        (["--time-zone", "Europe/Berlin"], "--time-zone needs --window-column"),
        ([*MODEL], "other words are the actions of a value section (--value)"),
        (["--out", "page.jpg"], "Name it page.png"),
        (["--out", "nowhere/page.png"], "There is no folder nowhere"),
        (["--window", "1 fortnight"], "a window is a number of rows, hours or days"),
        (["--window-column", "job"], "is no moment of ISO 8601"),
        (["--value", "none.yaml"], "cannot be read"),
    ],
)
def test_wrong_questions_get_one_paragraph(
    files: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--reference", files / "r.parquet", files / "a.parquet"]
    code, out, err = run(capsys, *given, *arguments)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert out == ""


def test_wrong_files_get_one_paragraph(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("a b c")
    (tmp_path / "bad.parquet").write_text("a b c")
    (tmp_path / "folder").mkdir()
    frame(1, "2026-01-01").clear().write_parquet(tmp_path / "empty.parquet")
    frame(1, "2026-01-01").drop("age").write_parquet(tmp_path / "narrow.parquet")
    cases = {
        "text.txt": "ends in .txt",
        "bad.parquet": "cannot be read as Parquet",
        "none.parquet": "There is no table",
        "folder": "holds no .parquet file",
        "empty.parquet": "no rows",
        "narrow.parquet": "lacks `age`",
        "*.pq": "No file matches",
    }
    for name, said in cases.items():
        code, _, err = run(capsys, "--reference", files / "r.parquet", tmp_path / name)
        assert code == 2
        assert said in err
        assert err.count("\n") == 1


def test_a_short_reference_says_that_history_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame(1, "2026-01-01", rows=90).write_parquet(tmp_path / "r.parquet")
    frame(1, "2026-01-01", rows=90).write_parquet(tmp_path / "a.parquet")
    given = ("--reference", tmp_path / "r.parquet", "--window-column", "ts")
    found = told(capsys, *given, tmp_path / "a.parquet")
    assert "not enough history" in found["windows"][0]["drift"]["note"]


def test_a_folder_of_files_is_one_table(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = pl.read_parquet(files / "a.parquet")
    for part in range(3):
        whole[part * 200 : part * 200 + 200].write_parquet(tmp_path / f"{part}.parquet")
    given = ("--reference", files / "r.parquet", "--window-column", "ts")
    found, want = (told(capsys, *given, place) for place in (tmp_path, files / "a.parquet"))
    assert [one["quality"] for one in found["windows"]] == [
        one["quality"] for one in want["windows"]
    ]


def test_keys_of_rows_are_left_out(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ra":
        rows = pl.read_parquet(files / f"{name}.parquet")
        rows.with_row_index("id").with_columns(
            pl.format("{}-{}", pl.lit(name), "id").alias("id")
        ).write_parquet(tmp_path / f"{name}.parquet")
    given = ("--reference", tmp_path / "r.parquet", "--window-column", "ts")
    found = told(capsys, *given, tmp_path / "a.parquet")
    assert found["left_out"]["id"] == "nearly every row has a value of its own"
    assert "id" not in {one["feature"] for one in found["windows"][0]["quality"]}


def test_rows_in_any_order_say_the_same(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.read_parquet(files / "a.parquet").sample(fraction=1.0, shuffle=True, seed=1)
    rows.write_parquet(tmp_path / "a.parquet")
    given = ("--reference", files / "r.parquet", "--window-column", "ts")
    found, want = (
        told(capsys, *given, one) for one in (tmp_path / "a.parquet", files / "a.parquet")
    )
    assert [one["quality"] for one in found["windows"]] == [
        one["quality"] for one in want["windows"]
    ]
    assert [one["moved"] for one in found["windows"]] == [one["moved"] for one in want["windows"]]


def test_what_takes_long_to_load_is_not_loaded(files: Path) -> None:
    code = (
        "import atexit, sys; from assay.cli import main\n"
        "slow = {'polars', 'scipy', 'pandas', 'sklearn', 'rich', 'matplotlib', 'pyarrow.compute'}\n"
        "atexit.register(lambda: print(sorted(slow & sys.modules.keys()), file=sys.stderr))\n"
        "main()"
    )
    given = ["--reference", files / "r.parquet", "--window-column", "ts", files / "a.parquet"]
    command = [sys.executable, "-c", code, "profile", *map(str, given), *ACTED, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["windows"]
    assert ended.stderr.strip() == "[]"
