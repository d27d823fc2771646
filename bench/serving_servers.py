"""What the serving bench measures: each server, how it is started, and what it takes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import fsspec
from bench.served_model import MODEL, by_hand, make_bundle
from bench.turns import cpu_of_process

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.deploy.desired import Arm, Desired
from assay.evidence.bundle import Bundle

UVICORN = "bare uvicorn"
GRANIAN = "bare granian"
PLAIN = "FastAPI + ONNX"
MLFLOW = "mlflow models serve"
ASYNC = "assay, async"
SYNC = "assay, sync"
UNRECORDED = "assay, no capture"
AS_IT_IS = "assay, not compiled"
TWO = "assay, two workers"

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_CHALLENGERS = 0.1


@dataclass(frozen=True)
class Served:
    """A server that runs: its processes, where it answers, how long its start took in s."""

    processes: tuple[subprocess.Popen[str], ...]
    port: int
    path: str
    started: float

    def tree(self) -> list[int]:
        """All processes of the server, children and their children included."""
        found = [process.pid for process in self.processes]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def cpu(self) -> float:
        return sum(cpu_of_process(pid) for pid in self.tree())

    def memory_mib(self) -> float:
        """Proportional set size of the server's processes; 0 where the system tells none."""
        return sum(map(_pss, self.tree())) / 1024


