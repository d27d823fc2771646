"""A server as a process of its own, and a client that speaks to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Running", "running", "until"]


class Running:
    """One server process; `client` sends a token that opens everything."""

    def __init__(self, process: subprocess.Popen[str], url: str, secret: str) -> None:
        self.process = process
        self.url = url
        self.secret = secret
        self.client = self.opened_by(secret)

    def opened_by(self, secret: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"authorization": f"Bearer {secret}"},
            timeout=60,
        )

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(
    *directories: Path, secret: str = "", port: int = 0, options: tuple[str, ...] = ()
) -> Iterator[Running]:
    """Run a server until the end; it is stopped as a person would, unless it was killed."""
    command = [sys.executable, "-m", "assay", "server", *map(str, directories)]
    with subprocess.Popen(
        [*command, "--port", str(port), *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "ready on" in line, "the server did not start"
        server = Running(process, line.split()[-1], secret)
        try:
            yield server
        finally:
            server.client.close()
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=120) == 0


def until(found: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return answer
