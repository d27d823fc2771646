"""Following a server: what it may not tell is refused, and what was told before stays."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.file_desired import FileDesired
from assay.adapters.memory_desired import MemoryDesired
from assay.adapters.release_key import PUBLIC, PinnedTrust, ReleaseKey
from assay.deploy.desired import Arm, Desired
from assay.deploy.fleet_state import FleetState
from assay.errors import InputError, ServiceError, StoreError
from assay.gateway.elsewhere import elsewhere, token_from
from assay.gateway.places import demanding, place_at
from assay.gateway.server_source import Follows, ServerSource
from assay.ports.control_plane import OutcomesRefused
from assay.ports.outcome_inbox import Happened


class _Plane:
    """A server whose answers a test puts in; it fails where an exception is put in."""

    def __init__(self) -> None:
        self.answers: queue.Queue[FleetState | Exception] = queue.Queue()
        self.told: queue.Queue[Mapping[str, str]] = queue.Queue()

    def watch(self, told: Mapping[str, str]) -> bytes:
        self.told.put(told)
        answer = self.answers.get(timeout=30)
        if isinstance(answer, Exception):
            raise answer
        return answer.encode()

    def blob(self, digest: str) -> bytes:
        raise ServiceError(f"no blob {digest}")

    def take_captures(self, model: str, environment: str, name: str, raw: bytes) -> str:
        raise ServiceError(f"no {name}")

    def take_outcomes(
        self, model: str, outcomes: Sequence[tuple[str, Happened]]
    ) -> OutcomesRefused | None:
        raise ServiceError(f"no {model}")


class _Followed:
    """A source over such a server, with the workspace's key at hand."""

    def __init__(self, folder: Path) -> None:
        self.key = ReleaseKey(folder / "keys")
        _ = self.key.fingerprint
        self.folder = folder
        self.plane = _Plane()
        self.kept = FileDesired(folder / "fleet.json")
        self.source = self.again(self.plane)

    def again(self, plane: _Plane) -> ServerSource:
        demand = demanding(PinnedTrust(self.folder / "keys" / PUBLIC, required=True), "production")
        home = place_at(self.folder / "home")
        who = Follows("n1", "production", "region=north")
        return ServerSource(plane, who, self.kept, demand, lambda _: home, home)

    def signed(self, name: str, revision: int, **changes: Any) -> Desired:
        arm = Arm("champion", revision, f"{revision:064x}", 1.0)
        state = Desired(revision, name, (arm,), **changes)
        return Desired.read(self.key.seal(state.encode()))

    def hears(self, answer: FleetState) -> FleetState | None:
        """Let the server tell something; return what the gateway is told, and take it up."""
        self.plane.answers.put(answer)
        found = self.source.changed(2.0)
        if found is not None:
            self.source.took(found.revision, whole=True)
        return found


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[_Followed]:
    found = _Followed(tmp_path)
    first = found.source.changed(0)
    assert first is not None
    assert first.models == {}
    yield found
    found.source.stop()
    found.plane.answers.put(ServiceError("the test is over"))


def _full(revision: int, *models: Desired) -> FleetState:
    return FleetState(revision, full=True, models={one.model: one for one in models})


def test_what_is_signed_is_told_kept_and_acknowledged(followed: _Followed) -> None:
    one, two = followed.signed("one", 1), followed.signed("two", 1)
    assert followed.hears(_full(5, one)) == _full(5, one)
    asked = [followed.plane.told.get(timeout=5) for _ in range(2)]
    assert [told["revision"] for told in asked] == ["0", "5"]
    assert asked[1]["labels"] == "region=north"
    assert "health" not in asked[1]
    assert followed.hears(FleetState(6, models={"two": two})) == _full(6, one, two)
    assert followed.hears(FleetState(7, removed=("one",))) == _full(7, two)
    again = followed.again(_Plane())
    assert again.changed(0) == _full(7, two)
    again.stop()


