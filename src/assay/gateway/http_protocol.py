"""HTTP/1.1 on one connection: requests read whole, answers written in the order of the requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from time import perf_counter
from typing import Any, cast

import httptools
import msgspec
import structlog

from assay.gateway.http_message import Handler, Request, Response

__all__ = ["HttpProtocol", "Limits", "Shared"]

_LOG: Any = structlog.get_logger("assay.gateway")
_STATUS = {status: f"{status.value} {status.phrase}".encode() for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_READ = 2**18
"""Bytes that one read brings at most."""
_NO_UPGRADE = (
    "Nothing is upgraded to here, and a request with a body may not ask for it: send it without "
    "the header Upgrade, over HTTP/1.1 (in Java: HttpClient.Version.HTTP_1_1)."
)
_MOST_WAITING = 64
"""Requests of one connection that may wait for their answers; then it is not read any further."""


@dataclass
class Limits:
    """What one connection may ask of the gateway; sizes in bytes, times in seconds."""

    body: int = 32 * 2**20
    head: int = 64 * 2**10
    idle: float = 75.0
    message: float = 30.0
    """From a request's first byte to its last."""
    linger: float = 2.0
    """How long what a refused client still sends is read and thrown away: a connection closed on
    unread bytes is reset, and the answer may be lost with it."""


