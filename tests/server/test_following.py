"""Whatever one model's charter says, the fleet goes on hearing of all the others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from assay.adapters.sql_server_store import open_server_store
from assay.deploy.desired import Arm, Desired
from assay.deploy.fleet_state import FleetState
from assay.errors import StoreError
from assay.ports.server_store import Row, Table
from assay.server import root
from assay.server.estate import Estate
from assay.server.fleet import Fleet
from assay.server.following import Following

EXAMPLES = Path(__file__).parents[2] / "examples"


def put(workspace: Path, model: str, revision: int, environment: str = "production") -> None:
    folder = workspace / ".assay"
    folder = folder if environment == "production" else folder / "environments" / environment
    folder.mkdir(parents=True, exist_ok=True)
    arms = (Arm("champion", revision, "b" * 64, 1.0),)
    state = Desired(revision, model, arms, environment=environment)
    (folder / "new").write_bytes(state.encode())
    (folder / "new").replace(folder / "desired.json")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    for name in ("adult", "bank"):
        (tmp_path / name / ".assay").mkdir(parents=True)
        shutil.copy(EXAMPLES / name / "charter.yaml", tmp_path / name / "charter.yaml")
    return Estate([tmp_path / "adult", tmp_path / "bank"])


@pytest.fixture
def following(tmp_path: Path, estate: Estate) -> Iterator[Following]:
    with contextlib.closing(open_server_store(tmp_path / "server.sqlite")) as store:
        yield Following(estate.states(), store)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextlib.contextmanager
def followed(following: Following, told: Callable[[Table], None]) -> Iterator[threading.Event]:
    stopped, moved = threading.Event(), threading.Event()
    thread = threading.Thread(target=following.follow, args=(told, stopped, moved))
    thread.start()
    try:
        yield moved
        assert thread.is_alive()
    finally:
        stopped.set()
        moved.set()
        thread.join()


@pytest.mark.parametrize("trouble", ["an environment was taken out", "the charter has a fault"])
def test_one_charter_does_not_stop_the_others_news(
    trouble: str, tmp_path: Path, estate: Estate, following: Following
) -> None:
    one, other = (estate.directory(name).name for name in estate.models)
    first, second = estate.models
    put(tmp_path / one, first, 1, "stage" if "taken" in trouble else "production")
    put(tmp_path / other, second, 1)
    if "fault" in trouble:
        (tmp_path / one / "charter.yaml").write_text("name: 7\n")
    fleet = Fleet(estate.variant)

    async def live() -> None:
        control: Any = SimpleNamespace(
            estate=estate,
            fleet=fleet,
            reconciling=SimpleNamespace(news=lambda _: None, run=lambda stopped: stopped.wait()),
            acknowledging=SimpleNamespace(start=_nothing, close=_nothing),
            tokens=SimpleNamespace(read=lambda: None),
        )
        async with root._living(control, following):
            await _until(lambda: fleet.revision("production") > 0)
            before = fleet.revision("production")
            put(tmp_path / other, second, 2)
            await _until(lambda: fleet.revision("production") > before)

    asyncio.run(live())
    heard = FleetState.read(asyncio.run(fleet.answer("production", 0, {})).plain)
    assert Desired.read(msgspec.json.encode(heard.models[second])).revision == 2


async def _nothing() -> None:
    return


async def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [StoreError("no"), KeyError("own")])
def test_a_change_that_could_not_be_told_is_told_again(
    fault: Exception, tmp_path: Path, estate: Estate, following: Following
) -> None:
    heard: list[int] = []
    faults = [fault]

    def told(table: Table) -> None:
        if faults:
            raise faults.pop()
        heard.append(table.revision)

    put(tmp_path / "bank", "bank", 1)
    with followed(following, told) as moved:
        until(lambda: len(heard) == 1)
        put(tmp_path / "bank", "bank", 2)
        moved.set()
        until(lambda: len(heard) == 2)
    assert heard[1] == heard[0] + 1


def test_the_labels_of_the_last_sound_charter_hold(tmp_path: Path, estate: Estate) -> None:
    model = next(name for name in estate.models if estate.directory(name).name == "bank")
    charter = tmp_path / "bank" / "charter.yaml"
    staged = charter.read_text().partition("\nrelease:")
    assert staged[1]
    rest = staged[2].split("\n")
    kept = next(at for at, line in enumerate(rest[1:], 1) if line and not line.startswith(" "))
    text = "\nrelease:\n  strategy: staged\n  stages: [{region: north}, {region: south}]\n"
    charter.write_text(staged[0] + text + "\n".join(rest[kept:]))
    assert estate.label_names("production", model) == {"region"}
    charter.write_text("name: 7\n")
    assert estate.label_names("production", model) == {"region"}


def test_one_models_fault_does_not_keep_an_agent_from_the_others() -> None:
    def variant(_environment: str, model: str, _labels: object) -> bytes | None:
        if model != "c":
            raise StoreError("no") if model == "a" else KeyError("own")
        return document("c", 9)

    fleet = Fleet(variant)
    rows = [Row("production", name, 1, 1, document(name, 1)) for name in "abc"]
    names = {("production", "a"): ["region"]}
    fleet.take(Table(1, tuple(rows)), names)
    answer = asyncio.run(fleet.answer("production", 0, {"region": "north"}))
    models = FleetState.read(answer.plain).models
    assert {name: one.revision for name, one in models.items()} == {"a": 1, "b": 1, "c": 9}


def document(model: str, revision: int) -> bytes:
    arms = (Arm("champion", revision, "b" * 64, 1.0),)
    return msgspec.json.encode(Desired(revision, model, arms))


def test_a_folder_that_cannot_be_looked_into_is_not_gone(
    tmp_path: Path, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "bank", "bank", 1)
    first = following.look()
    assert first is not None
    real = os.stat

    def refused(path: Any, **more: Any) -> os.stat_result:
        if str(path).endswith("desired.json"):
            raise PermissionError(13, "no", path)
        return real(path, **more)

    monkeypatch.setattr(os, "stat", refused)
    assert following.look() is None
    monkeypatch.undo()
    (tmp_path / "bank" / ".assay" / "desired.json").unlink()
    gone = following.look()
    assert gone is not None
    assert [row.document for row in gone.rows] == [None]
