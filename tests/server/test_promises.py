"""What holds when servers are killed: acknowledgements, tokens, releases, and who leads."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
import structlog
from tests.postgres import schema
from tests.server.running import Running, running, until

from assay.adapters.sql_server_store import open_server_store
from assay.errors import CharterError, InputError
from assay.evidence.digest import canonical_bytes
from assay.lifecycle.access_tokens import made_token
from assay.server.control import Call
from assay.server.documents import ReleaseAsked
from assay.server.estate import Estate, NotThere
from assay.server.release_routes import act
from assay.workspace import Workspace


def asking(agent: str, revision: int = 0, hold: float = 0) -> dict[str, str]:
    return {"agent": agent, "revision": str(revision), "hold": str(hold)}


def leads(server: Running) -> bool:
    found: bool = server.client.get("health").json()["leads"]
    return found


def acknowledged(server: Running) -> dict[str, int]:
    listed = server.client.get("fleet").json()["listed"]
    return {one["agent"]: one["revision"] for one in listed}


def test_what_was_acknowledged_and_released_outlives_kill_9_and_changes_meanwhile_are_told(
    signed: Path,
) -> None:
    secret = (signed / "secret").read_text()
    with running(signed, secret=secret) as first:
        first.client.post("models/campaign/release", json={"action": "start"})
        state = first.client.get("models/campaign/release").json()
        until(lambda: first.client.get("health").json()["revision"])
        for number in range(3):
            asked = asking(f"a{number}")
            reached = first.client.get("watch", params=asked).json()["revision"]
            again = asking(f"a{number}", reached)
            assert first.client.get("watch", params=again).status_code == 200
        until(lambda: set(acknowledged(first).values()) == {reached})
        port = int(first.url.rsplit(":", 1)[1])
        first.kill()
    with running(signed, secret=secret, port=port) as second:
        assert acknowledged(second) == {f"a{number}": reached for number in range(3)}
        until(lambda: second.client.get("health").json()["revision"] == reached)
        assert second.client.get("models/campaign/release").json() == state
        # An agent that it knows goes on where it was: it waits, and hears of no change.
        asked = asking("a1", reached, 0.2)
        told = second.client.get("watch", params=asked).json()
        assert (told["full"], told["models"]) == (False, {})
        second.kill()
    Workspace(signed).fall_back()  # a change while the server is away
    with running(signed, secret=secret) as third:
        news = third.client.get("watch", params=asking("a1", reached, 20)).json()
        assert (news["full"], news["revision"]) == (False, reached + 1)
        assert news["models"]["campaign"]["arms"][0]["baseline"] == "nobody"


def test_what_a_killed_command_did_not_tell_is_told_and_who_waits_is_sent_home(
    signed: Path,
) -> None:
    Workspace(signed).release()
    desired = signed / ".assay" / "desired.json"
    right = desired.read_bytes()
    desired.unlink()  # a command died between the ledger and the desired state
    with running(signed, secret=(signed / "secret").read_text()) as server:
        until(lambda: desired.exists() and desired.read_bytes() == right)
        asked = asking("a")
        had = until(lambda: server.client.get("watch", params=asked).json()["revision"])
        asked = {"agent": "a", "revision": str(had)}
        with httpx.Client(timeout=40, headers=server.client.headers) as client:
            server.client.get("watch", params=asking("a", had))
            request = client.build_request("GET", f"{server.url}/api/v1/watch", params=asked)
            answers: list[httpx.Response] = []
            waiting = threading.Thread(target=lambda: answers.append(client.send(request)))
            waiting.start()
            until(lambda: server.client.get("fleet").json()["waiting"] == 1)
            server.process.terminate()
            assert server.process.wait(timeout=20) == 0
            waiting.join(timeout=20)
    assert [one.status_code for one in answers] == [200]


@pytest.fixture
def database(signed: Path) -> Iterator[str]:
    """A database of the test's own; what is said to it leaves no trace elsewhere."""
    with schema() as url:
        yield url


def test_of_two_servers_one_leads_and_the_other_takes_over(
    signed: Path, database: str, tmp_path: Path
) -> None:
    options = ("--database", database)
    secret, token = made_token("two", ["admin"], "", datetime(2026, 1, 2, tzinfo=UTC))
    with closing(open_server_store(database)) as store:
        store.add_token(token)
    with running(signed, secret=secret, options=options) as one:
        until(lambda: leads(one))
        assert (signed / ".assay" / "ledger.url").read_text().strip() == database
        other_copy = Path(shutil.copytree(signed, tmp_path / "elsewhere"))
        with running(other_copy, secret=secret, options=options) as other:
            assert not leads(other)
            asked = asking("a")
            had = other.client.get("watch", params=asked).json()["revision"]
            other.client.get("watch", params=asking("a", had))
            one.client.post("models/campaign/release", json={"action": "start"})
            told = other.client.get("watch", params=asking("a", had, 20)).json()
            assert told["models"]["campaign"]["arms"][0]["version"] == 1
            one.kill()
            until(lambda: leads(other))
            state = other.client.get("models/campaign/release").json()
            assert state["champion"]["version"] == 1
            fallen = other.client.post("models/campaign/release", json={"action": "fall_back"})
            assert fallen.json()["baseline"] == "nobody"
    assert Workspace(signed).release_state().baseline == "nobody", "a command finds the database"
    assert Workspace(signed).ports.ledger.verify() > 0


