"""From an alert to a signed response that serves: through the gate, and resumable at each step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.adapters.memory_captures import MemoryCaptures
from assay.adapters.memory_outcomes import MemoryOutcomes
from assay.adapters.system_clock import FixedClock
from assay.deploy.desired import Desired
from assay.deploy.fetch import fetch_bundle
from assay.errors import CheckFailed, InputError, SignOffRefused
from assay.evidence.event import EventType
from assay.evidence.response_fold import ResponseState
from assay.lifecycle import taking
from assay.lifecycle.approval import evidence_of, write
from assay.lifecycle.campaign import Campaign
from assay.lifecycle.desk import Desk
from assay.lifecycle.taking import take
from assay.workspace import Workspace
from assay.workspace.embedded import embedded

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
START = datetime(2036, 3, 1, tzinfo=UTC)
LATER = START + timedelta(days=9)
Traffic = Callable[..., list[dict[str, Any]]]


def _charter() -> str:
    """The campaign's charter where every outcome is seen and only people close the gate."""
    text = CONFTEST.read_text().split('CAMPAIGN = """\\\n')[1].split('"""')[0]
    for old, new in (
        ("  revealed_by: [call]\n", ""),
        ("{roc_auc: {at_least: 0.55}}", "{roc_auc: {at_least: 0.0}}"),
        ("noise, at_least: 0.5", "noise, at_least: 0"),
        ("monitoring: {window: 200 rows}", "monitoring: {window: 1000 rows}\nresponse: {every: 4}"),
        ("trials: 2", "trials: 1"),
        ("label_delay: 1 window", "label_delay: 200 rows"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions: one of the campaign's history, and one where phones are swapped."""
    folder = tmp_path_factory.mktemp("answering") / "campaign"
    folder.mkdir()
    (folder / "charter.yaml").write_text(_charter())
    history = Campaign(seed=5).history(3600)
    history.write_parquet(folder / "history.parquet")
    other = {"mobile": "landline", "landline": "mobile"}
    swapped = history.with_columns(pl.col("phone").replace_strict(other))
    swapped.write_parquet(folder / "swapped.parquet")
    Workspace(folder).build()
    Workspace(folder, data=folder / "swapped.parquet").build()
    return folder


class _Stage:
    """A use case that serves from memory, and its traffic."""

    def __init__(self, folder: Path, traffic: Traffic) -> None:
        self.folder = folder
        self.traffic = traffic
        self.ports = replace(
            embedded(folder / ".assay"),
            captures=MemoryCaptures(),
            outcomes=MemoryOutcomes(),
            clock=FixedClock(LATER),
        )

    @property
    def workspace(self) -> Workspace:
        """The use case as a fresh command sees it."""
        return Workspace(self.folder, ports=self.ports)

    def approve(self, version: int) -> None:
        self.workspace.sign("Ana Costa", "product_manager", version=version)
        self.workspace.sign("Rui Matos", "risk_officer", version=version)

    def release(self, version: int) -> None:
        self.approve(version)
        self.workspace.release(version, salt="s")

    def serve(self, version: int, n: int = 3000, shift: float = 0.0) -> None:
        """Answer clients, who open deposits more often by a shift of their log odds."""
        month = Campaign(seed=31).month(1, n)
        records = self.traffic(self.workspace, month.clients, "m", START, version=version)
        self.ports.captures.append(records).result()
        rng = np.random.default_rng(4)
        opened = month.would_open | (rng.random(n) < shift)
        table = pl.DataFrame(
            {"id": [one["id"] for one in records], "outcome": np.where(opened, "yes", "no")}
        )
        table.write_csv(self.folder / "outcomes.csv")
        self.workspace.outcomes(self.folder / "outcomes.csv")

    def alert(self, id_: str = "a1") -> None:
        content = {"id": id_, "kind": "value", "text": "below the floor", "version": 1}
        write(self.ports.ledger, "alert:campaign", EventType.ALERT_RAISED, content, START)

    def rewrite(self, old: str, new: str) -> None:
        charter = self.folder / "charter.yaml"
        assert old in charter.read_text()
        charter.write_text(charter.read_text().replace(old, new))

    def desired(self) -> Desired:
        raw = self.ports.desired.read()
        assert raw is not None
        return Desired.read(raw)

    def count(self) -> int:
        return sum(1 for _ in self.ports.ledger.events())

    def history(self, version: int) -> dict[str, Any]:
        state = self.workspace.versions().versions[version]
        found = [one for one in evidence_of(self.ports.blobs, state) if one.kind == "evaluation"]
        return dict(found[-1].content["search"])


@pytest.fixture
def stage(made: Path, tmp_path: Path, traffic: Traffic) -> _Stage:
    return _Stage(Path(shutil.copytree(made, tmp_path / "campaign")), traffic)


def test_a_recalibration_is_proposed_signed_made_and_released(stage: _Stage) -> None:
    stage.release(1)
    stage.serve(1, shift=0.35)
    stage.alert()
    found = stage.workspace.respond(shadow=False)
    assert found.proposal is not None
    assert found.proposal.chosen.kind == "recalibrate"
    assert found.proposal.alerts == ("a1",)
    assert "waits for the signature of a product_manager (Ana Costa) and a risk" in found.words[0]
    json.dumps(found.document())
    id_, before = found.proposal.id, stage.count()
    assert stage.workspace.respond(shadow=False).response is not None
    assert stage.count() == before, "what waits is not proposed twice"

    with pytest.raises(SignOffRefused, match="does not hold the role"):
        stage.workspace.accept(id_, "Eva Lima", "product_manager")
    with pytest.raises(SignOffRefused, match="not for a sponsor to sign"):
        stage.workspace.accept(id_, "Ana Costa", "sponsor")
    half = stage.workspace.accept(id_[:6], "Ana Costa", "product_manager")
    assert half.response is not None
    assert half.response.open
    done = stage.workspace.accept(id_, "Rui Matos", "risk_officer")
    assert done.response is not None
    assert done.response.status == "taken"
    assert "Version 3 waits at the gate." in done.words[-1]
    waiting = stage.workspace.respond(shadow=False)
    assert waiting.words[-1] == "Version 3, made by a response, waits at the gate."

    versions = stage.workspace.versions().versions
    one, three = (fetch_bundle(stage.ports.blobs, versions[n].bundle).files for n in (1, 3))
    assert three["model.onnx"] == one["model.onnx"]
    assert three["calibration.json"] != one["calibration.json"]
    assert stage.history(3)["responds_to"] == id_
    assert stage.history(3)["revised"]["calibrated_anew"]
    assert stage.ports.blobs.has(fetch_bundle(stage.ports.blobs, versions[3].bundle).origin["data"])

    stage.approve(3)
    assert "Version 3 is released." in stage.workspace.respond(shadow=False).words
    assert stage.desired().arms[0].version == 3
    assert len(stage.workspace.responses().taken) == 1


def test_what_may_act_alone_rolls_back_at_once_and_only_once(stage: _Stage) -> None:
    stage.rewrite("response: {every: 4}", "response: {every: 4, alone: [roll_back]}")
    stage.release(1)
    stage.release(2)
    stage.serve(2)
    stage.alert()
    found = stage.workspace.respond(shadow=False)
    assert found.response is not None, found.words
    assert (found.response.kind, found.response.status) == ("roll_back", "taken")
    assert stage.desired().arms[0].version == 1
    assert f"(response {found.response.id})" in stage.workspace.release_state().history[-1].reason
    stage.workspace.respond(shadow=False)
    assert stage.desired().arms[0].version == 1
    assert stage.workspace.audit() > 0


def test_a_fall_back_lets_the_baseline_decide_until_it_is_taken_back(stage: _Stage) -> None:
    stage.rewrite("response: {every: 4}", "response: {every: 4, alone: [fall_back]}")
    stage.release(2)
    stage.serve(2, shift=0.0)
    stage.alert()
    found = stage.workspace.respond(asked="fall_back", shadow=False)
    assert found.response is not None, found.words
    assert (found.response.kind, found.response.status) == ("fall_back", "taken")
    arm = stage.desired().arms[0]
    assert (arm.name, arm.version, arm.baseline) == (
        "baseline",
        2,
        found.response.proposed["target"],
    )
    assert stage.workspace.serving_state() == stage.folder / ".assay"
    judged = stage.workspace.remedies()
    assert {one.kind for one in judged.remedies} >= {"roll_back", "fall_back"}
    assert not any(one.target == arm.baseline for one in judged.remedies)
    stage.workspace.release(action="roll_back", reason="mended")
    assert stage.desired().arms[0].name == "champion"


def test_a_retraining_makes_the_same_recipe_again_on_the_newest_rows(stage: _Stage) -> None:
    stage.release(1)
    stage.serve(1)
    found = stage.workspace.respond(asked="retrain")
    proposal = found.proposal
    assert proposal is not None
    assert proposal.chosen.gain is not None, "judged by a shadow, since it was asked for"
    stage.workspace.accept(proposal.id, "Ana Costa", "product_manager")
    done = stage.workspace.accept(proposal.id, "Rui Matos", "risk_officer")
    assert done.response is not None
    assert (done.response.taken or {})["version"] == 3
    assert stage.history(3)["recipe"] == stage.history(1)["recipe"]
    assert stage.history(3)["responds_to"] == proposal.id
    rows = pl.read_parquet(stage.folder / ".assay" / "newest_rows.parquet")
    assert rows.height == 3600 + 3000


@pytest.mark.parametrize("kind", ["move_policy", "roll_back"])
def test_killed_between_the_deed_and_its_entry_it_is_not_done_twice(
    stage: _Stage, kind: Any
) -> None:
    stage.release(1)
    stage.release(2)
    stage.serve(2)
    found = stage.workspace.respond(asked=kind, shadow=False)
    assert found.response is not None, found.words
    take(stage.workspace._desk(None), found.response)  # and then the lights go out
    steps, versions = (
        len(stage.workspace.release_state().history),
        len(stage.workspace.versions().registered),
    )
    assert versions == (3 if kind == "move_policy" else 2)
    done = stage.workspace.respond(shadow=False)
    assert f"(response {found.response.id})" in done.words[0]
    assert stage.workspace.responses().taken[-1].id == found.response.id
    assert len(stage.workspace.release_state().history) == steps
    assert len(stage.workspace.versions().registered) == versions


def test_a_response_that_is_signed_too_late_waits_and_then_runs_out(stage: _Stage) -> None:
    stage.release(1)
    stage.release(2)
    stage.serve(2)
    found = stage.workspace.respond(asked="fall_back", shadow=False)
    assert found.response is not None, found.words
    id_ = found.response.id
    stage.workspace.accept(id_, "Ana Costa", "product_manager")
    stage.workspace.release(action="roll_back", reason="by hand")
    late = stage.workspace.accept(id_, "Rui Matos", "risk_officer")
    assert late.words == (
        f"The response {id_} waits: version 2 no longer stands. Run `assay respond` again.",
    )
    stage.workspace.respond(shadow=False)
    ended = stage.workspace.responses().named(id_)
    assert ended is not None
    assert (ended.status, ended.reason) == ("expired", "version 2 no longer stands")
    assert stage.desired().arms[0].name == "champion"


def test_muting_an_alert_keeps_what_answers_it_with_its_signatures(stage: _Stage) -> None:
    stage.release(1)
    stage.serve(1, shift=0.35)
    stage.alert()
    found = stage.workspace.respond(shadow=False)
    assert found.proposal is not None
    id_ = found.proposal.id
    stage.workspace.accept(id_, "Ana Costa", "product_manager")
    stage.workspace.mute("a1", "Ana Costa", length="3 days", because="we are at it")
    later = stage.workspace.respond(shadow=False)
    assert later.response is not None
    assert (later.response.id, later.response.status) == (id_, "open")
    assert len(later.response.signatures) == 1
    stage.workspace.decline(id_, "Rui Matos", reason="not now")
    stage.alert("a2")
    stage.workspace.mute("a2", "Ana Costa", length="3 days", because="the same")
    quiet = stage.workspace.respond(shadow=False)
    assert quiet.words[-1] == "No alert is open: nothing is proposed."


def test_two_at_once_make_one_version(stage: _Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second waits in line and finds the deed written down."""
    stage.release(1)
    stage.serve(1, shift=0.35)
    stage.alert()
    proposal = stage.workspace.respond(shadow=False).proposal
    assert proposal is not None
    stage.workspace.accept(proposal.id, "Ana Costa", "product_manager")
    both, make = Barrier(2), taking._make

    def slowly(desk: Desk, one: ResponseState) -> int:
        with suppress(BrokenBarrierError):  # each goes on once the other is here as well
            both.wait(timeout=3)
        return make(desk, one)

    monkeypatch.setattr(taking, "_make", slowly)
    with ThreadPoolExecutor(2) as pool:
        signing = pool.submit(stage.workspace.accept, proposal.id, "Rui Matos", "risk_officer")
        looking = pool.submit(stage.workspace.respond, shadow=False)
        for one in (signing, looking):
            one.result()
    assert stage.workspace.responses().taken[-1].id == proposal.id
    assert sorted(stage.workspace.versions().versions) == [1, 2, 3]


def test_a_policy_is_moved_to_payoffs_that_changed_on_served_cases(stage: _Stage) -> None:
    stage.release(1)
    stage.serve(1)
    policy = 'policy: {kind: threshold, action: call}\n  actions:\n    call: {"yes": 54, "no": -25}'
    stage.rewrite('actions:\n    call: {"yes": 54, "no": -6}', policy)
    found = stage.workspace.respond(asked="move_policy", shadow=False)
    assert found.proposal is not None, found.words
    gain = found.proposal.chosen.gain
    assert gain is not None
    assert gain.low > 0
    stage.workspace.accept(found.proposal.id, "Ana Costa", "product_manager")
    stage.workspace.accept(found.proposal.id, "Rui Matos", "risk_officer")
    revised = stage.history(3)["revised"]
    assert "from a probability of" in revised["now"]
    assert not revised["calibrated_anew"]
    versions = stage.workspace.versions().versions
    one, three = (fetch_bundle(stage.ports.blobs, versions[n].bundle).files for n in (1, 3))
    changed = {name for name in one if one[name] != three[name]}
    assert changed == {"policy.json", "reference.json"}  # what was decided there is not known
    stage.approve(3)
    stage.workspace.respond(shadow=False)
    assert stage.desired().arms[0].version == 3


def test_a_refusal_has_a_name_that_counts_and_a_reason(stage: _Stage) -> None:
    stage.release(1)
    stage.serve(1, shift=0.35)
    stage.alert()
    found = stage.workspace.respond(shadow=False)
    assert found.proposal is not None
    id_ = found.proposal.id
    with pytest.raises(InputError, match="needs a reason"):
        stage.workspace.decline(id_, "Ana Costa", reason=" ")
    with pytest.raises(SignOffRefused, match="Dinis may not decline this"):
        stage.workspace.decline(id_, "Dinis", reason="no")
    with pytest.raises(InputError, match=f"no open response 'ffff': {id_} waits"):
        stage.workspace.decline("ffff", "Ana Costa", reason="no")
    declined = stage.workspace.decline(id_, "Ana Costa", reason="The list is about to change.")
    assert declined.response is not None
    assert declined.response.status == "declined"
    again = stage.workspace.respond(shadow=False)
    assert again.words[-1] == "Ana Costa declined this: The list is about to change."
    with pytest.raises(InputError, match="it was declined"):
        stage.workspace.accept(id_, "Ana Costa", "product_manager")


def test_with_too_few_outcomes_people_are_asked_and_without_a_release_nobody(
    stage: _Stage,
) -> None:
    with pytest.raises(CheckFailed, match="No version of campaign decides yet"):
        stage.workspace.respond()
    stage.release(1)
    stage.serve(1, n=60)
    stage.alert()
    found = stage.workspace.respond()
    assert found.proposal is not None
    assert found.proposal.chosen.kind == "escalate"
    assert any("it takes 100 to judge a response" in line for line in found.words)
