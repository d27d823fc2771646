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
    assert "ROC AUC before labels" in text
    assert "tags is left out" in text
    assert out.read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--score", "points", "--decision", "decision", "--outcome", "outcome"], "`points`"),
        (["--score", "score"], "--decision and --outcome lacks"),
        (["--window", "1 fortnight"], "a window is a number of rows, hours or days"),
        (["--window-column", "job"], "`job` holds texts"),
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
