"""The value bridge of a version that serves: from what judged it to what it realised."""

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
from assay.lifecycle.approval import evidence_of
from assay.lifecycle.bridging import Bridged, bridge_so_far
from assay.lifecycle.campaign import Campaign, Month
from assay.ports.blobs import Blobs
from assay.workspace import Workspace
from assay.workspace.embedded import embedded

START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = START + timedelta(days=9)
Traffic = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def month() -> Month:
    return Campaign(seed=31).month(1, 900)


def _live(folder: Path) -> Workspace:
    """The campaign's first version, serving from memory."""
    ports = replace(
        embedded(folder / ".assay"),
        captures=MemoryCaptures(),
        outcomes=MemoryOutcomes(),
        clock=FixedClock(START),
    )
    workspace = Workspace(folder, ports=ports)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release(salt="s")
    return workspace


def _serve(workspace: Workspace, traffic: Traffic, month: Month, path: Path, **how: Any) -> None:
    """Answer a month's clients, and hand in the outcomes of those who were called."""
    records = traffic(workspace, month.clients, "m", START, **how)
    workspace.ports.captures.append(records).result()
    rows = [
        {"id": record["id"], "outcome": "yes" if opened else "no"}
        for record, opened in zip(records, month.would_open.tolist(), strict=True)
        if record["decision"] == "call"
    ]
    pl.DataFrame(rows).write_csv(path / "outcomes.csv")
    workspace.outcomes(path / "outcomes.csv")


def _bridged(workspace: Workspace) -> Bridged:
    """What a workspace says that reads the charter anew."""
    fresh = Workspace(workspace.directory, ports=workspace.ports)
    return bridge_so_far(fresh.charter, fresh.ports, LATER)


def _rewrite(workspace: Workspace, old: str, new: str) -> None:
    charter = workspace.directory / "charter.yaml"
    assert old in charter.read_text()
    charter.write_text(charter.read_text().replace(old, new))


def test_it_goes_from_the_evaluation_to_what_came(
    campaign: Path, traffic: Traffic, month: Month
) -> None:
    workspace = _live(campaign)
    _serve(workspace, traffic, month, campaign)
    told = _bridged(workspace)
    assert told.bridge is not None, told.words
    assert told.version == 1
    evaluation = evidence_of(workspace.ports.blobs, workspace.versions().versions[1])
    content = next(one.content for one in evaluation if one.kind == "evaluation")
    plan = content["assessment"]["uplift_per_month"]
    assert told.bridge.planned.mean == pytest.approx(plan["mean"])
    # the evaluation's interval is widened to what decisions could have paid, the bridge's is not
    assert plan["low"] <= told.bridge.planned.low < told.bridge.planned.high <= plan["high"]
    assert told.bridge.planned.unit == "EUR per month"
    # the newest 200 rows wait for their outcome; who is not called pays nothing
    records = list(workspace.ports.captures.read())[:700]
    paid = sum(
        54 if month.would_open[row] else -6
        for row, one in enumerate(records)
        if one["decision"] == "call"
    )
    assert told.bridge.realised.mean == pytest.approx(paid / 700 * 5000)
    parts = {name: part.mean for name, part in told.bridge.parts.items()}
    assert sum(parts.values()) == pytest.approx(told.bridge.difference.mean)
    assert parts["volume"] == parts["policy"] == parts["cost"] == 0
    assert told.bridge.assumed == (0.0, 0.0)
    assert "700 of its decisions whose label delay is over" in told.words[0]
    assert told.document()["bridge"]["parts"][2]["part"] == "performance"


def test_changed_payoffs_and_costs_are_the_cost_part(
    campaign: Path, traffic: Traffic, month: Month
) -> None:
    workspace = _live(campaign)
    _serve(workspace, traffic, month, campaign)
    before = _bridged(workspace).bridge
    _rewrite(workspace, '"yes": 54', '"yes": 44')
    dearer = "decisions_per_month: 5000\n  run_cost_per_month: 100\n  cost_per_decision: 0.5"
    _rewrite(workspace, "decisions_per_month: 5000", dearer)
    after = _bridged(workspace).bridge
    assert before is not None
    assert after is not None
    assert after.planned.mean == before.planned.mean
    assert after.parts["cost"].high < -100 - 0.5 * 5000
    assert after.parts["policy"].mean == 0
    assert after.realised.mean < before.realised.mean - 2600


