"""`assay captures`, and monitoring that brings closed logs into the lake first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.installation_key import installation_key
from assay.adapters.log_captures import LogCaptures
from assay.deploy.protected_columns import Protection
from assay.errors import StoreError
from assay.lifecycle.campaign import Campaign
from assay.ports.capture_batch import CaptureBatch
from assay.workspace import Workspace

Traffic = Callable[..., list[dict[str, Any]]]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _fill(folder: Path, records: list[dict[str, Any]]) -> None:
    log = LogCaptures(folder / ".assay" / "captures")
    log.append(records).result(timeout=10)
    log.close()


def test_captures_go_over_and_are_shown_and_verified(
    run: Callable[..., Any], campaign: Path, traffic: Traffic
) -> None:
    workspace = Workspace(campaign)
    clients = Campaign(seed=9).month(1, 30).clients
    _fill(campaign, traffic(workspace, clients, "r", NOON))
    shown = run("captures", "show", campaign, "--json").document
    assert (shown["closed"], shown["files"]) == (1, 0)
    assert "1 log with 30 records" in run("captures", "rotate", campaign).out
    said = " ".join(run("captures", "rotate", campaign).out.split())
    assert "nothing was to be done. A gateway closes its log after 60 minutes or 64 MiB" in said
    shown = run("captures", "show", campaign, "--json").document
    assert (shown["closed"], shown["files"], shown["rows"]) == (0, 1, 30)
    assert "30 records" in run("captures", "show", campaign).out
    assert "30 predictions answered" in run("captures", "verify", campaign).out
    assert [one["id"] for one in Workspace(campaign).ports.captures.read()] == [
        f"r/{row}" for row in range(30)
    ]


def test_a_damaged_log_is_named_with_the_exit_code_of_a_broken_world(
    run: Callable[..., Any], campaign: Path, traffic: Traffic
) -> None:
    records = traffic(Workspace(campaign), Campaign(seed=9).month(1, 2).clients, "r", NOON)
    log = LogCaptures(campaign / ".assay" / "captures")
    for record in records:
        log.append([record]).result(timeout=10)
    log.close()
    (path,) = (campaign / ".assay" / "captures").glob("*.log")
    path.write_bytes(path.read_bytes().replace(b"r/0", b"x/0"))
    for command in ("verify", "rotate"):
        answer = run("captures", command, campaign)
        assert answer.code == 3
        assert "does not match its checksum" in answer.paragraph
    assert f"{path.name}, bytes 9 to " in run("captures", "verify", campaign).paragraph
    assert run("monitor", campaign).code == 3
    done = run("captures", "verify", campaign, "--set-aside", "--json").document
    assert (done["answers"], done["lost"]) == (len(records) - 1, 1)
    (told,) = done["set_aside"]
    assert (told["file"], told["start"], told["groups"], told["predictions"]) == (
        path.name,
        9,
        1,
        1,
    )
    assert b"x/0" in (path.parent / "damaged" / path.name).read_bytes()
    assert "are lost" in run("captures", "verify", campaign).out
    assert run("captures", "verify", campaign, "--set-aside", "--json").document["set_aside"] == []
    assert run("monitor", campaign).code == 0


def test_monitoring_sees_the_same_before_and_after_and_brings_logs_into_the_lake(
    campaign: Path, traffic: Traffic
) -> None:
    workspace = Workspace(campaign)
    records = traffic(workspace, Campaign(seed=9).month(1, 260).clients, "r", NOON)
    _fill(campaign, records)
    before = workspace.observe().windows
    workspace.monitor()
    assert not list((campaign / ".assay" / "captures").glob("*.log"))
    assert [one.document() for one in Workspace(campaign).observe().windows] == [
        one.document() for one in before
    ]


def test_lost_predictions_raise_an_alert(campaign: Path, traffic: Traffic) -> None:
    workspace = Workspace(campaign)
    records = traffic(workspace, Campaign(seed=9).month(1, 220).clients, "r", NOON)
    note = {
        "at": records[50]["at"],
        "model": "campaign",
        "failed": True,
        "capture_lost": 1234,
        "since": records[50]["at"],
        "why": "No space left on device",
    }
    _fill(campaign, [*records[:51], note, *records[51:]])
    posted = workspace.monitor()
    (alert,) = [one for one in posted.result.alerts if one.finding.metric == "captures"]
    assert alert.open
    assert alert.finding.kind == "service"
    assert "1,234 predictions could not be recorded" in alert.finding.text


def test_what_was_set_aside_raises_an_alert_and_monitoring_goes_on(
    campaign: Path, traffic: Traffic
) -> None:
    records = traffic(Workspace(campaign), Campaign(seed=9).month(1, 240).clients, "r", NOON)
    folder = campaign / ".assay" / "captures"
    log = LogCaptures(folder)
    for start in range(0, 240, 10):
        log.append(records[start : start + 10]).result(timeout=10)
    log.close()
    (path,) = folder.glob("*.log")
    path.write_bytes(path.read_bytes().replace(b"r/55", b"x/55"))
    with pytest.raises(StoreError, match="does not match its checksum"):
        Workspace(campaign).monitor()
    assert len(Workspace(campaign).set_captures_aside()) == 1
    posted = Workspace(campaign).monitor()
    assert sum(one.measured.n for one in posted.result.windows) == 230
    (alert,) = [one for one in posted.result.alerts if one.finding.metric == "captures"]
    assert "10 predictions could not be recorded" in alert.finding.text


def test_columns_that_are_withheld_raise_no_alarm_and_known_categories_are_found_again(
    campaign: Path, traffic: Traffic
) -> None:
    records = traffic(Workspace(campaign), Campaign(seed=9).month(1, 220).clients, "r", NOON)
    names = list(records[0]["inputs"])
    number = next(one for one in names if isinstance(records[0]["inputs"][one], float | int))
    text = next(one for one in names if isinstance(records[0]["inputs"][one], str))
    charter = campaign / "charter.yaml"
    rules = f"serving: {{capture: {{protected: {{{number}: drop, {text}: hash}}}}}}\n"
    charter.write_text(charter.read_text() + rules)
    workspace = Workspace(campaign)
    key = installation_key(campaign / ".assay" / "capture.key")
    log = LogCaptures(campaign / ".assay" / "captures")
    log.govern(Protection.of(workspace.charter.serving.capture, key).applied, 2**20, 3600)
    for record in records:
        inputs = {name: [value] for name, value in record["inputs"].items()}
        shared = {name: value for name, value in record.items() if name not in ("inputs", "id")}
        log.add([CaptureBatch(1, shared, {"id": [record["id"]]}, inputs)], soon=False)
    log.close()
    written = b"".join(one.read_bytes() for one in (campaign / ".assay").rglob("*.log"))
    assert f'"{number}"'.encode() not in written
    posted = workspace.monitor()
    window = posted.result.windows[0]
    features = window.measured.drift.features
    assert number not in features
    assert text in features
    assert not [one for one in posted.result.alerts if one.finding.kind in ("schema", "drift")]