def test_a_model_is_known_by_one_name_in_one_directory(signed: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(signed, tmp_path / "twin"))
    with pytest.raises(InputError, match="have the same model"):
        Estate([signed, other])
    estate = Estate([signed])
    with pytest.raises(NotThere, match="no model 'other'"):
        estate.workspace("other")
    first = estate.workspace("campaign")
    assert estate.workspace("campaign") is first
    charter = (signed / "charter.yaml").read_text()
    (signed / "charter.yaml").write_text(charter.replace("Whom to call", "Whom to ring at all"))
    assert estate.workspace("campaign").charter.title.startswith("Whom to ring")
    (signed / "charter.yaml").write_text(charter.replace("name: campaign", "name: other_name"))
    with pytest.raises(InputError, match="no longer of 'campaign'"):
        estate.workspace("campaign")


def test_a_way_back_is_open_beside_a_faulty_charter(signed: Path) -> None:
    Workspace(signed).release()
    estate = Estate([signed])
    (signed / "charter.yaml").write_text("nonsense: 1")
    with pytest.raises(CharterError):
        estate.workspace("campaign")
    with pytest.raises(CharterError):
        estate.for_a_way_back("campaign", "elsewhere")
    state = estate.for_a_way_back("campaign").fall_back(by="Ana Costa")
    assert (state.baseline, state.history[-1].what) == ("nobody", "fell_back")
    assert not (signed / ".assay" / "environments").exists()


@pytest.mark.parametrize("told", [True, False])
def test_a_way_back_is_that_of_the_model_that_is_meant(signed: Path, told: bool) -> None:
    """A charter that was renamed beside a server, over a ledger that has both models."""
    Workspace(signed).release()
    estate = Estate([signed])
    ledger = Workspace(signed).ports.ledger
    started = next(iter(ledger.events("release:campaign")))
    ledger.append("release:other", started.type, started.content, 0)
    estate.share(ledger)
    charter, desired = signed / "charter.yaml", signed / ".assay" / "desired.json"
    charter.write_text(charter.read_text().replace("name: campaign", "name: other"))
    if not told:
        desired.write_text("torn")
    workspace = estate.for_a_way_back("campaign")
    state = workspace.fall_back(by="Ana Costa")
    assert (state.name, state.baseline) == ("campaign", "nobody")
    assert "speaks of 'other' now" in workspace.warning
    assert json.loads(desired.read_text())["model"] == "campaign"
    assert len(list(ledger.events("release:other"))) == 1


def test_a_server_logs_what_stood_against_a_way_back(signed: Path) -> None:
    Workspace(signed).release()
    estate, by = Estate([signed]), "Ana Costa"
    call = cast("Call", SimpleNamespace(control=SimpleNamespace(estate=estate), by=by, user=by))
    (signed / "charter.yaml").write_text("nonsense: 1")
    with structlog.testing.capture_logs() as logged:
        answer = act("campaign", ReleaseAsked(action="fall_back"), call)
    assert answer.baseline == "nobody"
    assert [one["log_level"] for one in logged] == ["warning"]
    assert "charter.yaml does not load" in logged[0]["why"]


def test_a_renamed_charter_goes_back_to_nothing_of_its_new_name(signed: Path) -> None:
    estate = Estate([signed])
    ledger = Workspace(signed).ports.ledger
    charter = signed / "charter.yaml"
    charter.write_text(charter.read_text().replace("name: campaign", "name: other"))
    keys = ("at", "version", "bundle", "strategy", "weight", "salt", "replaces")
    values = ("2026-01-02T00:00:00+00:00", 1, "b" * 64, "immediate", 1.0, "salt", None)
    content = canonical_bytes(dict(zip(keys, values, strict=True)))
    ledger.append("release:other", "release.started", content, 0)
    with pytest.raises(InputError, match="no release of 'campaign' is known here"):
        estate.for_a_way_back("campaign").fall_back()
    assert len(list(ledger.events("release:other"))) == 1


def test_labels_of_a_staged_release_decide(signed: Path) -> None:
    charter = (signed / "charter.yaml").read_text()
    staged = "release: {strategy: staged, stages: [{region: north}, {region: south}]}"
    (signed / "charter.yaml").write_text(re.sub(r"release: .*", staged, charter))
    estate = Estate([signed])
    assert estate.label_names("production", "campaign") == {"region"}
    assert estate.variant("production", "campaign", {"region": "north"}) is not None
    assert estate.label_names("production", "other") == frozenset()
