"""`assay up`: serve what is released."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

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
    control: Annotated[
        bool,
        typer.Option("--server/--no-server", help="Run the control plane meanwhile."),
    ] = True,
    server_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The control plane's port; the one after --port."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve, on one port.")] = 1,
    environment: Annotated[str, typer.Option(help="Whose releases to serve.")] = "production",
    tls_cert: Annotated[
        Path | None, typer.Option(help="A PEM certificate: the gateway serves HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its PEM key.")] = None,
    let_all_in: Annotated[
        bool, typer.Option("--open", help="Let anybody in, on any address, without keys.")
    ] = False,
    memory_mib: Annotated[
        float | None, typer.Option(help="What loaded models may take; no limit if not given.")
    ] = None,
    json: Json = False,
) -> None:
    """Serve the released version over HTTP (Open Inference Protocol) until stopped.

    The gateway is a process of its own: it follows later releases and roll-backs by itself, and
    needs nothing but the directory. Beside it runs the control plane (`assay server`), which brings
    releases on and is started again where it ends, and what was served is monitored as often as the
    charter says, and responded to unless `response.policy` is `static`. All of them are processes
    of their own, so that serving waits for nothing and goes on without them; what they say, and
    what goes wrong, is told on stderr.
    """
    from assay.cli.beside import ServerBeside
    from assay.workspace import Workspace

    workspace = Workspace(directory, environment=environment)
    workspace.serving_state()
    given = {
        "--environment": environment if environment != "production" else None,
        "--workers": workers if workers > 1 else None,
        "--tls-cert": tls_cert,
        "--tls-key": tls_key,
        "--memory-mib": memory_mib,
        "--open": let_all_in,
    }
    gateway = _gateway(directory, {"--host": host, "--port": port, **given})
    stopped = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        stopped.set()
        gateway.send_signal(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server = ServerBeside(directory, host, _after(port) if server_port is None else server_port)
    if control:
        server.start()
    if watch:
        every = workspace.charter.monitoring.every
        seconds = every.count * _SECONDS[every.unit]
        beside = threading.Thread(
            target=monitor_beside,
            args=(directory, seconds, stopped),
            kwargs={"respond": workspace.charter.response.policy != "static"},
        )
        beside.start()
    for line in gateway.stdout or ():
        print(_as_json(line, gateway.pid) if json else line.rstrip(), flush=True)
    code = gateway.wait()
    stopped.set()
    server.stop()
    raise typer.Exit(code)


def _gateway(directory: Path, given: Mapping[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "assay.gateway", str(directory), *_options(given)]
    return subprocess.Popen(  # noqa: S603 - our own program, no shell
        command, stdout=subprocess.PIPE, text=True
    )


def _options(given: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line; options that are None or False stay out.

    >>> _options({"--open": True, "--workers": 2, "--tls-key": None})
    ['--open', '--workers', '2']
    """
    named = {
        name: value for name, value in given.items() if value is not None and value is not False
    }
    words = [(name,) if value is True else (name, str(value)) for name, value in named.items()]
    return [word for pair in words for word in pair]


def _after(port: int) -> int:
    """Return the control plane's port: a free one where the gateway's is."""
    return port + 1 if 0 < port < 65535 else 0


def monitor_beside(
    directory: Path, seconds: float, stopped: threading.Event, *, respond: bool = False
) -> None:
    """Run `assay monitor` every so many seconds until stopped, and tell on stderr how it went.

    With `respond` `assay respond` follows: what the charter lets act alone is done, the rest is
    proposed, and cool-down and cap hold. A model is retrained to judge a retraining by only where
    monitoring had news. A run that is under way when serving stops is stopped as well: the next one
    mends what it left.
    """
    while not stopped.wait(seconds):
        found = _run_beside(["monitor", str(directory), "--json"], stopped)
        if found is None:
            return
        news = _told("monitored", "monitoring", found)
        if not respond or news is None:
            continue
        judge = [] if news else ["--no-shadow"]
        found = _run_beside(["respond", str(directory), "--json", *judge], stopped)
        if found is None:
            return
        _told("responded", "responding", found)


def _run_beside(
    command: list[str], stopped: threading.Event
) -> subprocess.CompletedProcess[str] | None:
    """Run a command of ours to its end; None where serving stopped before that."""
    run = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", "assay", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[tuple[str, str]] = []
    reading = threading.Thread(target=lambda: said.append(run.communicate()))
    reading.start()
    while reading.is_alive() and not stopped.is_set():
        reading.join(_LOOK)
    if reading.is_alive():
        run.terminate()
    reading.join()
    return (
        None if stopped.is_set() else subprocess.CompletedProcess(command, run.returncode, *said[0])
    )


def _told(done: str, doing: str, found: subprocess.CompletedProcess[str]) -> bool | None:
    """Tell on stderr how a run went; return whether it had news, None where it failed."""
    import json

    try:
        document = json.loads(found.stdout)
    except ValueError:
        lines = (found.stderr or found.stdout).strip().splitlines() or ["it said nothing"]
        document = {"error": lines[-1].strip()}
    if "error" in document:
        _say(f"{doing} ended with {found.returncode}: {document['error']}")
        return None
    if "response" in document:
        response = document["response"]
        _say(" ".join([f"{done}:", *([response["text"]] if response else []), *document["words"]]))
        return bool(response)
    raised, closed = document["raised"], document["closed"]
    live = sum(one["open"] for one in document["alerts"])
    _say(f"{done}: {live} alerts open ({raised} raised and {closed} closed just now).")
    return bool(raised or closed or document["posted"])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _as_json(line: str, pid: int) -> str:
    import json

    return json.dumps({"ready": line.strip(), "url": line.rsplit(maxsplit=1)[-1], "pid": pid})
