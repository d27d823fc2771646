"""`assay up`: serve what is released."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from assay.cli.output import Directory, Json

__all__ = ["monitor_beside", "up"]

_SECONDS = {"hour": 3600, "day": 86_400}
_LOOK = 0.5


def up(
    directory: Directory = Path(),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8080,
    watch: Annotated[
        bool,
        typer.Option("--monitor/--no-monitor", help="Monitor every `monitoring.every` meanwhile."),
    ] = True,
    json: Json = False,
) -> None:
    """Serve the released version over HTTP (Open Inference Protocol) until stopped.

    The gateway is a process of its own: it follows later releases and roll-backs by itself, and
    needs nothing but the directory. Beside it what it served is monitored as often as the charter
    says, in processes of their own too, so that serving waits for nothing; what they say, and
    what goes wrong with them, is told on stderr.
    """
    from assay.workspace import Workspace

    workspace = Workspace(directory)
    state = workspace.serving_state()
    command = [sys.executable, "-m", "assay.gateway", str(state)]
    gateway = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [*command, "--host", host, "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )

    def stop(number: int, _: FrameType | None) -> None:
        gateway.send_signal(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    stopped = threading.Event()
    if watch:
        every = workspace.charter.monitoring.every
        seconds = every.count * _SECONDS[every.unit]
        beside = threading.Thread(target=monitor_beside, args=(directory, seconds, stopped))
        beside.start()
    for line in gateway.stdout or ():
        print(_as_json(line, gateway.pid) if json else line.rstrip(), flush=True)
    code = gateway.wait()
    stopped.set()
    raise typer.Exit(code)


def monitor_beside(directory: Path, seconds: float, stopped: threading.Event) -> None:
    """Run `assay monitor` every so many seconds until stopped, and tell on stderr how it went.

    A run that is under way when serving stops is stopped as well: the next one mends what it left.
    """
    command = [sys.executable, "-m", "assay", "monitor", str(directory)]
    while not stopped.wait(seconds):
        run = subprocess.Popen(  # noqa: S603 - our own program, no shell
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        while run.poll() is None and not stopped.wait(_LOOK):
            pass
        if run.poll() is None:
            run.terminate()
        said = run.communicate()[0].strip().splitlines()
        if said and not stopped.is_set():
            word = "monitored" if run.returncode == 0 else f"monitoring ended with {run.returncode}"
            print(f"{word}: {said[-1].strip()}", file=sys.stderr, flush=True)


def _as_json(line: str, pid: int) -> str:
    import json

    return json.dumps({"ready": line.strip(), "url": line.rsplit(maxsplit=1)[-1], "pid": pid})
