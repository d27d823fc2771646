"""A charter, a log and a reference are enough: models that are served elsewhere."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.errors import DataError
from assay.workspace import Workspace
from assay.workspace.sweeping import sweep

START = datetime(2026, 3, 1, tzinfo=UTC)
CHARTER = """
name: loans
title: Loans
problem: {business: b, analytical: a, hypothesis: h}
strategy: {objective: o, kpi: k}
people: solo
data: {source: log.parquet, outcome: repaid, positive: "yes"}
value:
  currency: EUR
  actions: {approve: {"yes": margin, "no": -40}, decline: 0}
  caps: {margin: [0, 30]}
  baselines: {all: approve}
  baseline: all
  decisions_per_month: 3000
risk: {tier: low}
monitoring:
  window: 500 rows
  segments: [region]
  source:
    path: PATH
    FORMATreference: held_out.parquet
    columns:
      id: request
      time: served
      score: p
      outcome: repaid
      version: model_version
      DECISION
      inputs: {margin: gain}
"""


def rows(n: int, start: int, seed: int, shift: float = 0.0) -> pl.DataFrame:
    """A log's rows; times are told with a zone, outcomes as text, one in four not known."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(shift, 1, n)
    p = 1 / (1 + np.exp(-(ability + rng.normal(0, 0.3, n))))
    good = rng.random(n) < 1 / (1 + np.exp(-ability))
    return pl.DataFrame(
        {
            "request": [f"r{start + row}" for row in range(n)],
            "served": [(START + timedelta(minutes=start + row)).isoformat() for row in range(n)],
            "p": p,
            "repaid": np.where(good, "yes", "no"),
            "model_version": np.full(n, 3),
            "action": np.where(p > 0.6, "approve", "decline"),
            "gain": rng.uniform(5, 25, n),
            "ability": ability,
            "region": rng.choice(["north", "south"], n),
        }
    )


def make(folder: Path, path: str = "logs/*.parquet", form: str = "", decision: bool = True) -> None:
    text = CHARTER.replace("PATH", path).replace("DECISION", "decision: action" if decision else "")
    text = text.replace("FORMAT", f"format: {form}\n    " if form else "")
    (folder / "charter.yaml").write_text(text)
    rows(3000, -3000, 0).write_parquet(folder / "held_out.parquet")
    (folder / "logs").mkdir()


def test_a_log_of_files_is_monitored_with_its_charter_and_reference_alone(tmp_path: Path) -> None:
    make(tmp_path)
    rows(1200, 0, 1).write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    first = workspace.monitor()
    windows = first.result.windows
    assert [(one.window, one.complete) for one in windows] == [
        ("rows 1-500", True),
        ("rows 501-1000", True),
        ("rows 1001-1500", False),
    ]
    assert {(one.version, one.arm) for one in windows} == {(3, "champion")}
    assert all(one.measured.realised for one in windows), "the log has outcomes itself"
    assert all(one.measured.drift.judged and not one.measured.drift.moved for one in windows)
    names = set(windows[0].measured.drift.features)
    assert names == {"@score", "ability", "region", "margin"}
    assert first.posted == 2
    assert workspace.monitor().posted == 0

    rows(800, 1200, 2, shift=1.0).write_parquet(tmp_path / "logs" / "b.parquet")
    again = workspace.monitor()
    assert [one.window for one in again.result.windows if one.complete][-1] == "rows 1501-2000"
    moved = {one.feature for one in again.result.windows[-1].measured.drift.moved}
    assert moved == {"@score", "ability"}
    assert {alert.finding.kind for alert in again.result.alerts} >= {"drift"}


def test_what_the_log_lacks_comes_from_the_policy_and_from_later_files(tmp_path: Path) -> None:
    make(tmp_path, decision=False)
    log = rows(600, 0, 3)
    early = log.with_columns(pl.lit(None, dtype=pl.String).alias("repaid"))
    early.write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    before = workspace.monitor().result.windows[0].measured
    assert before.realised is None
    # The file is written anew once outcomes are known: rows keep their ids and count once.
    log.write_parquet(tmp_path / "logs" / "a.parquet")
    after = workspace.monitor().result.windows[0].measured
    assert after.n == before.n == 500
    assert after.realised is not None
    assert after.realised.labelled == 500
    paid = _paid_by_best_action(workspace, log.head(500))
    assert after.realised.value == pytest.approx(paid)


def _paid_by_best_action(workspace: Workspace, log: pl.DataFrame) -> float:
    """Who is approved is what the calibrated chance makes worth it; told by the kept decisions."""
    kept = workspace.ports.windows.read(0)
    decided = dict(zip(kept["id"].to_list(), kept["decision"].to_list(), strict=True))
    assert set(decided.values()) == {"approve", "decline"}
    gains = [
        (gain if good == "yes" else -40.0) if decided[one] == "approve" else 0.0
        for one, gain, good in log.select("request", "gain", "repaid").iter_rows()
    ]
    return float(sum(gains))


