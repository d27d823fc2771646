"""What stands behind an alert: bridge, carriers, changes upstream, similar alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.system_clock import FixedClock
from assay.errors import DataError, InputError
from assay.lifecycle.campaign import Campaign
from assay.report.triage_page import triage_page
from assay.stats.estimate import Estimate
from assay.workspace import Workspace
from assay.workspace.embedded import embedded

START = datetime(2026, 3, 1, tzinfo=UTC)
Traffic = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def breached(campaign: Path, traffic: Traffic, tmp_path: Path) -> Workspace:
    """A version that serves clients of whom hardly anyone buys, older ones least of all."""
    ports = replace(
        embedded(campaign / ".assay"),
        captures=MemoryCaptures(),
        outcomes=MemoryOutcomes(),
        clock=FixedClock(START + timedelta(days=3)),
    )
    workspace = Workspace(campaign, ports=ports)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release(salt="s")
    month = Campaign(seed=31).month(1, 1600)
    records = traffic(workspace, month.clients, "m", START)
    ports.captures.append(records).result()
    young = (month.clients["age"] < 38).to_list()
    opened = [bool(one) and own for one, own in zip(month.would_open, young, strict=True)]
    rows = [
        {"id": record["id"], "outcome": "yes" if one else "no"}
        for record, one in zip(records, opened, strict=True)
        if record["decision"] == "call"
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "outcomes.csv")
    workspace.outcomes(tmp_path / "outcomes.csv")
    workspace.monitor()
    return workspace


def test_a_breach_is_told_in_money_by_feature_and_by_cause(breached: Workspace) -> None:
    found = breached.triage()
    assert found.alert.open
    assert found.alert.kind in ("value", "plan", "stale", "performance", "concept")
    assert found.bridged.bridge is not None, found.bridged.words
    total = sum(part.mean for part in found.bridged.bridge.parts.values())
    assert total == pytest.approx(found.bridged.bridge.difference.mean)
    assert "age" in {one.feature for one in found.missed if one.a_day.high < 0}
    assert found.missed[0].a_day.high < 0
    assert found.missed[0].a_day.unit == "EUR per day"
    types = [one.event.type for one in found.upstream]
    assert "release.started" in types
    document = found.document()
    assert document["missed"][0]["feature"] == found.missed[0].feature
    assert document["alert"]["id"] == found.alert.id


def test_the_page_shows_it_and_what_can_be_done(breached: Workspace) -> None:
    found = breached.triage(breached.status().alerts[0].id[:10])
    gain = Estimate(12.0, 5.0, 19.0, n=500, method="shadow", unit="EUR per day")
    page = triage_page(found, breached.charter, [("retrain", gain, "costs 50 EUR")])
    assert f"alert {found.alert.id[:8]}" in page
    for heading in ("Where the money went", "What changed upstream", "Similar alerts before"):
        assert f"<h2>{heading}</h2>" in page
    assert "retrain" in page
    assert "12 EUR per day" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    path = breached.draw_triage(found)
    assert path.read_text().startswith("<!doctype html>")


def test_an_alert_that_is_not_there_is_a_plain_error(breached: Workspace) -> None:
    with pytest.raises(InputError, match="No alert has the id 'zzzz'"):
        breached.triage("zzzz")


def test_without_an_alert_there_is_nothing_to_triage(campaign: Path) -> None:
    with pytest.raises(DataError, match="No alert was ever raised"):
        Workspace(campaign).triage()
