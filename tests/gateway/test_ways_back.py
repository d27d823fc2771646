"""A way back waits for no load: neither another model's, nor one of its own that it supersedes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.gateway_folder import lay_out, publish
from tests.handler_client import client_of

from assay.deploy.fleet_state import FleetState
from assay.evidence.bundle import Bundle
from assay.gateway.app import Gateway
from assay.gateway.follower import Follower
from assay.gateway.root import build_gateway


@contextmanager
def _slow(gateway: Gateway, model: bytes) -> Iterator[threading.Event]:
    """Hold up every load of a model until left; what is given is set once one has begun."""
    begun, go = threading.Event(), threading.Event()
    load_engine: Any = gateway.pool._load_engine

    def loading(raw: bytes, *more: Any) -> Any:
        if raw == model:
            begun.set()
            assert go.wait(120)
        return load_engine(raw, *more)

    gateway.pool._load_engine = loading
    try:
        yield begun
    finally:
        go.set()


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@pytest.mark.parametrize("warm", [False, True])
def test_a_way_back_does_not_wait_for_another_models_load(
    tmp_path: Path, classifiers: tuple[Bundle, Bundle], regressor: Bundle, warm: bool
) -> None:
    slow = Bundle("slow", regressor.files, regressor.origin)
    lay_out(tmp_path / "a", slow, arms=())
    lay_out(tmp_path / "b", *classifiers, weight=0.5)
    gateway = build_gateway([tmp_path / "a", tmp_path / "b"])
    with (
        client_of(gateway, follow=True),
        _slow(gateway, slow.files["model.onnx"]) as begun,
    ):
        bank = gateway.pool.entries["bank"]
        assert bank.serving is not None
        assert bank.serving.versions == ["1", "2"]
        publish(tmp_path / "a", slow, revision=2)
        assert begun.wait(5)
        standby = (classifiers[1].digest, "0" * 64) if warm else ()
        publish(tmp_path / "b", classifiers[0], revision=2, warm=standby)
        _until(lambda: bank.serving is not None and bank.serving.versions == ["1"])
        assert gateway.pool.entries["slow"].desired.revision == 1
        assert bank.counts.load_failures == 0, "what is to stand by is loaded later"


def test_a_load_that_ends_late_does_not_undo_the_way_back(
    tmp_path: Path, classifiers: tuple[Bundle, Bundle]
) -> None:
    lay_out(tmp_path, *classifiers, weight=0.5)
    publish(tmp_path, classifiers[0])
    gateway = build_gateway([tmp_path])
    with client_of(gateway, follow=True):
        bank = gateway.pool.entries["bank"]
        with _slow(gateway, classifiers[1].files["model.onnx"]) as begun:
            publish(tmp_path, *classifiers, revision=2, weight=0.5)
            assert begun.wait(5)
            publish(tmp_path, classifiers[0], revision=3)
            _until(lambda: bank.desired.revision == 3)
        gateway.pool._loader.submit(lambda: None).result()
        assert bank.serving is not None
        assert (bank.desired.revision, bank.serving.versions) == (3, ["1"])


def test_one_who_tells_news_hears_that_they_take_long_and_tells_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("assay.gateway.follower._SLOW", 0.0)
    told = [FleetState(1, full=True), None, FleetState(2, full=True)]
    took: list[tuple[int, bool]] = []
    served: list[tuple[str, int]] = []

    class Source:
        def changed(self, _: float) -> FleetState | None:
            return told.pop(0) if told else None

        def took(self, revision: int, *, whole: bool) -> None:
            took.append((revision, whole))

    class Pool:
        def follow(self, state: FleetState, newer: Callable[[], bool]) -> bool:
            served.append(("begun", state.revision))
            if state.revision == 1:
                assert [newer(), newer()] == [False, True]
                return False
            return True

        def swap(self, state: FleetState) -> None:
            served.append(("swapped", state.revision))

    source: Any = Source()
    pool: Any = Pool()
    assert Follower(source, pool).refresh()
    assert served == [("begun", 1), ("swapped", 2), ("begun", 2)]
    assert took == [(1, False), (1, False), (2, True)]