@pytest.mark.parametrize("how", ["unsigned", "changed", "another name", "another environment"])
def test_what_may_not_be_served_is_refused_alone(how: str, followed: _Followed) -> None:
    one, two = followed.signed("one", 1), followed.signed("two", 1)
    followed.hears(_full(5, one))
    name, bad = {
        "unsigned": ("one", Desired(2, "one", ())),
        "changed": ("one", _changed(followed.signed("one", 2))),
        "another name": ("../one", followed.signed("one", 2)),
        "another environment": ("one", followed.signed("one", 2, environment="test")),
    }[how]
    told = followed.hears(FleetState(6, models={name: bad, "two": two}))
    assert told == _full(6, one, two)
    assert followed.source.failures == 1
    _until(lambda: followed.plane.told.qsize() >= 3)
    asked = [followed.plane.told.get() for _ in range(3)][-1]
    assert asked["health"] == "failed"
    assert name in asked["note"]


def test_an_old_state_that_is_sent_again_is_refused(followed: _Followed) -> None:
    old, new = followed.signed("one", 1), followed.signed("one", 2)
    followed.hears(_full(5, new))
    assert followed.hears(_full(6, old)) == _full(6, new)
    assert followed.source.failures == 1


def test_a_server_that_knows_nothing_or_fails_takes_nothing_away(followed: _Followed) -> None:
    one = followed.signed("one", 1)
    followed.hears(_full(5, one))
    followed.plane.answers.put(_full(0))
    followed.plane.answers.put(ServiceError("it is gone"))
    assert followed.source.changed(0.2) is None
    _until(lambda: followed.source.failures == 2)
    two = followed.signed("one", 2)
    assert followed.hears(_full(6, two)) == _full(6, two)


def test_what_lies_on_the_disk_and_was_changed_is_not_told(followed: _Followed) -> None:
    followed.hears(_full(5, followed.signed("one", 1)))
    followed.source.stop()
    stored = FileDesired(followed.folder / "fleet.json")
    stored.publish(_full(6, _changed(followed.signed("one", 2))).encode(), 6)
    again = followed.again(_Plane())
    told = again.changed(0)
    assert told is not None
    assert told.models == {}
    assert again.failures == 1
    with pytest.raises(StoreError, match="tells of no model"):
        again.place_of("one")
    again.stop()


def test_a_disk_that_does_not_keep_it_stops_nothing(tmp_path: Path) -> None:
    class Broken(MemoryDesired):
        def publish(self, document: bytes, revision: int) -> bool:
            raise StoreError("the disk is full")

    found = _Followed(tmp_path)
    home = place_at(tmp_path / "home")
    who = Follows("n1", "production")
    source = ServerSource(found.plane, who, Broken(), lambda _: None, lambda _: home, home)
    source.changed(0)
    one = found.signed("one", 1)
    found.plane.answers.put(_full(5, one))
    assert source.changed(2.0) == _full(5, one)
    source.stop()
    source.took(5, whole=True)


def test_what_cannot_work_is_said_at_once(tmp_path: Path) -> None:
    who = Follows("n1", "production")
    with pytest.raises(InputError, match="--trust FILE"):
        elsewhere("http://127.0.0.1:1", "t", tmp_path, None, who)
    key = tmp_path / "keys"
    _ = ReleaseKey(key).fingerprint
    for url in ("ftp://x", "127.0.0.1:8081", "http://x:99999999", "http://"):
        with pytest.raises(InputError, match="no address of a server"):
            elsewhere(url, "t", tmp_path, key / PUBLIC, who)
    with pytest.raises(InputError, match="other letters"):
        elsewhere("http://127.0.0.1:1", "a\r\nhost: x", tmp_path, key / PUBLIC, who)
    with pytest.raises(InputError, match="holds no token"):
        token_from({}, "ASSAY_TOKEN")


def _changed(state: Desired) -> Desired:
    fields = {name: getattr(state, name) for name in state.__struct_fields__}
    return Desired(**{**fields, "salt": "mine"})


def _until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not found():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
