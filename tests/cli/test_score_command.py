"""`assay score`: a table in, answers and captures out, as a gateway would have given them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import deltalake
import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Answer

import assay
from assay.adapters import lake_scored, scored_rows, scored_table
from assay.adapters.capture_segment import sync_folder
from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace

Run = Callable[..., Answer]
ROWS = 250


@pytest.fixture
def released(campaign: Path) -> Path:
    workspace = Workspace(campaign)
    for role, person in (("product_manager", "Ana Costa"), ("risk_officer", "Rui Matos")):
        workspace.sign(person, role)
    workspace.gate()
    workspace.release()
    return campaign


@pytest.fixture
def clients(released: Path) -> pl.DataFrame:
    return Campaign(seed=9).month(1, ROWS).clients


@pytest.fixture
def table(clients: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "clients.parquet"
    clients.write_parquet(path, row_group_size=70)
    return path


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_rows, "CHUNK", 64)


@pytest.mark.usefixtures("_small_chunks")
def test_answers_and_captures_are_those_of_the_version_that_serves(
    run: Run, released: Path, table: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    told = run("score", released, table, out, "--keep", "client", "--json").document
    assert (told["rows"], told["rejected"], told["arms"]) == (ROWS, 0, {"champion": ROWS})
    scored = pl.read_parquet(out)
    wanted = assay.load(released).answer(clients)
    assert scored["client"].to_list() == clients["client"].to_list()
    for name in ("prediction", "probability", "decision", "expected_value"):
        assert scored[name].to_list() == pytest.approx([one[name] for one in wanted], abs=1e-6)
    records = list(Workspace(released).ports.captures.read())
    assert [one["id"] for one in records] == scored["id"].to_list()
    assert [one["entity"] for one in records] == [str(one) for one in clients["client"]]
    assert [one["decision"] for one in records] == scored["decision"].to_list()
    assert records[7]["inputs"]["age"] == clients["age"][7]
    assert records[0]["arm"] == "champion"
    assert not list(tmp_path.glob(".out*"))
    assert run("captures", "verify", released, "--json").document["answers"] == ROWS


def test_every_form_of_table_gives_the_same(
    run: Run, released: Path, table: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    clients.write_csv(tmp_path / "in.csv")
    deltalake.write_deltalake(str(tmp_path / "in"), clients.to_arrow())
    found = []
    for given, out in (("clients.parquet", "a.parquet"), ("in.csv", "b.csv"), ("in", "c")):
        answer = run("score", released, tmp_path / given, tmp_path / out, "--no-capture")
        assert (answer.code, "250 rows are answered" in answer.out) == (0, True)
        if out == "c":
            delta = deltalake.DeltaTable(tmp_path / out).to_pyarrow_table()
            found.append(pl.DataFrame(delta))
        else:
            path = tmp_path / out
            found.append(pl.read_csv(path) if out == "b.csv" else pl.read_parquet(path))
    for other in found[1:]:
        for name in ("prediction", "decision", "arm"):
            assert other[name].to_list() == found[0][name].to_list()
        assert other["probability"].to_list() == pytest.approx(found[0]["probability"].to_list())
    assert not list(Workspace(released).ports.captures.read())


@pytest.mark.usefixtures("_small_chunks")
def test_bad_rows_are_told_and_stop_nothing(
    run: Run, released: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    ages = [
        "old" if row == 70 else "1e300" if row == 200 else str(clients["age"][row])
        for row in range(ROWS)
    ]
    names = ["" if row == 5 else str(clients["client"][row]) for row in range(ROWS)]
    bad = clients.with_columns(pl.Series("age", ages), pl.Series("client", names))
    bad.write_csv(tmp_path / "in.csv")
    out = tmp_path / "out.csv"
    answer = run("score", released, tmp_path / "in.csv", out)
    assert "3 rows were not answered, the first is row 5: client names nobody" in answer.out
    listed = [json.loads(line) for line in Path(f"{out}.rejected").read_text().splitlines()]
    assert [one["row"] for one in listed] == [5, 70, 200]
    assert listed[1]["why"] == "age is 'old', and no number"
    ids = pl.read_csv(out)["id"].to_list()
    assert len(ids) == ROWS - 3
    assert [one["id"] for one in Workspace(released).ports.captures.read()] == ids


def test_what_cannot_be_done_is_said_in_a_paragraph(
    run: Run, released: Path, table: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    clients.rename({"age": "years"}).write_parquet(tmp_path / "lacks.parquet")
    said = run("score", released, tmp_path / "lacks.parquet", tmp_path / "o.parquet")
    assert (said.code, "lacks the columns age" in said.paragraph) == (2, True)
    said = run("score", released, table, tmp_path / "o.xlsx")
    assert "end it in .parquet or .csv" in said.paragraph
    said = run("score", released, table, table)
    assert "is there already" in said.paragraph
    said = run("score", released, tmp_path / "none.parquet", tmp_path / "n.parquet")
    assert "There is no table" in said.paragraph
    assert not (tmp_path / ".n.parquet.score").exists()
    assert run("score", released, table, tmp_path / "o.parquet").code == 0


@pytest.mark.usefixtures("_small_chunks")
def test_a_run_goes_on_with_what_it_was_asked_and_nothing_else(
    run: Run, released: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "out.parquet", [0]

    def full(folder: Path) -> None:
        calls[0] += 1
        if calls[0] > 4:
            raise OSError(28, "No space left on device")
        sync_folder(folder)

    with monkeypatch.context() as patched:
        patched.setattr(scored_table, "sync_folder", full)
        said = run("score", released, table, out)
        assert (said.code, "No space left" in said.paragraph) == (3, True)
    assert len(list(tmp_path.glob(".out.parquet.score/*.arrow"))) == 2
    said = run("score", released, table, out, "--keep", "age")
    assert "differs in keep" in said.paragraph
    assert run("score", released, table, out).code == 0
    assert pl.read_parquet(out)["id"].n_unique() == ROWS


def test_a_version_that_is_named_answers_all_and_is_no_evidence(
    run: Run, campaign: Path, tmp_path: Path
) -> None:
    Campaign(seed=9).month(1, 20).clients.write_parquet(tmp_path / "in.parquet")
    said = run("score", campaign, tmp_path / "in.parquet", tmp_path / "o.parquet")
    assert "No version of campaign is released in production" in said.paragraph
    run("score", campaign, tmp_path / "in.parquet", tmp_path / "o.parquet", "--version", 1)
    assert pl.read_parquet(tmp_path / "o.parquet")["arm"].unique().to_list() == ["pinned"]
    assert {one["arm"] for one in Workspace(campaign).ports.captures.read()} == {"pinned"}


class _Stopped(BaseException):
    """Stands for a process that ends."""


@pytest.mark.usefixtures("_small_chunks")
def test_stopped_at_any_point_it_goes_on_and_captures_once(
    run: Run, released: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left = tmp_path / "out.parquet", [1]

    def stopping(folder: Path) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _Stopped
        sync_folder(folder)

    for module in (lake_scored, scored_table):
        monkeypatch.setattr(module, "sync_folder", stopping)
    stops = 0
    while not out.exists():
        stops += 1
        left[0] = 1 + stops % 4
        try:
            Workspace(released).score(table, out)
        except _Stopped:
            continue
    assert stops > 4
    ids = pq.read_table(out)["id"].to_pylist()
    assert len(set(ids)) == len(ids) == ROWS
    assert [one["id"] for one in Workspace(released).ports.captures.read()] == ids


_KILLED = """
import os, signal, sys
from assay.adapters import lake_scored, scored_rows, scored_table
from assay.workspace import Workspace
scored_rows.CHUNK, left = 64, [int(sys.argv[4])]
sync = scored_table.sync_folder
def dying(folder):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(folder)
lake_scored.sync_folder = scored_table.sync_folder = dying
from pathlib import Path
Workspace(Path(sys.argv[1])).score(Path(sys.argv[2]), Path(sys.argv[3]))
"""


def test_killed_it_goes_on(released: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-c", _KILLED, str(released), str(table), str(out)]
    codes = [subprocess.run([*command, dies], check=False).returncode for dies in ("9", "4", "0")]
    assert codes == [-9, -9, 0]
    ids = pq.read_table(out)["id"].to_pylist()
    assert len(set(ids)) == len(ids) == ROWS
    assert [one["id"] for one in Workspace(released).ports.captures.read()] == ids


def test_many_files_are_one_table_in_the_order_of_their_names(
    run: Run, released: Path, table: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "parts"
    (folder / "day=2").mkdir(parents=True)
    clients[:100].write_parquet(folder / "a.parquet")
    clients[100:180].write_parquet(folder / "b.pq")
    clients[180:].write_parquet(folder / "day=2" / "c.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / ".part.parquet").write_text("unfinished")
    with gzip.open(tmp_path / "in.csv.gz", "wt") as file:
        file.write(clients.write_csv(separator=";"))
    whole = tmp_path / "whole.parquet"
    asked = ["--keep", "client", "--no-capture"]
    assert run("score", released, table, whole, *asked).code == 0
    wanted = pl.read_parquet(whole).drop("id", "probability")
    for given in (folder, tmp_path / "in.csv.gz"):
        out = tmp_path / f"{given.name}.out.parquet"
        assert run("score", released, given, out, *asked).code == 0
        found = pl.read_parquet(out).drop("id", "probability")
        assert found.with_columns(pl.col("client").cast(wanted["client"].dtype)).equals(wanted)
    days = tmp_path / "days.parquet"
    assert run("score", released, folder / "day=*" / "*", days, *asked, "--keep", "day").code == 0
    assert pl.read_parquet(days)["day"].to_list() == [2] * 70
    some = tmp_path / "some.parquet"
    assert run("score", released, folder / "[a-b].p*", some, *asked).code == 0
    assert pl.read_parquet(some)["client"].to_list() == clients["client"][:180].to_list()


def test_files_that_are_no_one_table_are_told(
    run: Run, released: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()

    def said(given: Path) -> str:
        return run("score", released, given, tmp_path / "o.parquet").paragraph

    assert "There is no table at" in said(folder)
    assert "There is no table at" in said(folder / "*.parquet")
    clients.write_csv(folder / "a.csv")
    assert "a.csv is none. Give a CSV as a single file" in said(folder)
    clients.write_parquet(folder / "b.parquet")
    assert "a.csv is none" in said(folder / "*")
    clients.drop("age").write_parquet(folder / "c.parquet")
    assert "differ in the columns age" in said(folder)
    (folder / "c.parquet").write_bytes((folder / "b.parquet").read_bytes()[:-100])
    assert "cannot be read as Parquet" in said(folder)
    whole = gzip.compress(clients.write_csv().encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in said(tmp_path / "cut.csv.gz")
    (tmp_path / "none.csv.gz").write_text("a,b\n1,2\n")
    assert "none.csv.gz cannot be read" in said(tmp_path / "none.csv.gz")
    (tmp_path / "twice.csv").write_text("age,age\n1,2\n")
    assert "names age twice" in said(tmp_path / "twice.csv")
    (tmp_path / "in.json").write_text("{}")
    assert "in.json ends in .json" in said(tmp_path / "in.json")


@pytest.mark.usefixtures("_small_chunks")
def test_a_bundles_file_answers_alone(
    run: Run, released: Path, table: Path, clients: pl.DataFrame, tmp_path: Path
) -> None:
    bundle, out, alone = (tmp_path / name for name in ("m.assay", "a.parquet", "b.parquet"))
    assert run("export", released, bundle, "--to", "bundle").code == 0
    assert run("score", released, table, out).code == 0
    kept = len(list(Workspace(released).ports.captures.read()))
    told = run("score", bundle, table, alone, "--json").document
    assert (told["rows"], told["rejected"]) == (ROWS, 0)
    one, other = (pl.read_parquet(path) for path in (out, alone))
    for name in ("prediction", "probability", "decision", "expected_value", "version", "flags"):
        assert one[name].to_list() == other[name].to_list(), name
    assert set(other["arm"]) == {"pinned"}
    assert len(list(Workspace(released).ports.captures.read())) == kept
    nameless = tmp_path / "nameless.csv"  # nobody is dealt out to an arm: no entity is needed
    clients.drop("client").write_csv(nameless)
    assert run("score", bundle, nameless, tmp_path / "c.csv", "--no-capture").code == 0
    for option in (["--capture"], ["--version", 1], ["--environment", "test"]):
        refused = run("score", bundle, table, tmp_path / "d.csv", *option)
        assert "is a bundle's file" in refused.paragraph
    assert "no bundle" in run("score", table, table, tmp_path / "d.csv").paragraph


def test_a_version_is_named_behind_the_directory(run: Run, campaign: Path, tmp_path: Path) -> None:
    Campaign(seed=9).month(1, 20).clients.write_parquet(tmp_path / "in.parquet")
    asked = [tmp_path / "in.parquet", tmp_path / "o.parquet"]
    twice = run("score", f"{campaign}@1", *asked, "--version", 2)
    assert "names version 1, and --version 2" in twice.paragraph
    assert "no such thing" in run("score", f"{campaign}@9", *asked).paragraph
    assert run("score", f"{campaign}@1", *asked, "--no-capture").code == 0
    assert pl.read_parquet(tmp_path / "o.parquet")["arm"].unique().to_list() == ["pinned"]
    edge = tmp_path / "edge"
    exported = run("export", campaign, edge, "--version", 1)
    assert exported.code == 0, exported.paragraph
    assert "charter.yaml" in run("score", edge, *asked).paragraph
