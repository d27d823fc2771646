"""A gateway on another machine: it follows the server, checks what it is told, and sends home."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.gateway_folder import running as gateway
from tests.server.running import Running, running, until

from assay.adapters.lake_captures import LakeCaptures
from assay.adapters.release_key import ReleaseKey
from assay.adapters.sql_server_store import server_store_of
from assay.lifecycle.access_tokens import made_token
from assay.workspace import Workspace

TRUST = Path(".assay/keys/release.pub")


NOWHERE = "http://127.0.0.1:9"


def _copy(signed_campaign: Path, folder: Path) -> Path:
    """Copy the signed campaign, release it, and let an agent in; its secret is in `north`."""
    campaign = Path(shutil.copytree(signed_campaign, folder))
    Workspace(campaign).release()
    secret, token = made_token("north", ["agent", "serve"], "", datetime(2026, 1, 2, tzinfo=UTC))
    with closing(server_store_of(campaign / ".assay", None)) as store:
        store.add_token(token)
    (campaign / "north").write_text(secret)
    return campaign


@pytest.fixture(scope="module")
def released(signed_campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _copy(signed_campaign, tmp_path_factory.mktemp("released") / "campaign")


@pytest.fixture(scope="module")
def server(released: Path) -> Iterator[Running]:
    """One server for all tests that leave it as it was."""
    with running(released, secret=(released / "secret").read_text()) as process:
        yield process


@pytest.fixture(scope="module")
def filled(released: Path, server: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway that followed the server and was stopped."""
    folder = tmp_path_factory.mktemp("filled") / "north"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_TOKEN", (released / "north").read_text())
        arguments = _arguments(server.url, released / TRUST, folder, "filled")
        with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
            until(lambda: _ready(client))
    return folder


