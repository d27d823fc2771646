"""A gateway over a model without a compiled form: it imports nothing of it, and outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import httpx
import pytest
from bench.served_model import MODEL, body_v2, make_bundle

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.deploy.desired import Arm, Desired

PATH = f"/v2/models/{MODEL}/infer"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A gateway's process and address."""
    folder = tmp_path_factory.mktemp("gateway")
    blobs = FsspecBlobs(fsspec.filesystem("file"), str(folder / "blobs"))
    bundle = make_bundle(compiled=False)
    assert bundle.model_file == "model.skops"
    for content in bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", 1, blobs.put(bundle.manifest()), 1.0)
    state = Desired(revision=1, model=MODEL, arms=(arm,), salt="s", capture="async")
    FileDesired(folder / "desired.json").publish(state.encode(), 1)
    command = [sys.executable, "-m", "assay.gateway", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield process.pid, line.rsplit(" ", maxsplit=1)[-1].strip()
        finally:
            process.terminate()
    assert not Path(f"/proc/{process.pid}").exists()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _until_ready(client: httpx.Client) -> None:
    for _ in range(1200):
        if client.get(f"/v2/models/{MODEL}/ready").status_code == 200:
            return
        time.sleep(0.1)
    raise AssertionError("the model does not become ready")


def test_many_requests_at_once_are_answered_together(gateway: tuple[int, str]) -> None:
    pid, address = gateway
    with httpx.Client(base_url=address, timeout=60) as client, ThreadPoolExecutor(16) as pool:
        _until_ready(client)
        sizes = [1, 2, 5] * 20
        answers = list(pool.map(lambda n: client.post(PATH, content=body_v2(n)), sizes))
    assert {answer.status_code for answer in answers} == {200}
    shapes = [answer.json()["outputs"][0]["shape"] for answer in answers]
    assert shapes == [[n] for n in sizes]
    loaded = Path(f"/proc/{pid}/maps").read_text()
    for library in ("sklearn", "scipy", "pandas", "polars"):
        assert f"/{library}/" not in loaded


def test_a_model_s_process_that_ends_is_replaced(gateway: tuple[int, str]) -> None:
    pid, address = gateway
    with httpx.Client(base_url=address, timeout=60) as client:
        _until_ready(client)
        (child,) = _children(pid)
        os.kill(child, signal.SIGKILL)
        first = client.post(PATH, content=body_v2(1))
        assert first.status_code == 503
        assert "is started again" in first.json()["error"]
        assert client.get("/v2/health/live").status_code == 200
        assert client.post(PATH, content=body_v2(1)).status_code == 200
        assert _children(pid) != [child]
