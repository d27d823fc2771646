"""Bad input: one clear message, exit code 2, and nothing half written."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Run = Callable[..., Any]

TEN_FAULTS = """\
name: Our Campaign!
title: 7
problem: {business: Calls cost, analytical: The chance of a deposit}
strategy: {objective: Grow deposits, kpi: Margin a month}
people: {product_manager: Ana Costa, risk_oficer: Rui Matos}
data: {source: history.parquet, outcome: deposit, positive: "yes", label_delay: 3 moons}
value:
  curency: EUR
  currency: EUR
  actions: {call: {"yes": 54, "no": -6}, skip: 0}
  baselines: {nobody: skip, everybody: cal}
  baseline: noboddy
  decisions_per_month: 0
risk: {tier: enormous}
"""

PLACES = (
    "name",
    "title",
    "problem.hypothesis",
    "people.risk_oficer",
    "data.label_delay",
    "value.curency",
    "value.baselines.everybody",
    "value.baseline",
    "value.decisions_per_month",
    "risk.tier",
)


def _tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of its content; SQLite's scratch files apart."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".sqlite-wal", ".sqlite-shm"}
    }


@pytest.fixture
def unbuilt(campaign: Path) -> Path:
    """A folder with the charter alone."""
    folder = campaign.with_name("unbuilt")
    folder.mkdir()
    (folder / "charter.yaml").write_text((campaign / "charter.yaml").read_text())
    return folder


def test_a_charter_with_ten_faults_gives_ten_messages(run: Run, tmp_path: Path) -> None:
    (tmp_path / "charter.yaml").write_text(TEN_FAULTS)
    for command in ("check", "build", "status", "gate"):
        answer = run(command, tmp_path)
        assert answer.code == 2
        assert answer.out == ""
        head, *messages = answer.paragraph.splitlines()
        assert head.endswith("has 10 faults:")
        assert [one.split(":")[0].strip() for one in messages] == list(PLACES)
    assert list(tmp_path.iterdir()) == [tmp_path / "charter.yaml"]
    assert run("check", tmp_path, "--json").document["exit_code"] == 2


def _without_outcome(frame: pl.DataFrame, path: Path) -> None:
    frame.drop("deposit").write_csv(path)


def _constant(frame: pl.DataFrame, path: Path) -> None:
    frame.with_columns(pl.lit("no").alias("deposit")).write_csv(path)


def _wrong_type(frame: pl.DataFrame, path: Path) -> None:
    frame.with_columns(pl.col("savings").alias("deposit")).write_csv(path)


def _never_known(frame: pl.DataFrame, path: Path) -> None:
    frame.with_columns(pl.lit(None, dtype=pl.String).alias("deposit")).write_csv(path)


def _unknown_label(frame: pl.DataFrame, path: Path) -> None:
    frame.with_columns(pl.col("deposit").replace("yes", "maybe")).write_csv(path)


def _no_bytes(_: pl.DataFrame, path: Path) -> None:
    path.write_bytes(b"")


def _header_only(frame: pl.DataFrame, path: Path) -> None:
    frame.head(0).write_csv(path)


def _ragged(frame: pl.DataFrame, path: Path) -> None:
    frame.head(50).write_csv(path)
    path.write_text(path.read_text() + "a,b,c,d,e,f,g,h,i,j,k,l\n")


def _not_utf8(_: pl.DataFrame, path: Path) -> None:
    path.write_bytes(b"client,deposit\n\xff\xfe\xfa,\xff\n" * 3)


def _truncated(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path)
    path.write_bytes(path.read_bytes()[:-200])


def _cut_in_half(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _no_table(_: pl.DataFrame, path: Path) -> None:
    path.with_suffix(".csv").unlink(missing_ok=True)


BAD: list[tuple[Callable[[pl.DataFrame, Path], None], str, str]] = [
    (_without_outcome, "rows.csv", "deposit"),
    (_constant, "rows.csv", "one value only"),
    (_wrong_type, "rows.csv", "deposit"),
    (_never_known, "rows.csv", "is missing in all"),
    (_unknown_label, "rows.csv", "maybe"),
    (_no_bytes, "rows.csv", "empty"),
    (_no_bytes, "rows.parquet", "empty"),
    (_header_only, "rows.csv", "no rows"),
    (_ragged, "rows.csv", "cannot be read as a CSV"),
    (_not_utf8, "rows.csv", "rows.csv"),
    (_truncated, "rows.parquet", "cut short"),
    (_cut_in_half, "rows.parquet", "cut short"),
    (_no_table, "rows.csv", "There is no table at"),
    (_without_outcome, "rows.xlsx", ".csv, .parquet"),
]


@pytest.mark.parametrize(("spoil", "name", "words"), BAD)
def test_a_bad_table_is_one_paragraph_and_leaves_nothing(
    run: Run,
    campaign: Path,
    unbuilt: Path,
    tmp_path: Path,
    spoil: Callable[[pl.DataFrame, Path], None],
    name: str,
    words: str,
) -> None:
    table = tmp_path / "data" / name
    table.parent.mkdir()
    spoil(pl.read_parquet(campaign / "history.parquet"), table)
    for folder in (campaign, unbuilt):
        before = _tree(folder)
        for command in ("check", "build", "replay"):
            answer = run(command, folder, "--data", table)
            assert answer.code == 2, answer
            assert answer.out == ""
            assert words in answer.paragraph
            assert "\n" not in answer.paragraph
            assert answer.paragraph.endswith((".", "?"))
            assert _tree(folder) == before
    assert _tree(table.parent) in ({}, {name: _tree(table.parent).get(name)})


BAD_OUTCOMES: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b"prediction,outcome\na,yes\n", "no column id"),
    (b"id,result\na,yes\n", "no column outcome or deposit"),
    (b"id,outcome\na,perhaps\n", "perhaps"),
    (b"id,outcome\n", "no rows"),
]


@pytest.mark.parametrize(("content", "words"), BAD_OUTCOMES)
def test_bad_outcomes_are_one_paragraph_and_leave_nothing(
    run: Run, campaign: Path, tmp_path: Path, content: bytes, words: str
) -> None:
    table = tmp_path / "outcomes.csv"
    table.write_bytes(content)
    before = _tree(campaign)
    answer = run("outcomes", table, campaign)
    assert answer.code == 2
    assert words in answer.paragraph
    assert "\n" not in answer.paragraph
    assert _tree(campaign) == before


MODELS: list[tuple[str, bytes, str]] = [
    ("model.onnx", b"no model at all", "no valid ONNX model"),
    ("model.onnx", b"", "is empty"),
    ("model.skops", b"PK no archive", "skops"),
    ("model.pkl", b"\x80\x04.", "--allow-pickle"),
    ("model.txt", b"hello", ".onnx"),
]


@pytest.mark.parametrize(("name", "content", "words"), MODELS)
def test_a_bad_model_is_one_paragraph_and_leaves_nothing(
    run: Run, campaign: Path, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    model = tmp_path / name
    model.write_bytes(content)
    before = _tree(campaign)
    for given, told in ((model, words), (tmp_path / "nowhere.onnx", "nowhere.onnx")):
        answer = run("submit", given, campaign)
        assert answer.code == 2, answer
        assert told in answer.paragraph
        assert _tree(campaign) == before


def test_new_refuses_and_overwrites_nothing(run: Run, campaign: Path, tmp_path: Path) -> None:
    table, before = campaign / "history.parquet", _tree(campaign)
    there = run("new", campaign, "--from-data", table, "--outcome", "deposit")
    assert (there.code, "is there already" in there.paragraph) == (2, True)
    assert _tree(campaign) == before
    wrong = run("new", tmp_path / "fresh", "--from-data", table, "--outcome", "deposti")
    assert wrong.code == 2
    assert "deposit" in wrong.paragraph
    assert not (tmp_path / "fresh").exists()
    gone = run("new", tmp_path / "fresh", "--from-data", tmp_path / "no.csv", "--outcome", "y")
    assert gone.code == 2
    assert not (tmp_path / "fresh").exists()


def test_a_place_that_cannot_be_written_is_a_broken_world(run: Run, campaign: Path) -> None:
    (campaign / "a-file").write_text("in the way")
    table = campaign / "history.parquet"
    for command in (
        ("report", campaign, "--out", campaign / "a-file" / "report.html"),
        ("new", campaign / "a-file" / "n", "--from-data", table, "--outcome", "deposit"),
    ):
        answer = run(*command)
        assert answer.code == 3
        assert "cannot be written" in answer.paragraph
    assert (campaign / "a-file").read_text() == "in the way"


@pytest.mark.parametrize("command", ["gate", "sign", "report", "release"])
def test_a_version_that_is_not_there(run: Run, campaign: Path, command: str) -> None:
    given = ("--as", "Ana Costa", "--role", "product_manager") if command == "sign" else ()
    answer = run(command, campaign, "--version", 7, *given)
    assert answer.code == 2
    assert "version 7 (registered: 1)" in answer.paragraph


def test_nothing_built_yet(run: Run, unbuilt: Path, campaign: Path) -> None:
    (unbuilt / "history.parquet").write_bytes((campaign / "history.parquet").read_bytes())
    assert run("check", unbuilt).code == 0
    assert not (unbuilt / ".assay").exists(), "checking writes nothing"
    assert "Next: assay build" in run("status", unbuilt).out
    assert run("gate", unbuilt).code == 2
    assert run("report", unbuilt).code == 0
    assert "Nothing has been built yet." in (unbuilt / "report.html").read_text()
    assert "Nothing has been served yet" in run("monitor", unbuilt).out


def test_a_check_that_does_not_hold_is_exit_code_1(
    run: Run, campaign: Path, tmp_path: Path
) -> None:
    frame = pl.read_parquet(campaign / "history.parquet")
    leak = (pl.col("deposit") == "yes").cast(pl.Int64).alias("calls_back")
    frame.with_columns(leak).write_parquet(tmp_path / "leaky.parquet")
    answer = run("check", campaign, "--data", tmp_path / "leaky.parquet")
    assert answer.code == 1
    assert "calls_back" in answer.out
    assert "Not ready" in answer.out
    told = run("check", campaign, "--data", tmp_path / "leaky.parquet", "--json")
    assert (told.code, told.document["passed"]) == (1, False)


def test_a_real_process_says_it_in_one_paragraph(unbuilt: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    given = [sys.executable, "-m", "assay", "check", str(unbuilt)]
    done = subprocess.run(
        [*given, "--data", str(tmp_path / "cut.parquet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("assay: ")
    assert len(done.stderr.strip().splitlines()) == 1
