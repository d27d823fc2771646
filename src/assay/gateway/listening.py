"""One process that listens: sockets, TLS, its event loop, and a graceful end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from assay.errors import InputError, ServiceError
from assay.gateway.http_message import Handler
from assay.gateway.http_protocol import HttpProtocol, Limits, Shared

__all__ = ["Tls", "bind", "listen", "run"]

_BACKLOG = 2048
_DRAIN_SECONDS = 30.0
_YOUNG = 50_000


@dataclass(frozen=True)
class Tls:
    """The certificate (chain) and key, PEM, that a gateway shows."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Return them loaded, for TLS 1.2 and later; InputError where they do not load."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"The certificate {self.certificate} and the key {self.key} do not load: {error}. "
                "Give a PEM certificate and its unencrypted PEM key."
            ) from error
        return context


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a bound socket; port 0 takes a free one, `shared` lets other processes bind it too.

    Raises ServiceError where the address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol named, asyncio does not switch Nagle's algorithm off on the connections,
    # and each answer waits 40 ms for the client's delayed acknowledgement of its headers.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ServiceError(
            f"The gateway cannot listen on {host}:{port}: {error}. Give another --port."
        ) from error
    return bound


async def listen(
    handler: Handler,
    bound: socket.socket,
    until: asyncio.Event,
    ready: Callable[[], None],
    *,
    tls: Tls | None = None,
    limits: Limits | None = None,
) -> None:
    """Serve until an event is set, then answer what was begun, for half a minute at most.

    `ready` is called once connections are taken.
    """
    shared = Shared(handler, limits or Limits())
    shared.tick()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpProtocol(shared),
        sock=bound,
        backlog=_BACKLOG,
        ssl=None if tls is None else tls.context(),
    )
    ready()
    while not until.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), 1.0)
        shared.tick()
    server.close()
    shared.drain()
    for _ in range(int(_DRAIN_SECONDS / 0.02)):
        if not shared.connections:
            break
        await asyncio.sleep(0.02)


def run(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run on uvloop; the event is set when the process is told to stop (SIGTERM, SIGINT)."""

    async def main() -> None:
        # Requests make many small lists that live for one tick. Looking for cycles among them each
        # 700 objects took a third of the time; what the start left behind is never looked at again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, 20, 20)
        until, loop = asyncio.Event(), asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, until.set)
        await serve(until)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