def test_windows_of_time_tell_the_volume(campaign: Path, traffic: Traffic, month: Month) -> None:
    workspace = _live(campaign)
    _rewrite(workspace, "monitoring: {window: 200 rows}", "monitoring: {window: 1 day}")
    _rewrite(workspace, "label_delay: 1 window", "label_delay: 0 rows")
    _serve(workspace, traffic, month, campaign)
    told = _bridged(workspace)
    assert told.bridge is not None, told.words
    assert "at 27,394 decisions a month" in told.words[0]  # 900 a day
    assert told.bridge.parts["volume"].mean != 0
    assert "900 of its decisions" in told.words[0]


def test_segments_are_the_sensitive_categories(
    campaign: Path, traffic: Traffic, month: Month
) -> None:
    _rewrite(Workspace(campaign), "sensitive: [age]", "sensitive: [age, phone, house_loan]")
    Workspace(campaign).build(trials=1)
    workspace = _live(campaign)
    _serve(workspace, traffic, month, campaign, version=2)
    told = _bridged(workspace)
    assert told.version == 2
    assert told.bridge is not None, told.words
    assert max(told.bridge.unmatched) < 0.2
    nowhere = month.clients.with_columns(pl.lit("fax").alias("phone"))
    workspace.ports.captures.append(traffic(workspace, nowhere, "x", START, version=2)).result()
    told = _bridged(workspace)
    assert told.bridge is not None
    assert told.bridge.unmatched[1] > 0.1
    assert "have no like on the other side" in told.words[1]


def test_without_a_release_or_outcomes_one_line_says_why(
    campaign: Path, traffic: Traffic, month: Month
) -> None:
    fresh = Workspace(campaign)
    assert bridge_so_far(fresh.charter, fresh.ports, LATER).words == (
        "There is no value bridge yet: nothing is released.",
    )
    workspace = _live(campaign)
    assert "version 1 has 0 decisions" in _bridged(workspace).words[0]
    workspace.ports.captures.append(traffic(workspace, month.clients, "m", START)).result()
    told = _bridged(workspace)
    assert told.bridge is None
    assert len(told.words) == 1
    assert "it takes 30" in told.words[0]
    assert told.document() == {"version": 1, "bridge": None, "words": list(told.words)}


def test_the_baselines_arm_is_not_the_versions(
    campaign: Path, traffic: Traffic, month: Month
) -> None:
    workspace = _live(campaign)
    records = traffic(workspace, month.clients, "m", START, arm="baseline")
    workspace.ports.captures.append(records).result()
    assert "version 1 has 0 decisions" in _bridged(workspace).words[0]


def test_a_charter_of_other_actions_is_said_to_be_no_plan(
    campaign: Path, traffic: Traffic, month: Month
) -> None:
    workspace = _live(campaign)
    _serve(workspace, traffic, month, campaign)
    _rewrite(workspace, "    skip: 0\n", "    skip: 0\n    write: 1\n")
    told = _bridged(workspace)
    assert told.bridge is None
    assert "know the actions call, skip, the others call, skip, write" in told.words[0]


class _Without:
    """Blobs of which one was never kept."""

    def __init__(self, blobs: Blobs, lacks: str) -> None:
        self._blobs, self._lacks = blobs, lacks
        self.put, self.get, self.empty = blobs.put, blobs.get, blobs.empty

    def has(self, digest: str) -> bool:
        return digest != self._lacks and self._blobs.has(digest)


def test_a_version_whose_rows_were_not_kept_has_none(campaign: Path) -> None:
    workspace = _live(campaign)
    blobs = workspace.ports.blobs
    evidence = evidence_of(blobs, workspace.versions().versions[1])
    kept = next(one.content["judged_rows"] for one in evidence if one.kind == "evaluation")
    assert blobs.has(kept["digest"])
    ports = replace(workspace.ports, blobs=_Without(blobs, kept["digest"]))
    told = bridge_so_far(workspace.charter, ports, LATER)
    assert "was built before the rows that judge a version were kept" in told.words[0]
