"""Releasing from the command line: each way of going live, environments, and every way back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.evidence.digest import canonical_bytes
from assay.lifecycle.campaign import Campaign
from assay.lifecycle.telling import publish
from assay.workspace import Workspace

Run = Callable[..., Any]

PLACES = """\
environments:
  test: {gate: false}
  production: {after: test, promotion: retrain, source: production.parquet, equivalence: 20}
"""
SLOW = (
    "alembic",
    "fsspec",
    "lightgbm",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "scipy",
    "sklearn",
    "sqlalchemy",
)
ALWAYS = "freeze: [{weekdays: [mon, tue, wed, thu, fri, sat, sun], why: the bank merges}]"


def _approve(run: Run, folder: Path) -> None:
    run("sign", folder, "--as", "Ana Costa", "--role", "product_manager")
    run("sign", folder, "--as", "Rui Matos", "--role", "risk_officer")


def _write(folder: Path, old: str, new: str) -> None:
    charter = folder / "charter.yaml"
    assert old in charter.read_text()
    charter.write_text(charter.read_text().replace(old, new))


def _desired(folder: Path, *parts: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder.joinpath(".assay", *parts)).read_text())
    return found


def test_a_release_is_held_flipped_stopped_and_brought_back(run: Run, campaign: Path) -> None:
    _write(campaign, "strategy: immediate", "strategy: blue_green")
    assert "Nothing is on its way." in run("release", campaign, "reconcile").out
    _approve(run, campaign)
    started = run("release", campaign)
    assert "Challenger: version 1 is loaded beside and waits to be flipped." in started.out
    assert "Nothing served before it." in started.out
    desired = _desired(campaign, "desired.json")
    assert desired["arms"] == []
    assert len(desired["warm"]) == 1
    told = f"version 1 may be flipped. A server does it, or assay release {campaign} reconcile"
    assert f"Next: {told}" in run("status", campaign).out
    paused = run("release", campaign, "pause", "--reason", "the call centre is full")
    assert "Paused since" in paused.out
    resumed = f"paused (the call centre is full): assay release {campaign} resume"
    assert resumed in run("status", campaign).out
    held = run("release", campaign, "reconcile", "--json").document
    assert held["step"] == {"do": "hold", "reason": "Paused: the call centre is full."}
    assert "trying version 1 (blue-green, paused)" not in run("status", campaign).out
    assert "challenger       version 1 (blue-green, paused)" in run("status", campaign).out
    refused = run("release", campaign, "promote")
    assert refused.code == 1
    assert "Resume it first" in refused.paragraph
    assert run("release", campaign, "resume").code == 0
    flipped = run("release", campaign, "reconcile")
    assert "promote: loaded beside the one before it, and flipped" in flipped.out
    assert "Champion: version 1, 100% of traffic." in flipped.out
    stopped = run("release", campaign, "fall-back", "--reason", "complaints")
    assert "The baseline nobody decides: version 1 fell back." in stopped.out
    assert _desired(campaign, "desired.json")["arms"][0]["baseline"] == "nobody"
    back = f"assay release {campaign} roll-back brings version 1 back, with no gate"
    assert f"Next: {back}" in run("status", campaign).out
    unknown = run("release", campaign, "fall-back", "--baseline", "somebody")
    assert "no baseline 'somebody'; it has nobody, everybody" in unknown.paragraph
    assert "Champion: version 1" in run("release", campaign, "roll-back").out
    both = run("release", campaign, "pause", "--do", "resume")
    assert both.code == 2
    assert "Name one of them" in both.paragraph


def test_the_way_back_waits_for_nothing_that_takes_long_to_load(run: Run, campaign: Path) -> None:
    _approve(run, campaign)
    run("release", campaign)
    code = (
        "import atexit, sys; from assay.cli import main\n"
        f"slow = set({SLOW!r})\n"
        "atexit.register(lambda: print(sorted(slow & sys.modules.keys()), file=sys.stderr))\n"
        "main()"
    )
    for what, told in (("fall-back", "The baseline nobody decides"), ("roll-back", "Champion")):
        command = [sys.executable, "-c", code, "release", str(campaign), what]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        assert told in ended.stdout
        assert ended.stderr.strip() == "[]"


SPOILT = {
    "no YAML": lambda text: text + "\n\t- {",
    "an unknown key": lambda text: text + "\nnonsense: 1\n",
    "another type": lambda text: text.replace("tier: ", "tier: 7 "),
    "a time zone that is none": lambda text: text.replace(
        "{window: ", "{time_zone: Mars/Base, window: "
    ),
    "a time zone that is a path": lambda text: text.replace(
        "{window: ", "{time_zone: ../x, window: "
    ),
    "empty": lambda _: "",
    "gone": None,
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_way_back_is_open_whatever_became_of_the_charter(
    run: Run, campaign: Path, what: str
) -> None:
    _write(campaign, "strategy: immediate", "strategy: canary")
    _approve(run, campaign)
    assert run("release", campaign).code == 0
    before = _desired(campaign, "desired.json")
    charter, spoil = campaign / "charter.yaml", SPOILT[what]
    if spoil is None:
        charter.unlink()
    else:
        assert spoil(charter.read_text()) != charter.read_text()
        charter.write_text(spoil(charter.read_text()))
    assert run("release", campaign, "step").code == 2
    assert run("release", campaign, "resume").code == 2
    warned = (
        f"{charter} does not load, so that this was done under the charter that campaign was "
        "released with; `assay check` says what to mend."
    )
    paused = run("release", campaign, "pause", "--json")
    assert (paused.code, paused.paragraph) == (0, warned)
    assert paused.document["release"]["paused"] is True
    refused = run("release", campaign, "fall-back", "--baseline", "somebody")
    assert "campaign has no baseline 'somebody'; it has " in refused.paragraph
    named = run("release", campaign, "fall-back", "--baseline", "everybody")
    assert named.paragraph == warned
    assert "The baseline everybody decides: version 1 fell back." in named.out
    fallen = run("release", campaign, "fall-back")
    assert "The baseline nobody decides" in fallen.out
    back = run("release", campaign, "roll-back")
    assert back.code == 1, "what was only tried never was champion"
    after = _desired(campaign, "desired.json")
    assert after["revision"] == before["revision"] + 3
    same = ("model", "environment", "serving", "capture", "control_share", "exploration_share")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_a_way_back_is_that_of_what_was_released_though_the_charter_was_renamed(
    run: Run, campaign: Path
) -> None:
    _write(campaign, "strategy: immediate", "strategy: canary")
    _approve(run, campaign)
    assert run("release", campaign).code == 0
    _write(campaign, "name: campaign", "name: other")
    fallen = run("release", campaign, "fall-back")
    assert fallen.code == 0
    assert f"{campaign / 'charter.yaml'} speaks of 'other' now" in fallen.paragraph
    assert "under the charter that campaign was released with" in fallen.paragraph
    after = _desired(campaign, "desired.json")
    assert (after["model"], after["arms"][0]["baseline"]) == ("campaign", "nobody")
    assert not list(Workspace(campaign).ports.ledger.events("release:other"))


def test_a_way_back_tells_no_setting_that_nobody_signed(run: Run, campaign: Path) -> None:
    """An entry of before has no settings; what gateways were told is what was released."""
    workspace = Workspace(campaign)
    ports, bundle = workspace.ports, workspace.versions().versions[1].bundle
    document = {"at": "2026-01-02T00:00:00+00:00", "version": 1, "bundle": bundle, "weight": 0.1}
    document |= {"strategy": "canary", "salt": "salt", "replaces": None}
    ports.ledger.append("release:campaign", "release.started", canonical_bytes(document), 0)
    publish(ports.ledger, ports.desired, workspace.charter)
    before = _desired(campaign, "desired.json")
    _write(campaign, "strategy: immediate", "strategy: immediate, exploration_share: 0.2")
    assert Workspace(campaign).charter.release.exploration_share == 0.2
    paused = run("release", campaign, "pause")
    assert (paused.code, paused.err) == (0, "")
    after = _desired(campaign, "desired.json")
    assert after["revision"] == before["revision"] + 1
    assert after["exploration_share"] == before["exploration_share"] == 0.0


def test_what_decides_after_a_fall_back_is_known_to_the_version(run: Run, campaign: Path) -> None:
    _approve(run, campaign)
    assert run("release", campaign).code == 0
    text = (campaign / "charter.yaml").read_text()
    (campaign / "charter.yaml").write_text(text.replace("nobody", "no_one"))
    asked = run("release", campaign, "fall-back", "--baseline", "no_one")
    assert asked.code == 1
    assert "campaign has no baseline 'no_one'; it has nobody, everybody" in asked.paragraph
    assert _desired(campaign, "desired.json")["arms"][0]["name"] == "champion"
    fallen = run("release", campaign, "fall-back")
    assert fallen.code == 0
    assert "names the baseline 'no_one', which the version that serves" in fallen.paragraph
    assert "'nobody' decides, as it was released." in fallen.paragraph
    assert _desired(campaign, "desired.json")["arms"][0]["baseline"] == "nobody"


def test_the_kill_switch_works_though_the_bundle_cannot_be_read(run: Run, campaign: Path) -> None:
    _approve(run, campaign)
    assert run("release", campaign).code == 0
    bundle = _desired(campaign, "desired.json")["arms"][0]["bundle"]
    (campaign / ".assay" / "blobs" / bundle[:2] / bundle[2:]).unlink()
    asked = run("release", campaign, "fall-back", "--baseline", "everybody")
    assert (asked.code, "There is no blob" in asked.paragraph) == (3, True)
    fallen = run("release", campaign, "fall-back")
    assert fallen.code == 0
    assert "restore it from a backup. 'nobody' decides, as it was released." in fallen.paragraph
    assert _desired(campaign, "desired.json")["arms"][0]["baseline"] == "nobody"


def test_a_release_is_rolled_back_though_its_environment_left_the_charter(
    run: Run, campaign: Path
) -> None:
    charter = campaign / "charter.yaml"
    own = charter.read_text()
    charter.write_text(own + "\nenvironments:\n  test: {gate: false, strategy: canary}\n")
    assert run("release", campaign, "--environment", "test").code == 0
    charter.write_text(own)
    mistyped = run("release", campaign, "roll-back", "--environment", "tset")
    assert mistyped.code == 2
    assert "no environment 'tset'" in mistyped.paragraph
    assert not (campaign / ".assay" / "environments" / "tset").exists()
    back = run("release", campaign, "roll-back", "--environment", "test")
    assert (back.code, "Nothing serves." in back.out) == (0, True)
    assert "does not load" in back.paragraph
    assert _desired(campaign, "environments", "test", "desired.json")["arms"] == []


def test_nothing_is_made_beside_a_faulty_charter(run: Run, tmp_path: Path) -> None:
    (tmp_path / "charter.yaml").write_text("nonsense: 1\n")
    refused = run("release", tmp_path, "roll-back")
    assert refused.code == 2
    assert "charter.yaml has " in refused.paragraph
    assert [one.name for one in tmp_path.iterdir()] == ["charter.yaml"]


def test_nothing_new_goes_live_in_a_freeze(run: Run, campaign: Path) -> None:
    _write(campaign, "strategy: immediate", f"strategy: immediate, {ALWAYS}")
    _approve(run, campaign)
    refused = run("release", campaign)
    assert refused.code == 1
    assert "Nothing new goes live: the bank merges" in refused.paragraph


def test_a_freeze_is_set_and_lifted_without_a_new_signature(run: Run, campaign: Path) -> None:
    _write(campaign, "strategy: immediate", "strategy: canary")
    _approve(run, campaign)
    assert run("release", campaign).code == 0
    before = Workspace(campaign).charter
    written = json.dumps(
        before.release.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":")
    )
    assert before.digests()["release"] == hashlib.sha256(written.encode()).hexdigest()
    end = datetime.now(UTC).date() + timedelta(days=30)
    freeze = f", freeze: [{{begin: 2026-01-01, end: {end}, why: the year ends}}]"
    _write(campaign, "strategy: canary", f"strategy: canary{freeze}")
    frozen = Workspace(campaign).charter
    assert frozen.digests() == before.digests()
    assert frozen.digest != before.digest, "the ledger goes on telling each change of the charter"
    assert run("gate", campaign).code == 0
    told = f"Nothing new goes live until {end + timedelta(days=1)} 00:00 UTC: the year ends."
    for forward in ("step", "promote"):
        refused = run("release", campaign, forward)
        assert refused.code == 1
        assert refused.paragraph.startswith(told)
    _write(campaign, "strategy: canary", "strategy: canary, soak: 6 hours")
    both = run("release", campaign, "step")
    assert both.paragraph.startswith(told), "the freeze is told first, whatever else is missing"
    _write(campaign, f", soak: 6 hours{freeze}", "")
    assert "Champion: version 1" in run("release", campaign, "promote").out


def test_an_unknown_environment_is_named_with_those_there_are(run: Run, campaign: Path) -> None:
    answer = run("release", campaign, "--environment", "prod")
    assert answer.code == 2
    assert "campaign has no environment 'prod'" in answer.paragraph


@pytest.fixture
def places(campaign: Path) -> Path:
    """The campaign with an environment to test in, and a production that trains anew."""
    (campaign / "charter.yaml").write_text((campaign / "charter.yaml").read_text() + PLACES)
    Campaign(seed=11).history(2400).write_parquet(campaign / "production.parquet")
    return campaign


def test_a_recipe_is_tested_then_trained_anew_where_it_goes_live(run: Run, places: Path) -> None:
    early = run("release", places, "--version", 1)
    assert early.code == 1
    assert "has not been champion in test yet" in early.paragraph
    tested = run("release", places, "--environment", "test", "--json")
    assert tested.document["release"]["environment"] == "test"
    desired = _desired(places, "environments", "test", "desired.json")
    assert (desired["environment"], desired["arms"][0]["version"]) == ("test", 1)
    assert not (places / ".assay" / "desired.json").exists()
    closed = run("release", places)
    assert closed.code == 1
    assert "campaign/2" in closed.paragraph
    assert "sign-off" in closed.paragraph
    assert "equivalence" not in closed.paragraph, "it is worth the same"
    _approve(run, places)
    live = run("release", places)
    assert live.code == 0, live.err
    assert "Champion: version 2, 100% of traffic." in live.out
    workspace = Workspace(places)
    assert workspace.versions().next_version == 3, "it was trained once"
    shown = [one for one in workspace.versions().versions[2].evidence if one.kind == "equivalence"]
    assert [(one.compared, one.environment, one.passed) for one in shown] == [
        (1, "production", True)
    ]
    told = run("status", places).out
    assert "champion         version 2" in told
    assert "in test          version 1" in told
    document = run("status", places, "--environment", "test", "--json").document
    assert (document["champion"], document["environments"]["production"]["champion"]) == (1, 2)
    _write(places, "equivalence: 20", "equivalence: 0.001")
    _approve(run, places)
    refused = run("release", places, "--version", 2)
    assert refused.code == 1
    assert "equivalence check value as version 1 failed" in refused.paragraph
    assert "at most 0.001 EUR per decision either way" in refused.paragraph


def test_a_step_in_the_directory_s_place_is_told_from_a_directory(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run("release", "roll-back")
    assert answer.code == 2
    assert "`assay release . roll-back`" in answer.paragraph
