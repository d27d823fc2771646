"""`assay respond` as a person and as a scheduler call it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace

Run = Callable[..., Any]
START = datetime(2036, 3, 1, tzinfo=UTC)


@pytest.fixture
def serving(campaign: Path, traffic: Callable[..., list[dict[str, Any]]]) -> Path:
    """The campaign's first version with a thousand decisions, of which calls tell their outcome."""
    workspace = Workspace(campaign)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release(salt="s")
    month = Campaign(seed=31).month(1, 1000)
    records = traffic(workspace, month.clients, "m", START)
    workspace.ports.captures.append(records).result()
    workspace.ports.captures.close()
    called = np.array([one["decision"] == "call" for one in records])
    rows = {
        "id": [one["id"] for one in records],
        "outcome": np.where(month.would_open, "yes", "no"),
    }
    pl.DataFrame(rows).filter(called).write_csv(campaign / "outcomes.csv")
    Workspace(campaign).outcomes(campaign / "outcomes.csv")
    return campaign


def test_it_shows_what_each_response_brings_and_what_nobody_can_tell(
    run: Run, serving: Path
) -> None:
    answer = run("respond", serving, "--no-shadow")
    assert answer.code == 0, answer.err
    assert "What could be done about version 1" in answer.out
    assert "fall back to everybody" in answer.out
    assert "(not identified)" in answer.out
    assert (
        "retrain on the newest rows: not judged: that takes a retraining beside it." in answer.out
    )
    assert "No alert is open: nothing is proposed." in answer.out
    found = run("respond", serving, "--no-shadow", "--json").document
    assert found["response"] is None
    assert {one["kind"] for one in found["remedies"]} >= {"recalibrate", "retrain", "fall_back"}
    assert found["judged_on"]["cases"] > 100


def test_a_proposal_is_asked_for_signed_and_done(run: Run, serving: Path) -> None:
    asked = run("respond", serving, "--propose", "fall-back", "--no-shadow", "--json").document
    id_ = asked["response"]["id"]
    assert asked["response"]["status"] == "open"
    target = asked["response"]["target"]
    nameless = run("respond", serving, "--accept", id_, "--role", "product_manager")
    assert nameless.code == 2
    assert "--as is missing" in nameless.paragraph
    stranger = run("respond", serving, "--accept", id_, "--as", "Bea", "--role", "product_manager")
    assert stranger.code == 1
    assert "Bea does not hold the role" in stranger.paragraph
    first = run(
        "respond", serving, "--accept", id_, "--as", "Ana Costa", "--role", "product_manager"
    )
    assert "waits for the signature of a risk_officer (Rui Matos or Eva Lima)" in first.out
    last = run("respond", serving, "--accept", id_, "--as", "Rui Matos", "--role", "risk_officer")
    assert f"Response {id_}, taken: fall back to {target}" in last.out
    state = Workspace(serving).release_state()
    assert (state.champion, state.baseline) == (None, target)
    status = run("status", serving)
    assert f"fallen back to   {target} (from version 1)" in status.out
    assert "roll-back brings version 1 back" in status.out
    assert run("report", serving).code == 0


def test_a_proposal_is_declined_with_a_reason(run: Run, serving: Path) -> None:
    asked = run("respond", serving, "--propose", "escalate", "--no-shadow", "--json").document
    id_ = asked["response"]["id"]
    silent = run("respond", serving, "--decline", id_, "--as", "Ana Costa")
    assert silent.code == 2
    assert "needs a reason" in silent.paragraph
    told = run("respond", serving, "--decline", id_, "--as", "Ana Costa", "--because", "Known.")
    assert f"Response {id_}, declined: escalate to people" in told.out
    unknown = run("respond", serving, "--decline", "beef", "--as", "Ana Costa", "--because", "x")
    assert unknown.code == 2
    assert "There is no open response 'beef': none waits." in unknown.paragraph


def test_before_a_release_there_is_nothing_to_respond_for(run: Run, campaign: Path) -> None:
    answer = run("respond", campaign)
    assert answer.code == 1
    assert "No version of campaign decides yet" in answer.paragraph
