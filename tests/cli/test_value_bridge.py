"""`assay value` and the page say what lies between planned and realised value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from assay.lifecycle.campaign import Campaign
from assay.value.bridge import PARTS, Bridge
from assay.workspace import Workspace

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_bridge_is_told_and_drawn_once_outcomes_count(
    run: Callable[..., Any],
    campaign: Path,
    traffic: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    assert "There is no value bridge yet: nothing is released." in run("value", campaign).out
    workspace = Workspace(campaign)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release(salt="s")
    month = Campaign(seed=41).month(1, 700)
    records = traffic(workspace, month.clients, "m", START)
    workspace.ports.captures.append(records).result()
    workspace.ports.captures.close()
    before = run("value", campaign, "--json").document["value_bridge"]
    assert before["bridge"] is None
    assert "0 decisions with an outcome that counts" in before["words"][0]
    assert "0 decisions with an outcome that counts" in workspace.report().read_text()

    outcomes = ["yes" if opened else "no" for opened in month.would_open.tolist()]
    table = tmp_path / "outcomes.csv"
    pl.DataFrame({"id": [one["id"] for one in records], "outcome": outcomes}).write_csv(table)
    run("outcomes", table, campaign)
    told = run("value", campaign)
    lines = [line.split() for line in told.out.splitlines()]
    heads = [line[0] for line in lines if line and "[" in " ".join(line) and "month" in line]
    assert [one for one in heads if one in PARTS] == list(PARTS)
    assert "From planned to realised" in told.out
    assert "500 of its decisions whose label delay is over" in told.out

    document = run("value", campaign, "--json").document["value_bridge"]
    found = Bridge.from_document(document["bridge"])
    total = sum(part.mean for part in found.parts.values())
    assert abs(total - (found.realised.mean - found.planned.mean)) < 1e-6
    assert found == Workspace(campaign).bridge().bridge

    text = workspace.report().read_text()
    assert 'aria-label="From planned to realised value"' in text
    assert "500 of its decisions whose label delay is over" in text
    assert "<td>performance</td>" in text
