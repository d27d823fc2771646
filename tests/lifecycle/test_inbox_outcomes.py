"""Outcomes told to a gateway, read by the charter when somebody looks."""

from __future__ import annotations

from pathlib import Path

from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.charter.load import load_charter
from assay.lifecycle.inbox_outcomes import sifted_by
from assay.ports.outcome_inbox import Happened
from assay.workspace import Workspace


def test_labels_are_read_as_the_charter_writes_them_and_others_are_counted(campaign: Path) -> None:
    sift = sifted_by(load_charter(campaign / "charter.yaml"))
    rows, refused = sift([("a", "yes"), ("b", "no"), ("c", "maybe"), ("d", 1.0)])
    assert rows.rows() == [("a", "yes"), ("b", "no")]
    assert refused == {
        "the outcome `maybe`, which the charter has not": 1,
        "the outcome `1`, which the charter has not": 1,
    }


def test_amounts_lie_within_the_caps() -> None:
    charter = load_charter(Path(__file__).parents[2] / "examples" / "bike" / "charter.yaml")
    most = charter.value.caps["outcome"][1]
    told: list[tuple[str, Happened]] = [("a", 3), ("b", "2.5"), ("c", "many"), ("d", most + 1)]
    rows, refused = sifted_by(charter)(told)
    assert rows.rows() == [("a", 3.0), ("b", 2.5)]
    assert sum(refused.values()) == 2


def test_a_workspace_takes_the_inbox_in_and_says_what_it_could_not_read(campaign: Path) -> None:
    inbox = LogOutcomeInbox(campaign / ".assay" / "outcomes" / "inbox")
    inbox.append("campaign", [("a/0", "yes"), ("a/1", "maybe")]).result(timeout=10)
    inbox.close()
    workspace = Workspace(campaign)
    found = workspace.observe()
    assert workspace.ports.outcomes.read()["id"].to_list() == ["a/0"]
    assert found.unread["the outcomes that gateways were told"] == {
        "the outcome `maybe`, which the charter has not": 1
    }
