"""A gateway serves what the workspace's key signed, and nothing that others wrote beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.gateway_folder import lay_out, running

from assay.adapters.file_desired import FileDesired
from assay.adapters.release_key import PUBLIC, ReleaseKey, folder_of_keys
from assay.deploy.desired import Arm, Desired
from assay.errors import StoreError, Untrusted
from assay.evidence.bundle import Bundle
from assay.gateway.places import place_at
from assay.gateway.workspaces import WorkspacesSource


def _sign(folder: Path, desired: Desired) -> None:
    store = FileDesired(folder / "desired.json", ReleaseKey(folder_of_keys(folder)))
    store.publish(desired.encode(), desired.revision)


def test_a_state_that_others_wrote_changes_nothing_and_is_counted(
    classifiers: tuple[Bundle, Bundle], tmp_path: Path, body: Callable[..., dict[str, Any]]
) -> None:
    signed = lay_out(tmp_path, *classifiers, weight=0.0)
    alone = msgspec.structs.replace(signed, arms=signed.arms[:1], revision=2)
    _sign(tmp_path, alone)
    with running(tmp_path) as url, httpx.Client(base_url=url) as client:

        def version() -> str:
            answer = client.post("/v2/models/bank/infer", json=body(1))
            return str(answer.json()["model_version"])

        assert version() == "1"
        forged = json.loads((tmp_path / "desired.json").read_bytes())
        forged["revision"] = 3
        forged["arms"][0] |= {"bundle": classifiers[1].digest, "version": 2}
        _replace(tmp_path / "desired.json", json.dumps(forged).encode())
        _until(lambda: _failures(client) > 0)
        assert version() == "1"
        moved = msgspec.structs.replace(alone, revision=4, arms=(_second(classifiers),))
        _sign(tmp_path, moved)
        _until(lambda: version() == "2")


def test_states_without_a_key_are_served_until_there_is_one(
    classifiers: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    desired = lay_out(tmp_path, classifiers[0])
    place = place_at(tmp_path)
    place.demand(desired)
    _sign(tmp_path, desired)
    with pytest.raises(Untrusted):
        place.demand(desired)
    place.demand(Desired.read((tmp_path / "desired.json").read_bytes()))


def test_a_state_of_another_environment_is_not_served(
    classifiers: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    desired = lay_out(tmp_path, classifiers[0], environment="test")
    _sign(tmp_path, desired)
    source = WorkspacesSource([place_at(tmp_path)])
    state = source.changed(0)
    assert state is not None
    assert not state.models
    assert source.failures == 1
    with pytest.raises(Untrusted, match="one of test, and this gateway serves production"):
        place_at(tmp_path).demand(Desired.read((tmp_path / "desired.json").read_bytes()))


def test_a_named_key_holds_in_place_of_the_one_that_lies_there(
    classifiers: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    desired = lay_out(folder, classifiers[0])
    _sign(folder, desired)
    signed = Desired.read((folder / "desired.json").read_bytes())
    _ = ReleaseKey(tmp_path / "elsewhere").fingerprint
    with pytest.raises(Untrusted):
        place_at(folder, trust=tmp_path / "elsewhere" / PUBLIC).demand(signed)
    place_at(folder, trust=folder_of_keys(folder) / PUBLIC).demand(signed)
    with pytest.raises(StoreError, match="no public key"):
        place_at(folder, trust=tmp_path / "nowhere.pub").demand(signed)


def _second(classifiers: tuple[Bundle, Bundle]) -> Arm:
    return Arm("champion", 2, classifiers[1].digest, 1.0)


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def _failures(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("assay_load_failures_total")]
    return sum(float(line.split()[-1]) for line in found)


def _until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not found():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