@pytest.fixture(autouse=True)
def token(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TOKEN", (released / "north").read_text())


def _arguments(url: str, trust: Path, folder: Path, agent: str) -> list[str | Path]:
    named: list[str | Path] = ["--server", url, "--trust", trust, "--labels", "region=north"]
    return [*named, "--agent", agent, "--spread", "0", folder]


def _ready(client: httpx.Client) -> bool:
    return client.get("/v2/health/ready").status_code == 200


def _ask(client: httpx.Client, rows: int = 2) -> dict[str, Any]:
    inputs = client.get("/v2/models/campaign").json()["inputs"]
    body = {
        "parameters": {"entity": [f"c{row}" for row in range(rows)]},
        "inputs": [
            {
                "name": one["name"],
                "shape": [rows],
                "datatype": one["datatype"],
                "data": ["1" if one["datatype"] == "BYTES" else 1.0] * rows,
            }
            for one in inputs
        ],
    }
    answer = client.post("/v2/models/campaign/infer", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_serves_acknowledges_and_sends_home_what_it_wrote(
    released: Path, server: Running, tmp_path: Path
) -> None:
    folder = tmp_path / "north"
    with (
        gateway(*_arguments(server.url, released / TRUST, folder, "sends")) as url,
        httpx.Client(base_url=url) as client,
    ):
        until(lambda: _ready(client))
        ids = _ask(client)["parameters"]["prediction_ids"]
        told = [{"id": ids[0], "outcome": "yes"}]
        mistyped = [*told, {"id": ids[1], "outcome": "ye"}]
        refused = client.post("/v2/models/campaign/outcomes", json={"outcomes": mistyped})
        assert refused.status_code == 400
        assert "did you mean 'yes'?" in refused.json()["error"]
        answer = client.post("/v2/models/campaign/outcomes", json={"outcomes": told})
        assert answer.status_code == 200, answer.text
        seen = until(lambda: _agent(server, "sends"))
        assert seen["labels"] == {"region": "north"}
        assert not seen["behind"]
        assert seen["health"] == "ok"
    kept = {record["id"] for record in LakeCaptures(released / ".assay" / "captures").read()}
    assert set(ids) <= kept
    assert not list((folder / "models" / "campaign" / "captures").glob("*.log"))
    outcomes = Workspace(released).ports.outcomes.read()
    assert ids[0] in outcomes["id"].to_list()
    assert ids[1] not in outcomes["id"].to_list()
    assert not list((folder / "models" / "campaign" / "outcomes" / "inbox").glob("*.log"))


def test_it_serves_on_without_the_server_also_after_a_restart_and_catches_up(
    signed_campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = _copy(signed_campaign, tmp_path / "campaign")
    monkeypatch.setenv("ASSAY_TOKEN", (released / "north").read_text())
    secret = (released / "secret").read_text()
    with running(released, secret=secret) as server:
        arguments = _arguments(server.url, released / TRUST, tmp_path / "north", "alone")
        with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
            until(lambda: _ready(client))
            server.kill()
            assert _ask(client)["model_version"] == "1"
    with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
        until(lambda: _ready(client), 5)
        ids = _ask(client)["parameters"]["prediction_ids"]
        Workspace(released).fall_back(reason="a test")
        port = int(server.url.rsplit(":", 1)[1])
        with running(released, secret=secret, port=port):
            until(lambda: _ask(client)["parameters"]["arms"][0] == "baseline")
    written = (tmp_path / "north" / "models" / "campaign" / "captures").glob("*.log")
    there = LakeCaptures(released / ".assay" / "captures").read()
    sent = {record["id"] for record in there}
    assert set(ids) <= sent or list(written), "what was not sent is still here"


def test_a_server_without_the_workspaces_key_is_not_believed(
    released: Path, server: Running, tmp_path: Path
) -> None:
    _ = ReleaseKey(tmp_path / "other").fingerprint
    trust = tmp_path / "other" / "release.pub"
    arguments = _arguments(server.url, trust, tmp_path / "north", "wary")
    with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
        seen = until(lambda: _agent(server, "wary", "failed"))
        assert "campaign" in seen["note"]
        assert not _ready(client)
        assert not (tmp_path / "north" / "blobs").exists(), (
            "nothing is fetched before it is checked"
        )


def test_a_rollback_reaches_it_in_less_than_a_second(
    released: Path, server: Running, filled: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(filled, tmp_path / "north"))
    arguments = _arguments(server.url, released / TRUST, folder, "back")
    workspace = Workspace(released)
    with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
        until(lambda: _ready(client))
        until(lambda: _agent(server, "back"))
        begun = time.monotonic()
        workspace.fall_back(reason="a test")
        until(lambda: _ask(client)["parameters"]["arms"][0] == "baseline")
        assert time.monotonic() - begun < 3.0  # under a second where nothing else runs
        workspace.release(action="roll_back", reason="the others' turn")
        until(lambda: _ask(client)["parameters"]["arms"][0] == "champion")


def test_a_blob_that_was_changed_on_the_way_or_here_is_never_used(
    released: Path, server: Running, filled: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(filled, tmp_path / "north"))
    _change_blobs(folder)
    arguments = _arguments(server.url, released / TRUST, folder, "mends")
    with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
        until(lambda: _ready(client))
        assert _ask(client)["model_version"] == "1"
    _change_blobs(folder)
    arguments = _arguments(NOWHERE, released / TRUST, folder, "alone")
    with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
        time.sleep(0.3)
        assert client.get("/v2/models/campaign/ready").status_code != 200


def _change_blobs(folder: Path) -> None:
    blobs = list((folder / "blobs").iterdir())
    assert blobs
    for blob in blobs:
        blob.write_bytes(b"changed")


def test_a_state_on_disk_that_others_changed_is_not_served(
    released: Path, filled: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(filled, tmp_path / "north"))
    state = json.loads((folder / "fleet.json").read_bytes())
    state["models"]["campaign"]["exploration_share"] = 1.0
    (folder / "fleet.json").write_text(json.dumps(state))
    arguments = _arguments(NOWHERE, released / TRUST, folder, "alone")
    with gateway(*arguments) as url, httpx.Client(base_url=url) as client:
        time.sleep(0.3)
        assert not _ready(client)


def _agent(server: Running, name: str, health: str = "ok") -> dict[str, Any] | None:
    """Return what the server knows of a gateway, once it has acknowledged."""
    for one in server.client.get("/fleet").json()["listed"]:
        if one["agent"] == name and one["revision"] > 0 and one["health"] == health:
            return dict(one)
    return None
