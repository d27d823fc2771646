"""The control plane beside a gateway: a process that is started again where it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["ServerBeside"]

_SOON, _LATE = 0.5, 30.0
"""Seconds until it is started again: twice as many each time, from the one to the other."""

_GRACE = 15.0


class ServerBeside:
    """Runs `assay server` over a directory until stopped; what it says is told on stderr.

    It listens on the same port again after a restart, also where the system chose the first one.
    """

    def __init__(self, directory: Path, host: str, port: int) -> None:
        self._command = [sys.executable, "-m", "assay.server", str(directory)]
        self._host, self._port = host, port
        self._stopped = threading.Event()
        self._running: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._keep, name="server beside")

    def start(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it for good, and wait until it is gone; nothing where it was never started."""
        self._stopped.set()
        running = self._running
        if running is not None:
            running.terminate()
        if self._thread.ident is not None:
            self._thread.join(_GRACE)
        if running is not None and running.poll() is None:
            running.kill()
            running.wait()

    def _keep(self) -> None:
        wait = _SOON
        while not self._stopped.is_set():
            ready = self._run()
            if self._stopped.is_set():
                return
            wait = _SOON if ready else min(2 * wait, _LATE)
            _say(f"the server ended; it is started again in {wait:g} s, and serving goes on.")
            self._stopped.wait(wait)

    def _run(self) -> bool:
        """Run it to its end; whether it ever was ready."""
        ready = False
        with subprocess.Popen(  # noqa: S603 - our own program, no shell
            [*self._command, "--host", self._host, "--port", str(self._port)],
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            self._running = running
            if self._stopped.is_set():  # stopped while it started
                running.terminate()
            for line in running.stdout or ():
                ready = True
                self._port = int(line.rsplit(":", 1)[1])
                _say(line.rstrip())
        return ready


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
