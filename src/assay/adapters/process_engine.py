"""Scoring by a model that runs in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.adapters.engine_wire import Ask, Load, Ready, Refused, Scores, receive, send
from assay.errors import DataError, ModelError, ServiceError
from assay.evidence.bundle import Input
from assay.evidence.uncompiled import described
from assay.ports.engine import Columns, Floats

__all__ = ["ProcessEngine"]

_LARGEST = float(np.finfo(np.float32).max)
_MOST_ROWS = 65_536
_STEADY = 60.0
"""Seconds after which a process that ends counts as one that ran well: the next starts at once."""
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ")
"""What the process sees of our environment: no key, no address, no password."""
_ONE_THREAD = dict.fromkeys(
    ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONDONTWRITEBYTECODE": "1"}


class ProcessEngine:
    """A model without a compiled form, in a child process with one thread and no network.

    The caller checks the digest of `model` first. Numbers go to it in single precision, as to a
    compiled model. Rows that come while it is busy wait for it in order. A process that ends
    is started again: at once, then after waits that double up to half a minute. Raises ModelError
    where the model cannot be loaded, or would run code that nobody could audit without the
    caller's leave (`code`).
    """

    def __init__(
        self,
        model: bytes,
        inputs: Sequence[Input],
        *,
        seconds: float = 60.0,
        code: bool = False,
    ) -> None:
        uncompiled = described(model)
        if uncompiled is None:
            raise ModelError("The model is no zip that says how it is to be run. Build it again.")
        uncompiled.require_leave(code=code)
        kinds = {column.name: column.kind for column in inputs}
        absent = [name for name in uncompiled.features if name not in kinds]
        if absent:
            raise ModelError(
                f"The model reads {', '.join(absent)}, and its signature has no such column. "
                "Package it anew."
            )
        self._numbers = [name for name in uncompiled.features if kinds[name] == "number"]
        self._texts = [name for name in uncompiled.features if kinds[name] == "category"]
        self._keeper = _Keeper(Load(model, tuple(inputs), code), seconds)
        self._keeper.start()
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="assay-engine")
        self._closed = weakref.finalize(self, _close, self._turns, self._keeper)

    def score(self, columns: Columns) -> Floats:
        """Return raw scores before calibration: (n,), or (n, K) for K > 2 outcomes.

        Raises DataError where the model cannot take a row or has no finite score for one,
        ServiceError where its process ended or does not answer.
        """
        return self.score_async(columns).result()

    def score_async(self, columns: Columns) -> Future[Floats]:
        """Return what `score` returns, to come; rows wait while the process is busy."""
        try:
            return self._turns.submit(self._score, columns)
        except RuntimeError as error:
            raise ServiceError("The model's process was stopped. Load the model again.") from error

    def close(self) -> None:
        """Stop the process; rows in flight fail with ServiceError."""
        self._closed()

    @property
    def pid(self) -> int | None:
        """The process that runs the model, where it runs."""
        return self._keeper.pid

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self._keeper.restarts

    @property
    def cut_off(self) -> bool:
        """Whether the system gave the process no network at all."""
        return self._keeper.cut_off

    @property
    def memory_bytes(self) -> int:
        """What the process takes of the machine's memory for itself; 0 where nobody can tell."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup")
        try:
            told = rollup.read_text("ascii")
        except OSError:
            return 0
        return sum(int(line.split()[1]) for line in told.splitlines() if line[:4] == "Pss:") << 10

    def _score(self, columns: Columns) -> Floats:
        rows = {len(columns[name]) for name in (*self._numbers, *self._texts)}
        if len(rows) > 1:
            raise DataError(f"The columns have {' and '.join(map(str, sorted(rows)))} rows.")
        n = rows.pop()
        found = [
            self._keeper.ask(self._asked(columns, start, min(start + _MOST_ROWS, n)))
            for start in range(0, max(n, 1), _MOST_ROWS)
        ]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _asked(self, columns: Columns, start: int, end: int) -> Ask:
        numbers = np.empty((len(self._numbers), end - start), dtype=np.float32)
        for place, name in enumerate(self._numbers):
            values = columns[name][start:end]
            with np.errstate(invalid="ignore"):
                beyond = np.flatnonzero(np.abs(values) > _LARGEST)
            if beyond.size:
                raise DataError(
                    f"Column {name}, row {start + beyond[0]}: {values[beyond[0]]:g} is beyond what "
                    f"the model takes (at most {_LARGEST:.3g} in size). Send a smaller number, or "
                    "none."
                )
            numbers[place] = values
        texts = tuple(columns[name][start:end].tolist() for name in self._texts)
        return Ask(end - start, numbers.tobytes(), texts)