@dataclass(eq=False)
class Shared:
    """What all connections of a server have alike; `date` is renewed each second."""

    handler: Handler
    limits: Limits = field(default_factory=Limits)
    connections: set[HttpProtocol] = field(default_factory=set)
    draining: bool = False
    date: bytes = b""

    def tick(self) -> None:
        """Renew the date, and close the connections that have taken too long."""
        self.date = b"\r\ndate: " + formatdate(usegmt=True).encode() + b"\r\ncontent-length: "
        now = perf_counter()
        for connection in tuple(self.connections):
            connection.close_if_late(now)

    def drain(self) -> None:
        """Close each connection as soon as it owes nothing."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.close_if_owing_nothing()


class _Slot:
    """The place of one answer among those of its connection."""

    __slots__ = ("head_only", "keeps", "old", "written")

    def __init__(self, *, head_only: bool, keeps: bool, old: bool) -> None:
        self.head_only = head_only
        self.keeps = keeps
        self.old = old
        self.written: bytes | None = None


class HttpProtocol(asyncio.Protocol):
    """One connection: keep-alive, pipelining, chunked bodies, `Expect: 100-continue`, HEAD.

    A request goes to the handler once its body is whole; its answer may come at any later time. No
    task is made and no future awaited on the way. What is no HTTP gets 400 and the connection is
    closed; so do a body or head beyond the limits (413, 431) and a request that does not come to
    its end in time (408).
    """

    __slots__ = (
        *("_body", "_chunk_at", "_closing", "_head_size", "_headers", "_in_headers", "_in_message"),
        *("_lingers", "_parser"),
        *("_paused", "_peer", "_shared", "_since", "_size", "_slots", "_transport", "_url"),
    )

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._slots: deque[_Slot] = deque()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._closing = self._paused = self._lingers = False
        self._in_headers = self._in_message = False
        self._since = perf_counter()
        self._head_size = 0
        self._chunk_at = -1
        self._peer = ""
        self._fresh()

    def _fresh(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0

    # --- the transport's side -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self._shared.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; answers that are still to come go nowhere."""
        del exc
        self._closing = True
        self._slots.clear()
        self._shared.connections.discard(self)

    def eof_received(self) -> bool:
        """Send what is owed to a client that has nothing more to say, then close."""
        self._closing, self._lingers = True, False
        return bool(self._slots)

    def data_received(self, data: bytes) -> None:
        """Read on; whole requests go to the handler."""
        rest: bytes | memoryview = data
        while rest and not self._closing:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                # Nothing is upgraded to: the request was answered as it is, the rest is read anew.
                self._parser = httptools.HttpRequestParser(self)
                rest = memoryview(rest)[upgrade.args[0] :]
                continue
            except httptools.HttpParserError as error:
                if not self._closing:
                    self._refuse(400, f"This is no HTTP request: {error}.")
            break
        if self._in_headers or (self._chunk_at == len(self._body) and self._in_message):
            self._head_size += len(data)
            if self._head_size > self._shared.limits.head:
                self._refuse(
                    431, "The request's head is too large, or what stands behind its body."
                )

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read."""
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        self._paused = False
        self._read_on()

    # --- the parser's side ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._fresh()
        self._in_headers = self._in_message = True
        self._head_size = 0
        self._since = perf_counter()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; several of a name are one list."""
        if not self._in_headers:
            return  # a trailer: nobody asked for it, and it is not to pass for a header
        name = name.lower()
        headers = self._headers
        headers[name] = value if name not in headers else b"%b, %b" % (headers[name], value)
        self._size += len(name) + len(value)

    def on_headers_complete(self) -> None:
        """Refuse what is too large before its body comes, and send for the body if asked."""
        self._in_headers = False
        limits, headers = self._shared.limits, self._headers
        if self._size + len(self._url) > limits.head:
            self._refuse(431, "The request's head is too large.")
            return
        self._size = 0
        if self._parser.should_upgrade() and self._has_body():
            self._refuse(400, _NO_UPGRADE)
            return
        length = headers.get(b"content-length", b"0")
        if len(length) > 18 or int(length) > limits.body:
            self._refuse_body()
        elif headers.get(b"expect", b"").lower() == b"100-continue":
            slot = _Slot(head_only=False, keeps=True, old=False)
            self._slots.append(slot)
            self._settle(slot, _CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._size += len(body)
        self._body.append(body)
        if self._size > self._shared.limits.body and not self._closing:
            self._refuse_body()

    def on_chunk_header(self) -> None:
        """Begin a chunk; if it is the last, trailers stand behind it, which have no end either.

        They are counted as a head is, but for the read in which they begin.
        """
        self._chunk_at, self._head_size = len(self._body), -_READ

    def on_chunk_complete(self) -> None:
        """End a chunk, or the trailers."""
        self._chunk_at = -1

    def on_message_complete(self) -> None:
        """Hand the whole request to the handler."""
        self._in_message = False
        if self._closing:
            return
        now = self._since = perf_counter()
        parser, parts = self._parser, self._body
        method = parser.get_method().decode("ascii")
        path, _, query = self._url.decode("latin-1").partition("?")
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        request = Request(method, path, query, self._headers, body, now, self._peer)
        # HTTP/1.0 keeps a connection only where a header asks for it.
        old = b"connection" in self._headers and parser.get_http_version() != "1.1"
        slot = _Slot(head_only=method == "HEAD", keeps=parser.should_keep_alive(), old=old)
        slots = self._slots
        slots.append(slot)
        if len(slots) == _MOST_WAITING:
            self._transport.pause_reading()
        try:
            self._shared.handler(request, self._replying(slot))
        except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
            _LOG.error("a fault of the gateway's own", error=repr(error))
            self._reply(slot, _error(500, "The gateway failed; its log says why."))

    # --- answers --------------------------------------------------------------------------------

    def _replying(self, slot: _Slot) -> Callable[[Response], None]:
        def reply(response: Response) -> None:
            self._reply(slot, response)

        return reply

    def _reply(self, slot: _Slot, response: Response) -> None:
        """Write an answer, or keep it until those before it are written."""
        if slot.written is not None:
            return
        if self._shared.draining:
            slot.keeps = False
        status, body, content_type, headers = response
        more = b"".join([b"\r\n%b: %b" % pair for pair in headers]) if headers else b""
        if not slot.keeps:
            more += b"\r\nconnection: close"
        elif slot.old:
            more += b"\r\nconnection: keep-alive"
        written = b"HTTP/1.1 %b\r\ncontent-type: %b%b%b%d\r\n\r\n" % (
            _STATUS.get(cast("HTTPStatus", status)) or b"%d Other" % status,
            content_type,
            more,
            self._shared.date,
            len(body),
        )
        self._settle(slot, written if slot.head_only else written + body)

    def _settle(self, slot: _Slot, written: bytes) -> None:
        slots = self._slots
        if len(slots) == 1 and slot.keeps and not self._closing and not self._shared.draining:
            slots.clear()
            slot.written = b""
            self._transport.write(written)
            return
        slot.written = written
        while slots and slots[0].written is not None:
            first = slots.popleft()
            self._transport.write(cast("bytes", first.written))
            if not first.keeps:
                self._end()
                return
        if len(slots) == _MOST_WAITING - 1:
            self._read_on()
        if not slots and (self._closing or self._shared.draining):
            self.close_if_owing_nothing()

    def _read_on(self) -> None:
        if not self._closing and not self._paused and len(self._slots) < _MOST_WAITING:
            self._transport.resume_reading()

    def _has_body(self) -> bool:
        """Whether bytes follow the head, which the parser passes on unread where it upgrades."""
        headers = self._headers
        length = headers.get(b"content-length", b"0")
        return (
            length.strip(b"0") != b""
            or b"transfer-encoding" in headers
            or self._parser.get_method() == b"CONNECT"
        )

    def _refuse_body(self) -> None:
        most = self._shared.limits.body / 2**20
        self._refuse(413, f"The body is larger than {most:g} MiB.")

    def _refuse(self, status: int, text: str) -> None:
        """Answer with an error and take no more; the connection is closed behind it."""
        self._closing = self._lingers = True
        self._in_headers = self._in_message = False
        slot = _Slot(head_only=False, keeps=False, old=False)
        self._slots.append(slot)
        self._reply(slot, _error(status, text))

    # --- ending ---------------------------------------------------------------------------------

    def _end(self) -> None:
        self._closing = True
        self._slots.clear()
        if self._lingers and self._transport.can_write_eof():
            self._since = perf_counter()
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()

    def close_if_owing_nothing(self) -> None:
        """Close the connection where no request is being read or answered."""
        if not self._slots and not self._lingers and (self._closing or not self._in_message):
            self._closing = True
            self._transport.close()

    def close_if_late(self, now: float) -> None:
        """Close the connection where a request takes too long to come, or nobody asks anything."""
        limits, waited = self._shared.limits, now - self._since
        if self._slots:
            return
        if self._closing:
            if waited > limits.linger:
                self._transport.close()
            return
        if self._in_message and waited > limits.message:
            self._refuse(408, f"The request did not come whole within {limits.message:g} s.")
        elif not self._in_message and waited > limits.idle:
            self.close_if_owing_nothing()


def _error(status: int, text: str) -> Response:
    return Response(status, msgspec.json.encode({"error": text}))