def test_csv_and_delta_logs_read_alike(tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    log = rows(700, 0, 4)
    told = []
    for form in ("parquet", "csv", "delta"):
        folder = tmp_path / form
        folder.mkdir()
        make(folder, "logs", form)
        if form == "parquet":
            log.write_parquet(folder / "logs" / "a.parquet")
        elif form == "csv":
            log.write_csv(folder / "logs" / "a.csv")
        else:
            options: dict[str, Any] = {"partition_by": ["region"]}
            log.head(300).write_delta(str(folder / "logs"), delta_write_options=options)
            Workspace(folder).monitor()
            log.tail(400).write_delta(
                str(folder / "logs"), mode="append", delta_write_options=options
            )
        told.append([one.posting() for one in Workspace(folder).monitor().result.windows])
    assert told[0] == told[1] == told[2]
    assert told[0][0]["n"] == 500


def test_rows_without_ids_are_named_by_their_place(tmp_path: Path) -> None:
    make(tmp_path)
    charter = tmp_path / "charter.yaml"
    charter.write_text(charter.read_text().replace("      id: request\n", ""))
    rows(520, 0, 5).drop("request").write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    measured = workspace.monitor().result.windows[0].measured
    assert measured.realised is not None
    assert measured.realised.labelled == 500
    assert workspace.ports.windows.read(0)["id"][0] == "logs/a.parquet#1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("score: p", "score: chance"), "no column chance"),
        (("held_out.parquet", "nothing.parquet"), "There is no reference"),
        (("outcome: repaid\n      version", "outcome: paid\n      version"), "has no column paid"),
        (("version: model_version", "version: region"), "versions whole numbers"),
        (("time: served", "time: ability"), "write dates, moments, or text"),
        (("inputs: {margin: gain}", ""), "Payoffs or baselines read margin"),
    ],
)
def test_a_mapping_that_does_not_fit_is_told_in_one_paragraph(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    make(tmp_path)
    charter = tmp_path / "charter.yaml"
    charter.write_text(charter.read_text().replace(*change))
    rows(600, 0, 6).write_parquet(tmp_path / "logs" / "a.parquet")
    with pytest.raises(DataError, match=said):
        Workspace(tmp_path).monitor()


def test_outcomes_of_a_log_are_handed_in_by_its_own_ids(tmp_path: Path) -> None:
    make(tmp_path)
    log = rows(600, 0, 7)
    silent = log.with_columns(pl.lit(None, dtype=pl.String).alias("repaid"))
    silent.write_parquet(tmp_path / "logs" / "a.parquet")
    told = log.select(pl.col("request").alias("id"), pl.col("repaid").alias("outcome"))
    told.extend(pl.DataFrame({"id": ["nobody"], "outcome": ["no"]})).write_csv(tmp_path / "o.csv")
    workspace = Workspace(tmp_path)
    taken = workspace.outcomes(tmp_path / "o.csv")
    assert (taken.rows, taken.strangers) == (601, 1)
    found = workspace.monitor().result
    assert found.joined.strangers == 1
    assert found.windows[0].measured.realised is not None


def test_a_reference_of_few_rows_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    rows(100, -100, 0).write_parquet(tmp_path / "held_out.parquet")
    with pytest.raises(DataError, match="100 rows with an outcome"):
        Workspace(tmp_path).monitor()


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    make(tmp_path, "nowhere.parquet")
    with pytest.raises(DataError, match="There is no prediction log"):
        Workspace(tmp_path).monitor()


@pytest.mark.parametrize("absolute", [False, True])
def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path, absolute: bool) -> None:
    make(tmp_path, f"{tmp_path}/logs/*.parquet" if absolute else "logs/*.parquet")
    with pytest.raises(DataError, match=r"No file matches the pattern .*logs/\*\.parquet"):
        Workspace(tmp_path).monitor()
    swept = sweep([tmp_path])[0]
    assert swept.exit_code == 2
    assert "No file matches the pattern" in swept.error


@pytest.mark.parametrize("named", [True, False])
def test_a_log_without_an_outcome_column_gets_outcomes_by_hand(tmp_path: Path, named: bool) -> None:
    make(tmp_path)
    charter = tmp_path / "charter.yaml"
    if not named:
        charter.write_text(charter.read_text().replace("      outcome: repaid\n", ""))
    log = rows(600, 0, 7)
    log.drop("repaid").write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    before = workspace.monitor().result.windows[0].measured
    assert before.realised is None
    assert set(before.drift.features) == {"@score", "ability", "region", "margin"}
    told = log.select(pl.col("request").alias("id"), pl.col("repaid").alias("outcome"))
    told.write_csv(tmp_path / "o.csv")
    assert workspace.outcomes(tmp_path / "o.csv").strangers == 0
    after = workspace.monitor().result.windows[0].measured
    assert after.realised is not None
    assert after.realised.labelled == 500


def test_outcomes_from_a_file_that_is_not_there_advise_what_can_be_done(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match="There is no table of outcomes at") as told:
        Workspace(tmp_path).outcomes(tmp_path / "nofile.csv")
    assert "--data" not in str(told.value)
    assert "data.source" not in str(told.value)