def _pss(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    try:
        lines = rollup.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@dataclass
class Yard:
    """A folder for the servers, the core that they run on, and the Python that has MLflow."""

    folder: Path
    core: int | None
    mlflow_python: str = sys.executable
    _bundles: dict[tuple[int, bool], Bundle] = field(default_factory=dict)

    def there(self) -> dict[str, Callable[[ExitStack], Served]]:
        """Return what can be measured here, by name: each starts its server."""
        peers = ("-m", "bench.gateway_peers")
        all_of_them: dict[str, Callable[[ExitStack], Served] | None] = {
            UVICORN: lambda stack: self._line(stack, (*peers, "hello")),
            GRANIAN: self._granian if find_spec("granian") else None,
            PLAIN: lambda stack: self._line(stack, (*peers, "plain", str(self._onnx()))),
            MLFLOW: self._mlflow if self._has_mlflow() else None,
            ASYNC: lambda stack: self._gateway(stack, "async"),
            SYNC: lambda stack: self._gateway(stack, "sync"),
            UNRECORDED: lambda stack: self._gateway(stack, "async", "--no-capture"),
            AS_IT_IS: lambda stack: self._gateway(stack, "async", compiled=False),
            TWO: self._two_workers,
        }
        return {name: start for name, start in all_of_them.items() if start is not None}

    def _gateway(
        self,
        stack: ExitStack,
        capture: Literal["async", "sync"],
        *more: str,
        compiled: bool = True,
    ) -> Served:
        name = f"{capture}{'' if compiled else '-as-it-is'}{''.join(more)}-{time.monotonic_ns()}"
        here = self._workspace(self.folder / name, capture, compiled=compiled)
        module = "bench.serving_gateway" if "--no-capture" in more else "assay.gateway"
        return self._line(stack, ("-m", module, str(here), "--port", "0", *more))

    def _two_workers(self, stack: ExitStack) -> Served:
        """Two workers of one port, on any core."""
        alone, self.core = self.core, None
        try:
            return self._gateway(stack, "async", "--workers", "2")
        finally:
            self.core = alone

    def _workspace(self, here: Path, capture: Literal["async", "sync"], *, compiled: bool) -> Path:
        """Return a folder that a gateway serves a champion and a challenger from."""
        blobs = FsspecBlobs(fsspec.filesystem("file"), str(here / "blobs"))
        arms = []
        for seed, name in enumerate(("champion", "challenger")):
            bundle = self._bundle(seed, compiled=compiled)
            for content in bundle.files.values():
                blobs.put(content)
            share = (1 - _CHALLENGERS, _CHALLENGERS)[seed]
            arms.append(Arm(name, seed + 1, blobs.put(bundle.manifest()), share))  # type: ignore[arg-type]
        state = Desired(revision=1, model=MODEL, arms=tuple(arms), salt="bench", capture=capture)
        FileDesired(here / "desired.json").publish(state.encode(), 1)
        return here

    def _bundle(self, seed: int, *, compiled: bool) -> Bundle:
        key = (seed, compiled)
        if key not in self._bundles:
            self._bundles[key] = make_bundle(seed, compiled=compiled)
        return self._bundles[key]

    def _onnx(self) -> Path:
        model = self.folder / "model.onnx"
        if not model.exists():
            model.write_bytes(by_hand())
        return model

    def _granian(self, stack: ExitStack) -> Served:
        port = _free_port()
        command = ("-m", "granian", "--interface", "asgi", "--port", str(port), "--no-ws")
        return self._until_answering(stack, (*command, "bench.gateway_peers:hello"), port, None)

    def _has_mlflow(self) -> bool:
        wanted = "import mlflow.pyfunc.scoring_server, uvicorn, fastapi, pandas, sklearn"
        ended = subprocess.run(
            [self.mlflow_python, "-W", "ignore", "-c", wanted], capture_output=True, check=False
        )
        return ended.returncode == 0

    def _mlflow(self, stack: ExitStack) -> Served:
        """`mlflow models serve` finds uvicorn on the path, where its Python lies."""
        model = self.folder / "mlflow"
        if not model.exists():
            saving = [sys.executable, "-m", "bench.served_model", str(model)]
            subprocess.run(saving, check=True, capture_output=True)
        port = _free_port()
        command = ("-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local")
        listening = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
        return self._until_answering(stack, (*command, *listening), port, self.mlflow_python)

    def _line(self, stack: ExitStack, command: tuple[str, ...]) -> Served:
        """Start a server that prints a line ending in its address when it is ready."""
        begun = time.perf_counter()
        process = stack.enter_context(self._running([sys.executable, *command], told=True))
        assert process.stdout is not None
        line = process.stdout.readline()
        if "http://127.0.0.1:" not in line:
            raise RuntimeError(f"{' '.join(command)} did not start: {self._log().read_text()}")
        taken = time.perf_counter() - begun
        port = int(line.rsplit(":", maxsplit=1)[-1])
        return Served((process,), port, f"/v2/models/{MODEL}/infer", taken)

    def _until_answering(
        self, stack: ExitStack, command: tuple[str, ...], port: int, python: str | None
    ) -> Served:
        """Start a server that says nothing, and wait until it takes connections."""
        begun = time.perf_counter()
        process = stack.enter_context(
            self._running([python or sys.executable, *command], told=False)
        )
        while time.perf_counter() - begun < 180 and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
                continue
            path = f"/v2/models/{MODEL}/infer" if python is None else "/invocations"
            return Served((process,), port, path, time.perf_counter() - begun)
        raise RuntimeError(f"{' '.join(command)} did not start: {self._log().read_text()}")

    def _log(self) -> Path:
        return self.folder / "servers.log"

    @contextmanager
    def _running(self, command: list[str], *, told: bool) -> Iterator[subprocess.Popen[str]]:
        """Run a server on the core that servers have; stop it and its children in the end."""
        pinned = ["taskset", "-c", str(self.core)] if self.core is not None else []
        beside = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": beside}
        with self._log().open("a") as errors:
            process = subprocess.Popen(
                [*pinned, *command],
                stdout=subprocess.PIPE if told else subprocess.DEVNULL,
                stderr=errors,
                text=True,
                env={**os.environ, **_ONE_THREAD, **quiet},
                start_new_session=True,
            )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)  # what it left behind, in its own session
    if process.stdout is not None:
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def cores() -> tuple[int | None, int | None]:
    """Return the core of the servers and that of the load, where there are two to be had."""
    if not hasattr(os, "sched_getaffinity") or shutil.which("taskset") is None:
        return None, None
    there = sorted(os.sched_getaffinity(0))
    return (there[0], there[1]) if len(there) > 1 else (None, None)
