"""`assay up`: serve what is released."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from assay.cli.output import Directory, Json

__all__ = ["up"]


def up(
    directory: Directory = Path(),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8080,
    json: Json = False,
) -> None:
    """Serve the released version over HTTP (Open Inference Protocol) until stopped.

    The gateway is a process of its own: it follows later releases and roll-backs by itself, and
    needs nothing but the directory.
    """
    from assay.workspace import Workspace

    state = Workspace(directory).serving_state()
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
    for line in gateway.stdout or ():
        print(_as_json(line, gateway.pid) if json else line.rstrip(), flush=True)
    raise typer.Exit(gateway.wait())


def _as_json(line: str, pid: int) -> str:
    import json

    return json.dumps({"ready": line.strip(), "url": line.rsplit(maxsplit=1)[-1], "pid": pid})
