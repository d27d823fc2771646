"""`assay policy`: from a changed charter to new decisions at the gateway, and no training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.cli.serving_process import running_gateway
from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace

Run = Callable[..., Any]
CUT = 0.15


@pytest.fixture
def revalued(campaign: Path) -> Path:
    """The campaign, its charter now asking for a threshold."""
    charter = campaign / "charter.yaml"
    threshold = f"policy: {{kind: threshold, action: call, at: {CUT}}}"
    text = charter.read_text().replace("value:\n", f"value:\n  {threshold}\n")
    charter.write_text(text.replace("noise, at_least: 0.5", "noise, at_least: 0"))
    return campaign


def _sign(run: Run, folder: Path) -> None:
    run("sign", folder, "--as", "Ana Costa", "--role", "product_manager")
    run("sign", folder, "--as", "Rui Matos", "--role", "risk_officer")


def test_nothing_to_move_is_said(run: Run, campaign: Path) -> None:
    answer = run("policy", campaign)
    assert answer.code == 0
    assert answer.out == "Version 1 has the charter's policy already: nothing was moved.\n"
    assert run("policy", campaign, "--json").document == {"moved": False, "moved_from": 1}
    assert len(Workspace(campaign).versions().registered) == 1


def test_what_moved_is_told(run: Run, revalued: Path) -> None:
    answer = run("policy", revalued)
    assert answer.code == 0, answer.err
    assert answer.out.startswith(
        "was  the action of highest expected payoff: makes 2,000 EUR per month ["
    )
    assert f"now  `call` from a probability of {CUT} on, else `skip`: makes " in answer.out
    assert "campaign version 2" in answer.out
    assert "600 test rows do not tell whether moving the policy pays: " in answer.out
    assert "% of cases are decided otherwise." in answer.out
    assert "bundle " in answer.out
    assert "has the charter's policy already" in run("policy", revalued).out
    found = run("policy", revalued, "--version", 1, "--json").document
    assert (found["moved_from"], found["version"], found["moved"]) == (1, 3, True)
    difference = found["after"]["mean"] - found["before"]["mean"]
    assert found["brings"]["mean"] == pytest.approx(difference)
    assert run("report", revalued).code == 0
    assert "Moved from version 1, nothing trained" in (revalued / "report.html").read_text()


def test_a_moved_version_is_signed_released_and_decides_anew(run: Run, revalued: Path) -> None:
    assert run("gate", revalued).code == 1, "version 1 was not judged under this charter"
    assert run("policy", revalued).code == 0
    closed = run("release", revalued)
    assert closed.code == 1
    assert "sign-off of a product_manager is missing" in closed.paragraph
    _sign(run, revalued)
    assert run("gate", revalued).code == 0, run("gate", revalued).out
    assert "Champion: version 2, 100% of traffic" in run("release", revalued).out
    workspace = Workspace(revalued)
    clients = Campaign(seed=8).month(1, 120).clients
    with running_gateway(workspace.serving_state()) as gateway:
        gateway.wait_for(workspace.release_state().revision)
        gateway.infer("campaign", clients, "client", "month")
    captured = list(workspace.ports.captures.read())
    assert len(captured) == 120
    assert {one["version"] for one in captured} == {2}
    assert {one["decision"] for one in captured} == {"call", "skip"}
    for one in captured:
        assert (one["decision"] == "call") == (one["probability"] >= CUT)
    # The policy before called from 0.1 on, where a deposit's 54 outweigh the call's 6.
    assert any(0.1 < one["probability"] < CUT for one in captured)


def test_what_cannot_be_moved_is_refused_in_a_paragraph(run: Run, revalued: Path) -> None:
    charter = revalued / "charter.yaml"
    text = charter.read_text()
    other = text.replace("sensitive: [age]", "sensitive: []")
    charter.write_text(other)
    answer = run("policy", revalued)
    assert answer.code == 2
    assert "cannot be moved: the charter's section `data` has changed since" in answer.paragraph
    charter.write_text(text)
    none = run("policy", revalued, "--version", 9)
    assert (none.code, "no such thing as version 9" in none.paragraph) == (2, True)
    table = revalued / "history.parquet"
    shorter = revalued / "shorter.csv"
    pl.read_parquet(table).head(2000).write_csv(shorter)
    answer = run("policy", revalued, "--data", shorter)
    assert answer.code == 2
    assert "Name that table with `--data`" in answer.paragraph
    assert len(Workspace(revalued).versions().registered) == 1


def test_a_retrained_version_finds_its_own_table(run: Run, campaign: Path) -> None:
    assert run("build", campaign, "--newest", "--trials", 1).code == 0
    charter = campaign / "charter.yaml"
    charter.write_text(charter.read_text().replace('"yes": 54', '"yes": 50'))
    answer = run("policy", campaign, "--json")
    assert answer.code == 0, answer.err
    assert (answer.document["moved_from"], answer.document["changed"]) == (2, ["payoffs"])
    assert run("policy", campaign, "--version", 1, "--json").document["moved_from"] == 1
    (campaign / ".assay" / "newest_rows.parquet").unlink()
    charter.write_text(charter.read_text().replace('"yes": 50', '"yes": 45'))
    assert run("policy", campaign, "--version", 2).code == 2
