"""The server's composition root: directories and a database make a control plane."""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
import uvloop

from assay.adapters.file_election import FileElection
from assay.adapters.ledger_address import address_of
from assay.adapters.ledger_place import move_ledger
from assay.adapters.postgres_election import PostgresElection
from assay.adapters.postgres_ledger import open_postgres_ledger
from assay.adapters.sql_server_store import SqlServerStore, server_store_of
from assay.errors import AssayError, ServiceError
from assay.ports.election import Election
from assay.ports.server_store import Table
from assay.server.acknowledging import Acknowledging
from assay.server.app import create_app
from assay.server.control import Control
from assay.server.estate import Estate
from assay.server.fleet import Fleet
from assay.server.following import Following
from assay.server.reconciling import Reconciling
from assay.server.tokens import Tokens
from assay.server.watch import Watch
from assay.workspace.root import STATE

__all__ = ["main"]

_BACKLOG = 4096


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; prints one line when ready. Returns the exit code.

    With a database, ledgers that are still files are moved into it first.
    """
    given = _parser().parse_args(argv)
    _log_to_stderr()
    _many_files()
    signal.signal(signal.SIGTERM, _stop)
    try:
        with _listen(given.host, given.port) as listening:
            uvloop.run(_serve(given.directories, given.database, listening))
    except AssayError as error:
        sys.stderr.write(f"assay: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m assay.server", description="The control plane over workspaces."
    )
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--database", help="keep ledgers and tables in this PostgreSQL")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free port")
    return parser


def _parts(
    directories: Sequence[Path], database: str | None
) -> tuple[Control, Following, SqlServerStore]:
    estate = Estate(directories)  # a charter with faults is told before anything is moved
    database = _moved(directories, database)
    if database is not None:
        seen = directories[0] / STATE / "ledger.seen"
        estate.share(open_postgres_ledger(database, seen))
    store = server_store_of(directories[0] / STATE, database)
    state = directories[0] / STATE
    election: Election = (
        PostgresElection(database) if database else FileElection(state / "server.lock")
    )
    tokens, fleet, acknowledging = Tokens(store), Fleet(estate.variant), Acknowledging(store)
    control = Control(
        estate=estate,
        store=store,
        tokens=tokens,
        fleet=fleet,
        acknowledging=acknowledging,
        watch=Watch(fleet, acknowledging, tokens),
        reconciling=Reconciling(estate, store, election),
    )
    return control, Following(estate.states(), store), store


def _moved(directories: Sequence[Path], database: str | None) -> str | None:
    """Return the database that all ledgers are in, after moving those that are not."""
    held = {address_of(one / STATE) for one in directories}
    database = database or next((one for one in held if one is not None), None)
    if database is None:
        return None
    for one in directories:
        (one / STATE).mkdir(exist_ok=True)
        move_ledger(one / STATE, database)
    return database


@asynccontextmanager
async def _living(control: Control, following: Following) -> AsyncIterator[None]:
    """Follow desired states and bring releases on, in threads of their own, until stopped."""
    loop, stopped, moved = asyncio.get_running_loop(), threading.Event(), threading.Event()

    def tick() -> None:
        # On the loop: a thread that woke as often would cost more than the look itself.
        if following.moved():
            moved.set()
        ticking[0] = loop.call_later(following.every, tick)

    def told(table: Table) -> None:
        names = {
            (row.environment, row.model): control.estate.label_names(row.environment, row.model)
            for row in table.rows
            if row.document is not None
        }
        loop.call_soon_threadsafe(control.fleet.take, table, names)
        control.reconciling.news(table)

    await control.acknowledging.start()
    await asyncio.to_thread(control.tokens.read)
    # Before the first agent asks: one that has a state must not hear that there is none.
    first = await asyncio.to_thread(following.look)
    if first is not None:
        told(first)
    threads = [
        threading.Thread(target=following.follow, args=(told, stopped, moved), name="following"),
        threading.Thread(target=control.reconciling.run, args=(stopped,), name="reconciling"),
    ]
    for thread in threads:
        thread.start()
    ticking = [loop.call_later(following.every, tick)]
    try:
        yield
    finally:
        ticking[0].cancel()
        stopped.set()
        moved.set()
        await control.acknowledging.close()
        for thread in threads:
            await asyncio.to_thread(thread.join)


async def _serve(
    directories: Sequence[Path], database: str | None, listening: socket.socket
) -> None:
    control, following, store = await asyncio.to_thread(_parts, directories, database)
    app = create_app(control, lambda one: _living(one, following))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, control)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        gc.collect()
        gc.freeze()  # what was imported stays: it is not looked through again at each collection
        host, port = listening.getsockname()[:2]
        sys.stdout.write(f"Assay server ready on http://{host}:{port}\n")
        sys.stdout.flush()
    try:
        await serving
    finally:
        store.close()


class _Server(uvicorn.Server):
    """Sends those home who wait, before it waits for them to go."""

    def __init__(self, config: uvicorn.Config, control: Control) -> None:
        super().__init__(config)
        self._control = control

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._control.watch.closing = True
        self._control.fleet.wake()
        await super().shutdown(sockets)


def _stop(_: int, __: FrameType | None) -> None:
    """Make being told to stop an ordinary end; the server raises the signal anew when done."""
    raise KeyboardInterrupt


def _many_files() -> None:
    """Let as many agents wait as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ServiceError(
            f"The server cannot listen on {host}:{port}: {error}. Give another --port."
        ) from error
    return listening


def _log_to_stderr() -> None:
    """Leave standard output to the one line that says where the server listens."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