def _close(turns: ThreadPoolExecutor, keeper: _Keeper) -> None:
    turns.shutdown(wait=False, cancel_futures=True)
    keeper.close()


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    channel: socket.socket
    folder: tempfile.TemporaryDirectory[str]
    cut_off: bool

    def stop(self) -> None:
        with suppress(OSError):  # the other side may have gone first
            self.channel.shutdown(socket.SHUT_RDWR)
        self.channel.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class _Keeper:
    """Keeps one child process running, and puts one question to it at a time."""

    def __init__(self, load: Load, seconds: float) -> None:
        self._load, self._seconds = load, seconds
        self._child: _Child | None = None
        self._closed = False
        self._wait, self._not_before = 0.0, 0.0
        self._started = 0.0
        self.restarts = 0
        self.cut_off = False

    @property
    def pid(self) -> int | None:
        child = self._child
        return None if child is None else child.process.pid

    def start(self) -> None:
        """Start the process and load the model in it."""
        ours, theirs = socket.socketpair()
        folder = tempfile.TemporaryDirectory(prefix="assay-engine-", ignore_cleanup_errors=True)
        given = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [
                    *(sys.executable, "-P", "-m", "assay.adapters.engine_process"),
                    str(theirs.fileno()),
                ],
                pass_fds=(theirs.fileno(),),
                cwd=folder.name,
                env={**given, **_ONE_THREAD, **_QUIET},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        ours.settimeout(max(self._seconds, 60.0))
        child = _Child(process, ours, folder, cut_off=False)
        try:
            send(ours, self._load)
            ready = receive(ours)
        except (EOFError, OSError) as error:
            child.stop()
            raise ServiceError(
                f"The model's process did not start: {error}. Look at the gateway's log for why."
            ) from error
        if not isinstance(ready, Ready):
            child.stop()
            raise ModelError(ready.why if isinstance(ready, Refused) else "The model is not ready.")
        ours.settimeout(self._seconds)
        self.cut_off, self._child, self._started = ready.cut_off, child, time.monotonic()

    def ask(self, asked: Ask) -> Floats:
        """Return scores; ServiceError where the process ended, or is waited for."""
        child = self._running()
        try:
            send(child.channel, asked)
            answer = receive(child.channel)
        except (EOFError, OSError) as error:
            raise self._ended(child, error) from error
        if isinstance(answer, Scores):
            return answer.array()
        raise DataError(answer.why if isinstance(answer, Refused) else "The model answered oddly.")

    def close(self) -> None:
        self._closed = True
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def _running(self) -> _Child:
        if self._closed:
            raise ServiceError("The model's process was stopped. Load the model again.")
        if self._child is None:
            left = self._not_before - time.monotonic()
            if left > 0:
                raise ServiceError(
                    "The model's process ended unexpectedly, and is started again in "
                    f"{left:.1f} s. Send the request again then."
                )
            self.restarts += 1
            self._wait = min(30.0, 2 * self._wait or 0.5)
            try:
                self.start()
            finally:
                self._not_before = time.monotonic() + self._wait
        assert self._child is not None  # noqa: S101 - `start` sets it or raises
        return self._child

    def _ended(self, child: _Child, error: Exception) -> ServiceError:
        """Clean up after a process that ended or hangs, and say when there will be another."""
        why = f"did not answer in {self._seconds:g} s" if isinstance(error, TimeoutError) else ""
        self._child = None
        child.stop()
        if time.monotonic() - self._started > _STEADY:
            self._wait = 0.0
        self._not_before = time.monotonic() + self._wait
        return ServiceError(
            f"The model's process {why or 'ended'} while it scored these rows (exit code "
            f"{child.process.returncode}); it is started again. Send the request again."
        )
