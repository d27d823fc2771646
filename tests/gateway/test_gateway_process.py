"""The gateway as a process of its own: started, killed, stopped."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.adapters.log_captures import LogCaptures
from assay.deploy.desired import Arm, Desired
from assay.evidence.bundle import Bundle
from assay.gateway.listening import bind

Body = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path, classifiers: tuple[Bundle, Bundle]) -> Path:
    """A workspace's folder whose desired state serves a first version."""
    blobs = FsspecBlobs(fsspec.filesystem("file"), str(tmp_path / "blobs"))
    for bundle in classifiers:
        for content in bundle.files.values():
            blobs.put(content)
        blobs.put(bundle.manifest())
    _publish(tmp_path, classifiers[0], 1)
    return tmp_path


def _publish(folder: Path, bundle: Bundle, version: int) -> None:
    arm = Arm("champion", version, bundle.digest, 1.0)
    state = Desired(revision=version, model="bank", arms=(arm,), salt="s")
    FileDesired(folder / "desired.json").publish(state.encode(), version)


@contextmanager
def _gateway(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "assay.gateway", str(folder), "--port", "0", "--poll", "0.02"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Assay gateway ready on http://127.0.0.1:"), line
            yield process, line.split()[-1]
        finally:
            process.kill()


class _Load:
    """Clients that ask until the gateway is gone, and keep what it acknowledged."""

    def __init__(self, url: str, body: dict[str, Any], clients: int = 4) -> None:
        self.acknowledged: list[str] = []
        self.versions: list[str] = []
        self.failed: list[str] = []
        self.stopped = threading.Event()
        self._url, self._body = f"{url}/v2/models/bank/infer", body
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self.stopped.is_set():
                try:
                    answer = client.post(self._url, json=self._body)
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    return
                if answer.status_code != 200:
                    self.failed.append(answer.text)
                    continue
                parameters = answer.json()["parameters"]
                self.acknowledged += parameters["prediction_ids"]
                self.versions += parameters["versions"]

    def wait_for(self, enough: Callable[[], bool]) -> None:
        """Wait until enough has been answered, or nobody asks any more."""
        while not enough() and any(thread.is_alive() for thread in self._threads):
            self.stopped.wait(0.005)

    def join(self) -> None:
        """Wait for the clients to end."""
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("answers", [40, 150])
def test_kill_9_under_load_loses_no_acknowledged_prediction(
    folder: Path, body: Body, answers: int
) -> None:
    with _gateway(folder) as (process, url):
        load = _Load(url, body(2))
        load.wait_for(lambda: len(load.acknowledged) >= answers)
        process.send_signal(signal.SIGKILL)
        process.wait()
        load.join()
    captured = [record["id"] for record in LogCaptures(folder / "captures").read()]
    assert len(load.acknowledged) >= answers
    assert set(load.acknowledged) <= set(captured)
    assert len(set(captured)) == len(captured)


def test_a_version_change_and_a_stop_drop_no_request(
    folder: Path, body: Body, classifiers: tuple[Bundle, Bundle]
) -> None:
    with _gateway(folder) as (process, url):
        load = _Load(url, body(2))
        load.wait_for(lambda: len(load.versions) >= 20)
        _publish(folder, classifiers[1], 2)
        load.wait_for(lambda: load.versions.count("2") >= 20)
        load.stopped.set()
        load.join()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert load.failed == []
    assert set(load.versions) == {"1", "2"}
    captured = [record["id"] for record in LogCaptures(folder / "captures").read()]
    assert sorted(captured) == sorted(load.acknowledged)


def test_many_swaps_and_ways_back_under_load_drop_no_request_and_lose_no_capture(
    folder: Path, body: Body, classifiers: tuple[Bundle, Bundle]
) -> None:
    with _gateway(folder) as (process, url):
        load = _Load(url, body(2), clients=12)
        for revision in range(2, 22):
            version = 1 + revision % 2
            before = load.versions.count(str(version))
            arm = Arm("champion", version, classifiers[version - 1].digest, 1.0)
            state = Desired(revision=revision, model="bank", arms=(arm,), salt="s")
            FileDesired(folder / "desired.json").publish(state.encode(), revision)
            load.wait_for(lambda: load.versions.count(str(version)) >= before + 10)  # noqa: B023
        load.stopped.set()
        load.join()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert load.failed == []
    captured = [record["id"] for record in LogCaptures(folder / "captures").read()]
    assert sorted(captured) == sorted(load.acknowledged)


def test_a_port_that_is_taken_is_said_in_one_paragraph(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "assay.gateway", str(folder), "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 3
    assert "Give another --port" in ended.stderr
    assert ended.stdout == ""


def test_connections_do_not_wait_for_the_clients_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY only where the listening socket names its protocol."""
    with bind("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
