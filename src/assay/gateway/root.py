"""The gateway's composition root: folders of workspaces and a port make a server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from assay.adapters.file_counts import FileCounts
from assay.adapters.model_engine import load_model
from assay.adapters.proc_memory import resident_bytes
from assay.adapters.system_clock import SystemClock
from assay.charter.environments import PRODUCTION
from assay.deploy.desired_source import DesiredSource
from assay.errors import AssayError, InputError
from assay.gateway.access import Access, demand_keys
from assay.gateway.app import Beside, Gateway
from assay.gateway.elsewhere import elsewhere, token_from
from assay.gateway.listening import Tls, bind, listen, run
from assay.gateway.places import places_at
from assay.gateway.quiet_log import Quieted
from assay.gateway.sending import Sending
from assay.gateway.server_source import Follows
from assay.gateway.tracing import tracing_from
from assay.gateway.workers import commands_of, end_with_parent, supervise
from assay.gateway.workspaces import Place, WorkspacesSource

__all__ = ["build_gateway", "log_to_stderr", "main"]

_POLL = 0.05


def build_gateway(
    folders: Sequence[Path],
    *,
    environment: str = PRODUCTION,
    poll: float = _POLL,
    beside: Beside | None = None,
    trust: Path | None = None,
) -> Gateway:
    """Return a gateway over workspaces, or their `.assay` folders, in one environment.

    `trust` is a file of public keys of which one has to have signed what is served, in place of
    the key that lies in each workspace.
    """
    places = places_at(folders, environment, trust)
    source = WorkspacesSource(places, poll)
    return _gateway(source, source.place_of, places, beside)


def _gateway(
    source: DesiredSource,
    place_of: Callable[[str], Place],
    places: Sequence[Place],
    beside: Beside | None,
) -> Gateway:
    return Gateway(
        source,
        place_of,
        places,
        lambda model, signature, code: load_model(model, signature.inputs, code=code),
        SystemClock(),
        beside,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; prints one line when ready. Returns the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    given = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        if (given.tls_cert is None) != (given.tls_key is None):
            raise InputError("Give both --tls-cert and --tls-key, or neither.")
        access = Access({place.name: place.keys for place in places_at(given.folders)})
        _demand_one_folder(given)
        demand_keys(given.host, access, opened=given.open)
        if given.workers > 1:
            return _serve_by_workers(given, arguments)
        _serve(given)
    except AssayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _serve(given: argparse.Namespace) -> None:
    """Serve in this process, which may be one worker of several."""
    one_of_several = given.worker is not None
    beside = Beside(
        given.memory_mib,
        resident_bytes,
        FileCounts(given.counts, given.worker) if one_of_several else None,
        tracing_from(os.environ),
    )
    gateway, sending = _built(given, beside)
    tls = None if given.tls_cert is None else Tls(given.tls_cert, given.tls_key)
    bound = bind(given.host, given.port, shared=one_of_several)
    parent = os.getppid()

    async def serve(until: asyncio.Event) -> None:
        await gateway.start()
        if sending is not None:
            sending.start()
        watching = asyncio.ensure_future(end_with_parent(until, parent)) if one_of_several else None
        await listen(gateway, bound, until, lambda: _say(_ready(given, bound)), tls=tls)
        if watching is not None:
            watching.cancel()
        await gateway.stop()
        if sending is not None:
            await asyncio.to_thread(sending.stop)

    run(serve)


def _built(given: argparse.Namespace, beside: Beside) -> tuple[Gateway, Sending | None]:
    """Return the gateway, and what sends home where it follows a server."""
    if given.server is None:
        gateway = build_gateway(
            given.folders,
            environment=given.environment,
            poll=given.poll,
            beside=beside,
            trust=given.trust,
        )
        return gateway, None
    worker = "" if given.worker is None else f"/{given.worker}"
    agent = (given.agent or socket.gethostname()) + worker
    follows = Follows(agent, given.environment, given.labels)
    token = token_from(os.environ, given.token_from)
    found = elsewhere(
        given.server,
        token,
        given.folders[0],
        given.trust,
        follows,
        cache_mib=given.cache_mib,
        spread=given.spread,
    )
    source = found.source
    return _gateway(source, source.place_of, source.places, beside), found.sending


def _demand_one_folder(given: argparse.Namespace) -> None:
    if given.server is not None and len(given.folders) != 1:
        raise InputError("A gateway that follows a server has one folder of its own: give one DIR.")


def _serve_by_workers(given: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Look after workers that share a port, until told to stop."""
    # Bound and not listening: it holds the port for the workers, and no connection comes to it.
    with (
        bind(given.host, given.port, shared=True) as bound,
        tempfile.TemporaryDirectory(prefix="assay-gateway-") as folder,
    ):
        commands = commands_of(arguments, bound, given.workers, folder)
        return supervise(commands, lambda: _say(_ready(given, bound)))


def _ready(given: argparse.Namespace, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    scheme = "http" if given.tls_cert is None else "https"
    return f"Assay gateway ready on {scheme}://{host}:{port}\n"


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def log_to_stderr() -> None:
    """Leave standard output to the one line that says that all is ready."""
    structlog.configure(
        processors=[
            Quieted(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m assay.gateway",
        description="Serve the released models of workspaces over HTTP.",
    )
    add = parser.add_argument
    add("folders", type=Path, nargs="+", metavar="DIR", help="a workspace, or its .assay folder")
    add("--host", default="127.0.0.1", help="without keys, only this machine's own addresses")
    add("--port", type=int, default=8080, help="0 takes a free port")
    add("--environment", default=PRODUCTION, help="whose releases to serve")
    add("--poll", type=float, default=_POLL, help="seconds between looks at the desired state")
    add("--memory-mib", type=float, help="what loaded models may take; no limit where not given")
    add("--trust", type=Path, help="public keys that sign desired states, not the folder's own")
    add("--open", action="store_true", help="let anybody in, on any address, without keys")
    add("--tls-cert", type=Path, help="a PEM certificate: serve HTTPS")
    add("--tls-key", type=Path, help="its PEM key")
    add("--server", metavar="URL", help="follow this server; DIR is then a folder of its own")
    add("--token-from", default="ASSAY_TOKEN", metavar="VAR", help="the variable with its token")
    add("--agent", help="what the server calls this gateway; the machine's name where not given")
    add("--labels", default="", help="region=north,tier=edge: which stages reach it")
    add("--cache-mib", type=float, default=4096.0, help="room for bundles of a server")
    add("--spread", type=float, default=0.5, help="seconds over which downloads are spread")
    add("--workers", type=int, default=1, help="processes that share the port")
    add("--worker", help=argparse.SUPPRESS)
    add("--counts", type=Path, help=argparse.SUPPRESS)
    return parser
