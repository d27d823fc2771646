"""Several workers on one port: each a process of its own, and one that looks after them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

__all__ = ["commands_of", "end_with_parent", "supervise"]

_LOG: Any = structlog.get_logger("assay.gateway")
_LOOK = 0.1
_FIRST_WAIT, _LONGEST_WAIT, _STEADY = 0.2, 10.0, 30.0


class _Worker:
    """One process, begun again where it ends, after ever longer waits while it ends soon."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._wait = _FIRST_WAIT
        self._again = 0.0
        self.begin()

    def begin(self) -> None:
        self.begun = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            self._command, stdout=subprocess.PIPE, text=True
        )

    def ready(self) -> bool:
        """Wait for the line that says it listens; False where it ended instead."""
        heard = self.process.stdout
        return heard is not None and bool(heard.readline())

    def look(self) -> None:
        """Begin it again where it ended and its wait is over."""
        now = time.monotonic()
        if self.process.poll() is None:
            return
        if not self._again:
            steady = now - self.begun > _STEADY
            self._wait = _FIRST_WAIT if steady else min(self._wait * 2, _LONGEST_WAIT)
            self._again = now + self._wait
            _LOG.error("a worker ended and begins again", code=self.process.returncode)
        elif now >= self._again:
            self._again = 0.0
            self.close()
            self.begin()

    def end(self) -> int:
        """Tell it to stop, wait until it has, and return its exit code."""
        self.process.terminate()
        code = self.process.wait()
        self.close()
        return code

    def close(self) -> None:
        """Close what it was heard through."""
        if self.process.stdout is not None:
            self.process.stdout.close()


def supervise(commands: Sequence[Sequence[str]], ready: Callable[[], None]) -> int:
    """Run one worker for each command until told to stop (SIGTERM, SIGINT); return an exit code.

    `ready` is called once all of them listen. Where one ends before that, so do the others, and its
    code is returned; later on a worker that ends is begun again.
    """
    stopped = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stopped.set())
    workers = [_Worker(command) for command in commands]
    try:
        for worker in workers:
            if not worker.ready():
                return worker.process.wait() or 1
        ready()
        while not stopped.wait(_LOOK):
            for worker in workers:
                worker.look()
    finally:
        codes = [worker.end() for worker in workers]
    return max(codes)


async def end_with_parent(until: asyncio.Event, parent: int) -> None:
    """Set the event when the process that looks after this one is gone."""
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    until.set()


def commands_of(
    arguments: Sequence[str], bound: socket.socket, count: int, folder: str
) -> list[list[str]]:
    """Return the command of each worker: the gateway's own, on one port, with a name."""
    port = str(bound.getsockname()[1])
    command = [sys.executable, "-m", "assay.gateway", *arguments]
    return [
        [*command, "--workers", "1", "--port", port, "--worker", str(n), "--counts", folder]
        for n in range(count)
    ]
