"""Requests per second and CPU per request: our gateway beside a bare server and a plain app.

All four serve the same body of one row over HTTP/1.1, one process each: uvicorn with FastAPI and
a fixed answer; FastAPI with pydantic and ONNX Runtime, as one would write it, which records
nothing; and the gateway, recording each prediction behind the answer (async) or before it (sync).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import fsspec
from bench import http_load
from bench.served_model import MODEL, body_of_one_row, make_bundle
from bench.turns import compare, cpu_of_process, rounds, seconds

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.deploy.desired import Arm, Desired
from assay.evidence.bundle import Bundle

_PLAIN = "FastAPI + ONNX Runtime, no capture"
_CLIENTS = (1, 8, 64)


@dataclass(frozen=True)
class _Server:
    pid: int
    port: int


def run() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle = make_bundle()
        body = folder / "body.json"
        body.write_bytes(body_of_one_row())
        servers = {
            name: stack.enter_context(_running(command, folder / "log"))
            for name, command in _commands(folder, bundle).items()
        }
        for clients in _CLIENTS:
            _compare(servers, body, clients)


def _compare(servers: Mapping[str, _Server], body: Path, clients: int) -> None:
    print(f"  one row, {clients} connection{'s' if clients > 1 else ''}, load by {http_load.TOOL}")
    cpu: dict[str, list[float]] = {name: [] for name in servers}
    measures = {
        name: partial(_measure, server, body, clients, cpu[name])
        for name, server in servers.items()
    }
    compare(measures, rounds=rounds(3), unit="requests/s", against=_PLAIN)
    measured: dict[str, Callable[[], float]] = {
        name: iter(each).__next__ for name, each in cpu.items()
    }
    compare(measured, rounds=rounds(3), unit="CPU us each", against=_PLAIN)


def _measure(server: _Server, body: Path, clients: int, cpu: list[float]) -> float:
    before = cpu_of_process(server.pid)
    load = http_load.run(server.port, f"/v2/models/{MODEL}/infer", body, clients, seconds(2.0))
    cpu.append(1e6 * (cpu_of_process(server.pid) - before) / load.answers)
    return load.answers / load.seconds


def _commands(folder: Path, bundle: Bundle) -> dict[str, list[str]]:
    model = folder / "model.onnx"
    model.write_bytes(bundle.files["model.onnx"])
    peer = ["-m", "bench.gateway_peers"]
    return {
        "bare uvicorn + FastAPI": [*peer, "bare"],
        _PLAIN: [*peer, "plain", str(model)],
        **{
            f"assay gateway, {capture} capture": [
                *("-m", "assay.gateway", str(_workspace(folder, bundle, capture)), "--port", "0")
            ]
            for capture in ("async", "sync")
        },
    }


def _workspace(folder: Path, bundle: Bundle, capture: Literal["async", "sync"]) -> Path:
    """Return a directory that a gateway serves the bundle from."""
    here = folder / capture
    blobs = FsspecBlobs(fsspec.filesystem("file"), str(here / "blobs"))
    for content in bundle.files.values():
        blobs.put(content)
    arm = Arm("champion", 1, blobs.put(bundle.manifest()), 1.0)
    state = Desired(revision=1, model=MODEL, arms=(arm,), salt="bench", capture=capture)
    FileDesired(here / "desired.json").publish(state.encode(), 1)
    return here


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[_Server]:
    """Start a server that prints one line ending in its address; stop it in the end."""
    with (
        log.open("a") as errors,
        subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "http://127.0.0.1:" not in line:
                raise RuntimeError(f"{' '.join(command)} did not start: {log.read_text()}")
            yield _Server(process.pid, int(line.rsplit(":", maxsplit=1)[-1]))
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
