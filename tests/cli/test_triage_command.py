"""`assay triage` writes a page on a breach, and says where to look."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

CHARTER = """
name: calls
title: Whom to call
problem: {business: b, analytical: a, hypothesis: h}
strategy: {objective: o, kpi: k}
people: solo
data: {source: held_out.csv, outcome: y, positive: "yes", time: at}
value:
  currency: EUR
  actions: {call: {"yes": 9, "no": -1}, skip: 0}
  baselines: {nobody: skip}
  baseline: nobody
  decisions_per_month: 3000
risk: {tier: low, register: []}
monitoring:
  window: 500 rows
  source:
    path: log.csv
    reference: held_out.csv
    columns: {score: p, outcome: y}
"""


def _rows(n: int, seed: int, broken: bool) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], n)
    p = np.where(group == "a", 0.4, 0.2)
    happens = rng.random(n) < np.where(broken & (group == "b"), 0.0, p)
    at = [(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=i)).isoformat() for i in range(n)]
    y = np.where(happens, "yes", "no")
    return pl.DataFrame({"at": at, "group": group, "p": p, "y": y})


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    (tmp_path / "charter.yaml").write_text(CHARTER)
    _rows(5000, 0, broken=False).write_csv(tmp_path / "held_out.csv")
    _rows(1500, 1, broken=True).write_csv(tmp_path / "log.csv")
    return tmp_path


def test_a_breach_gets_a_page_with_who_carries_it(run: Callable[..., Any], logged: Path) -> None:
    assert run("monitor", logged, "--json").code == 0
    answer = run("triage", logged)
    assert answer.code == 0, answer.err
    assert "group b: -" in answer.out
    assert re.search(r"performance +-", answer.out)
    assert re.search(r"planned +\d", answer.out)
    assert "EUR per day" in answer.out
    page = next(logged.glob("triage-*.html"))
    assert "Cases that disappoint" in page.read_text()
    told = json.loads(run("triage", logged, "--json", "--out", logged / "one.html").out)
    assert told["missed"][0]["feature"] == "group"
    assert told["page"].endswith("one.html")
    assert (logged / "one.html").exists()
    assert told["responses"] == []
    assert "calls is served elsewhere" in told["on_responses"]
    assert "assay release" not in told["on_responses"]


def test_an_empty_log_advises_nothing_that_serves(run: Callable[..., Any], logged: Path) -> None:
    (logged / "logs").mkdir()
    charter = logged / "charter.yaml"
    charter.write_text(charter.read_text().replace("path: log.csv", "path: logs"))
    answer = run("monitor", logged)
    assert answer.code == 0, answer.err
    assert "the log at logs has no predictions so far" in answer.out
    assert "assay up" not in answer.out


def test_rows_that_cannot_be_read_are_told(run: Callable[..., Any], logged: Path) -> None:
    log = pl.read_csv(logged / "log.csv")
    odd = pl.when(pl.int_range(log.height) == 1).then(None).otherwise("p").alias("p")
    log.with_columns(odd).write_csv(logged / "log.csv")
    said = "1 row of log.csv cannot be read and is left out: 1 with no score."
    assert said in " ".join(run("monitor", logged).out.split())
    assert json.loads(run("monitor", logged, "--json").out)["unread"] == {
        "log.csv": {"no score": 1}
    }
    assert "1 with no score" in run("sweep", logged).out


def test_no_command_sends_a_model_that_is_served_elsewhere_to_be_built(
    run: Callable[..., Any], logged: Path
) -> None:
    assert f"Next: assay monitor {logged}\n" in run("status", logged).out
    run("monitor", logged, "--json")
    status = run("status", logged).out
    assert "served elsewhere" in status
    assert "Next: assay triage" in status
    answer = run("respond", logged)
    assert answer.code == 1
    assert "responses are not judged for it" in " ".join(answer.err.split())
    assert run("report", logged).code == 0
    page = (logged / "report.html").read_text()
    assert "This model is served elsewhere" in page
    assert "Nothing has been built yet" not in page
    assert "nothing serves" not in page


def test_the_value_of_a_log_has_a_plan_and_a_bridge(run: Callable[..., Any], logged: Path) -> None:
    told = json.loads(run("value", logged, "--json").out)
    bridge = told["value_bridge"]["bridge"]
    assert bridge is not None, told["value_bridge"]["words"]
    assert told["planned"]["mean"] > told["realised_per_month"]["mean"]
    said = run("value", logged).out
    assert "From planned to realised" in said
    assert "5,000 reference rows" in " ".join(said.split())


def test_a_log_is_checked_with_all_its_faults(run: Callable[..., Any], logged: Path) -> None:
    charter = logged / "charter.yaml"
    sound = charter.read_text().replace("{source: held_out.csv,", "{source: nowhere.csv,")
    charter.write_text(sound)
    answer = run("check", logged)
    assert answer.code == 0, answer.out + answer.err
    assert "Ready to monitor." in answer.out
    assert not (logged / ".assay").exists(), "whoever checks writes nothing"

    lacking = "{id: request, score: chance, outcome: paid, inputs: {age: years}}"
    charter.write_text(sound.replace("{score: p, outcome: y}", lacking))
    answer = run("check", logged, "--json")
    assert answer.code == 1
    first, second = (one for one in json.loads(answer.out)["checks"] if not one["passed"])
    assert first["name"] == "reference: columns that are missing"
    assert "no column chance and none request and none years and none paid" in first["note"]
    assert second["name"] == "log log.csv: columns that are missing"
    assert "no column chance and none request and none years;" in second["note"]

    gone = sound.replace("path: log.csv", "path: logs/*.csv")
    charter.write_text(gone.replace("reference: held_out.csv", "reference: gone.csv"))
    answer = run("check", logged, "--json")
    assert answer.code == 1
    notes = [one["note"] for one in json.loads(answer.out)["checks"]]
    assert "There is no reference at" in notes[0]
    assert "No file matches the pattern" in notes[1]


def test_a_check_looks_into_the_rows_of_log_and_reference(
    run: Callable[..., Any], logged: Path
) -> None:
    log = pl.read_csv(logged / "log.csv")
    odd = pl.when(pl.int_range(log.height) == 1).then(None).otherwise("p").alias("p")
    log.with_columns(odd).write_csv(logged / "log.csv")
    pl.read_csv(logged / "held_out.csv").head(60).write_csv(logged / "few.csv")
    charter = logged / "charter.yaml"
    charter.write_text(charter.read_text().replace("reference: held_out", "reference: few"))
    answer = run("check", logged, "--json")
    assert answer.code == 1
    failing = {one["name"]: one for one in json.loads(answer.out)["checks"] if not one["passed"]}
    assert "60 rows with an outcome" in failing["reference rows"]["note"]
    row = failing["log log.csv: rows that cannot be read"]
    assert (row["severity"], row["note"]) == ("warn", "1 with no score")
    charter.write_text(charter.read_text().replace("reference: few", "reference: log"))
    answer = run("check", logged, "--json")
    told = {one["name"]: one for one in json.loads(answer.out)["checks"]}
    assert told["reference: rows that cannot be read"]["note"] == "1 with no score"


def test_an_unknown_alert_is_one_paragraph(run: Callable[..., Any], logged: Path) -> None:
    run("monitor", logged, "--json")
    answer = run("triage", logged, "--alert", "zzzz")
    assert answer.code == 2
    assert "No alert has the id 'zzzz'" in answer.err
    assert "Traceback" not in answer.err


def test_before_any_alert_it_says_where_to_begin(run: Callable[..., Any], logged: Path) -> None:
    answer = run("triage", logged)
    assert answer.code == 2
    assert "`assay monitor` looks for breaches" in answer.err
