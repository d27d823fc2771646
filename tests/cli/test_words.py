"""What commands say to people once a model serves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace

Run = Callable[..., Any]
Traffic = Callable[..., list[dict[str, Any]]]
START = datetime(2026, 3, 1, tzinfo=UTC)


def _release(run: Run, folder: Path) -> Any:
    run("sign", folder, "--as", "Ana Costa", "--role", "product_manager")
    run("sign", folder, "--as", "Rui Matos", "--role", "risk_officer")
    return run("release", folder)


@pytest.fixture
def serve(campaign: Path, traffic: Traffic, tmp_path: Path) -> Callable[[int, int], Path]:
    """Serve so many clients of a month, and write the outcomes of all of them to a table."""

    def go(number: int, clients: int) -> Path:
        workspace, month = Workspace(campaign), Campaign(seed=5).month(number, clients)
        at = START + timedelta(days=number)
        records = traffic(workspace, month.clients, f"m{number}", at)
        workspace.ports.captures.append(records).result()
        workspace.ports.captures.close()
        path = tmp_path / f"outcomes-{number}.csv"
        outcomes = ["yes" if opened else "no" for opened in month.would_open.tolist()]
        ids = [one["id"] for one in records]
        pl.DataFrame({"id": ids, "outcome": outcomes}).write_csv(path)
        return path

    return go


def test_a_model_in_service_is_told_in_words(
    run: Run, campaign: Path, serve: Callable[[int, int], Path]
) -> None:
    _release(run, campaign)
    assert "no outcome yet" not in run("value", campaign).out
    assert "in all   not known on 0 decisions" in run("value", campaign).out
    table = serve(1, 500)
    assert "500 more decisions have no outcome yet" in run("value", campaign).out
    assert "Took in 500 outcomes." in run("outcomes", table, campaign).out
    again = run("outcomes", table, campaign)
    assert "were here already; nothing changed" in again.out
    seen = run("monitor", campaign)
    assert "Uplift over `nobody`" in seen.out
    assert "(running)" in seen.out
    assert "100%" in seen.out
    value = run("value", campaign)
    assert "on 300 decisions" in value.out, "the newest 200 are within their label delay"
    assert "EUR per month" in value.out
    strangers = table.with_name("strangers.csv")
    pl.DataFrame({"id": ["who/1"], "outcome": ["no"]}).write_csv(strangers)
    run("outcomes", strangers, campaign)
    assert "1 outcomes have an id that nothing was served under" in run("monitor", campaign).out


def test_a_breach_of_the_boundary_is_an_alert_until_it_is_over(
    run: Run, campaign: Path, serve: Callable[[int, int], Path]
) -> None:
    charter = campaign / "charter.yaml"
    text = charter.read_text()
    high = "window: 200 rows, boundary: {floor_per_month: 250000}"
    charter.write_text(text.replace("window: 200 rows", high))
    _release(run, campaign)
    run("outcomes", serve(1, 620), campaign)
    first = run("monitor", campaign)
    assert "ALERT" in first.out
    assert "1 raised and 0 closed just now" in first.out
    assert "(0 raised and 0 closed just now)" in run("monitor", campaign).out
    status = run("status", campaign)
    assert "alerts open      1" in status.out
    assert f"Next: assay monitor {campaign}, then assay respond {campaign}" in status.out
    assert run("report", campaign).code == 0
    page = (campaign / "report.html").read_text()
    assert "1 alert open" in page
    assert "<h3>Alerts</h3>" in page

    charter.write_text(text)
    over = run("monitor", campaign)
    assert "0 alerts open (0 raised and 1 closed just now)" in over.out
    assert run("report", campaign).code == 0
    page = (campaign / "report.html").read_text()
    assert "0 alerts open" in page
    assert "closed: " in page


def test_a_canary_is_told_step_by_step(run: Run, campaign: Path) -> None:
    charter = campaign / "charter.yaml"
    _release(run, campaign)
    canary = "strategy: canary, steps: [0.2, 0.5]"
    charter.write_text(charter.read_text().replace("strategy: immediate", canary))
    assert run("build", campaign, "--trials", 1).code == 0
    started = _release(run, campaign)
    assert "Champion: version 1, 80% of traffic." in started.out
    assert "Challenger: version 2, 20% of traffic." in started.out
    assert "challenger       version 2 (20% of traffic)" in run("status", campaign).out
    assert "Too early to decide" in run("release", campaign, "--do", "decide").out
    assert run("release", campaign, "--do", "decide", "--json").document["decision"] is None
    stepped = run("release", campaign, "--do", "step", "--reason", "looks fine")
    assert "Challenger: version 2, 50% of traffic." in stepped.out
    back = run("release", campaign, "--do", "roll-back", "--reason", "not so fine")
    assert "Champion: version 1, 100% of traffic." in back.out
    assert "Challenger" not in back.out
    assert run("release", campaign).code == 0
    assert "version 2, 100%" in run("release", campaign, "--do", "promote").out
    assert run("report", campaign).code == 0
    page = (campaign / "report.html").read_text()
    for words in ("gets 50% of traffic: looks fine", "rolled back to 1: not so fine", "promoted"):
        assert words in page


def test_a_canary_s_decision_is_told_with_its_difference(
    run: Run, campaign: Path, tmp_path: Path
) -> None:
    charter = campaign / "charter.yaml"
    _release(run, campaign)
    canary = "strategy: canary, steps: [0.5]"
    charter.write_text(charter.read_text().replace("strategy: immediate", canary))
    run("build", campaign, "--trials", 1)
    _release(run, campaign)
    workspace = Workspace(campaign)
    state, now = workspace.release_state(), datetime.now(UTC)
    arms = (("champion", state.champion, "skip"), ("challenger", state.challenger, "call"))
    records = []
    for place in range(500):
        arm, live, decision = arms[place % 2]
        assert live is not None
        records.append(
            {
                "id": f"u/{place}",
                "at": (now + timedelta(seconds=place)).isoformat(),
                "model": "campaign",
                "version": live.version,
                "bundle": live.bundle,
                "arm": arm,
                "entity": f"client {place}",
                "inputs": {},
                "score": 0.5,
                "decision": decision,
            }
        )
    workspace.ports.captures.append(records).result()
    workspace.ports.captures.close()
    ids = [one["id"] for one in records]
    pl.DataFrame({"id": ids, "outcome": ["yes"] * 500}).write_csv(tmp_path / "o.csv")
    run("outcomes", tmp_path / "o.csv", campaign)
    told = run("release", campaign, "--do", "decide")
    assert told.code == 0, told.err
    assert "promote: surely at most" in told.out
    assert "challenger minus champion: 54 EUR per unit" in told.out
    assert "Champion: version 2, 100% of traffic." in told.out


def test_a_replay_is_told_policy_by_policy(run: Run, campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    told = run("replay", campaign, "--first", 1800, "--labels", "all", "--out", out)
    assert told.code == 0, told.err
    for words in ("static", "scheduled", "triggered", "nobody (baseline)", "hindsight (ceiling)"):
        assert words in told.out
    assert (out / "replay.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "replay.html").read_text()
    assert "<script" not in page
    assert "Whom to call (simulated): a replay" in page


def test_drafting_says_what_to_do_next(run: Run, campaign: Path, tmp_path: Path) -> None:
    table = campaign / "history.parquet"
    told = run("new", tmp_path / "n", "--from-data", table, "--outcome", "deposit")
    assert "the payoffs are placeholders that only you can set" in told.out
    assert f"assay check {tmp_path / 'n'}" in told.out.replace("\n", "")


def test_a_model_of_one_s_own_is_submitted(run: Run, campaign: Path, tmp_path: Path) -> None:
    from assay.deploy.fetch import fetch_bundle

    workspace = Workspace(campaign)
    bundle = fetch_bundle(workspace.ports.blobs, workspace.versions().versions[1].bundle)
    model = tmp_path / "model.onnx"
    model.write_bytes(bundle.files["model.onnx"])
    told = run("submit", model, campaign)
    assert told.code == 0, told.err
    assert "campaign version 2" in told.out
    assert "Next: `assay report`" in told.out