def _odd(log: pl.DataFrame) -> pl.DataFrame:
    """Spoil five rows: no score, a score that is no number, infinite, no time, another decision."""
    row, nothing = pl.int_range(log.height), pl.lit(None)
    spoiled = [(1, nothing), (2, pl.lit(np.nan)), (3, pl.lit(np.inf))]
    scores = pl.col("p")
    for place, value in spoiled:
        scores = pl.when(row == place).then(value).otherwise(scores)
    return log.with_columns(
        scores.alias("p"),
        pl.when(row == 4).then(nothing).otherwise("served").alias("served"),
        pl.when(row == 5).then(pl.lit("APPROVE")).otherwise("action").alias("action"),
    )


@pytest.mark.parametrize("window", ["500 rows", "1 day"])
def test_odd_rows_are_left_out_and_counted_until_the_file_is_mended(
    tmp_path: Path, window: str
) -> None:
    make(tmp_path)
    charter = tmp_path / "charter.yaml"
    charter.write_text(charter.read_text().replace("500 rows", window))
    log = rows(1500, 0, 1)
    _odd(log).write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    found = workspace.monitor().result
    odd = {
        "a.parquet": {
            "no score": 2,
            "an infinite score": 1,
            "no time": 1,
            "the decision `APPROVE`, which is none of approve, decline": 1,
        }
    }
    assert found.unread == {f"logs/{name}": counts for name, counts in odd.items()}
    assert sum(one.measured.n for one in found.windows) == 1495
    assert found.joined.strangers == 0, "outcomes of such rows are left out with them"
    assert workspace.monitor().result.unread == found.unread, "it is said as long as it is so"
    log.write_parquet(tmp_path / "logs" / "a.parquet")
    mended = workspace.monitor().result
    assert mended.unread == {}
    assert sum(one.measured.n for one in mended.windows) == 1500
    assert mended.windows[0].measured.realised is not None


def test_a_file_of_which_no_row_can_be_read_is_refused_whole(tmp_path: Path) -> None:
    make(tmp_path)
    shouted = rows(600, 0, 1).with_columns(pl.col("action").str.to_uppercase())
    shouted.write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    with pytest.raises(DataError, match=r"No row of the log logs/a.parquet can be read: .*APPROVE"):
        workspace.monitor()
    assert not workspace.ports.windows.parts()
    assert not workspace.ports.outcomes.read().height
    rows(600, 0, 1).write_parquet(tmp_path / "logs" / "a.parquet")
    assert workspace.monitor().result.windows[0].measured.n == 500


def test_odd_rows_of_the_reference_are_left_out_and_counted(tmp_path: Path) -> None:
    make(tmp_path)
    _odd(rows(3000, -3000, 0)).write_parquet(tmp_path / "held_out.parquet")
    rows(600, 0, 1).write_parquet(tmp_path / "logs" / "a.parquet")
    for _ in range(2):
        found = Workspace(tmp_path).monitor().result
        assert sum(found.unread["held_out.parquet"].values()) == 5
        assert found.windows[0].measured.drift.judged
    silent = rows(3000, -3000, 0).with_columns(
        pl.when(pl.int_range(3000) < 100).then("p").alias("p")
    )
    silent.write_parquet(tmp_path / "held_out.parquet")
    with pytest.raises(DataError, match="only 100 can be read, and 200 at least"):
        Workspace(tmp_path).monitor()


def test_rows_kept_before_that_cannot_be_read_stop_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    log = rows(1200, 0, 1)
    log.write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    workspace.monitor()
    kept = workspace.ports.windows
    spoiled = kept.read(0).with_columns(
        pl.when(pl.col("id") == "r7").then(None).otherwise("score").alias("score")
    )
    kept.replace({0: spoiled})
    note = json.loads(workspace.ports.profiles.note("reading") or b"")
    note["sound"] = False
    workspace.ports.profiles.write_note("reading", json.dumps(note).encode())
    found = workspace.monitor().result
    assert found.unread == {"what was read before": {"no score": 1}}
    assert [one.measured.n for one in found.windows] == [500, 500, 199]
    log.with_columns(pl.col("p")).write_parquet(tmp_path / "logs" / "a.parquet")
    os.utime(tmp_path / "logs" / "a.parquet", (1, 1))
    mended = workspace.monitor().result
    assert [one.measured.n for one in mended.windows] == [500, 500, 200]


def test_a_breach_of_a_model_served_elsewhere_is_told_in_money(tmp_path: Path) -> None:
    make(tmp_path)
    later = rows(1500, 0, 1)
    turned = pl.when(pl.col("region") == "north").then(pl.lit("yes")).otherwise("repaid")
    later.with_columns(turned.alias("repaid")).write_parquet(tmp_path / "logs" / "a.parquet")
    workspace = Workspace(tmp_path)
    workspace.monitor()
    found = workspace.triage()
    assert found.alert.open
    bridge = found.bridged.bridge
    assert bridge is not None, found.bridged.words
    total = sum(part.mean for part in bridge.parts.values())
    assert total == pytest.approx(bridge.difference.mean)
    assert "3,000 reference rows" in found.bridged.words[0]
    worst = found.missed[0]
    assert (worst.feature, worst.band) == ("region", "north")
    assert worst.a_day.high < 0
    assert "known outcomes" in found.words[0]
