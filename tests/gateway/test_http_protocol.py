"""HTTP on the wire: what comes in in any pieces goes out whole, in order, or is refused."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gateway.http_message import Handler, Reply, Request, Response
from assay.gateway.http_protocol import HttpProtocol, Limits, Shared
from assay.gateway.listening import bind, listen


class _Transport:
    """A connection's other side, in memory."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = self.paused = self.ended = False

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class _Connection:
    """A protocol, its transport, and the requests that it handed on."""

    def __init__(self, handler: Handler | None = None, limits: Limits | None = None) -> None:
        self.asked: list[tuple[Request, Reply]] = []
        self.shared = Shared(handler or self._keep, limits or Limits())
        self.shared.date = b"\r\ncontent-length: "
        self.transport: Any = _Transport()
        self.protocol = HttpProtocol(self.shared)
        self.protocol.connection_made(cast("Any", self.transport))

    def _keep(self, request: Request, reply: Reply) -> None:
        self.asked.append((request, reply))

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)


def _echo(request: Request, reply: Reply) -> None:
    reply(Response(200, request.body, b"text/plain"))


def _post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /a?b=c HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def _answer(body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain" + more
    return head + b"\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


@given(bodies=st.lists(st.binary(max_size=20), min_size=1, max_size=4), data=st.data())
def test_requests_in_any_pieces_are_answered_in_their_order(
    bodies: list[bytes], data: st.DataObject
) -> None:
    connection = _Connection()
    whole = b"".join(map(_post, bodies))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=6)))
    ends = [*cuts, len(whole)]
    connection.send(*(whole[a:b] for a, b in zip([0, *cuts], ends, strict=True) if a < b))
    assert [request.body for request, _ in connection.asked] == bodies
    assert {(one.method, one.path, one.query) for one, _ in connection.asked} == {
        ("POST", "/a", "b=c")
    }
    for place in data.draw(st.permutations(range(len(bodies)))):
        request, reply = connection.asked[place]
        _echo(request, reply)
    assert connection.transport.written == b"".join(map(_answer, bodies))
    assert not connection.transport.closed


def test_a_chunked_body_comes_whole() -> None:
    connection = _Connection(_echo)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.send(head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert connection.transport.written == _answer(b"abcde")


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    connection = _Connection(_echo)
    head, body = _post(b"abc", b"expect: 100-continue").split(b"abc")[0], b"abc"
    connection.send(head)
    assert connection.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(body)
    assert connection.transport.written.endswith(_answer(b"abc"))


def test_head_has_the_length_and_not_the_body() -> None:
    connection = _Connection(lambda _, reply: reply(Response(200, b"abc", b"text/plain")))
    connection.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert connection.transport.written == _answer(b"abc").removesuffix(b"abc")


_INSIDE = b"GET /inside HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        _post(_INSIDE, b"connection: upgrade", b"upgrade: h2c"),
        b"POST / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: x\r\n"
        b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(_INSIDE), _INSIDE),
        b"CONNECT a:1 HTTP/1.1\r\nhost: x\r\n\r\n" + _INSIDE,
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_body_behind_an_upgrade_is_never_read_as_a_request(sent: bytes, size: int) -> None:
    connection = _Connection(_echo)
    connection.send(*(sent[at : at + size] for at in range(0, len(sent), size)))
    written = connection.transport.written
    assert written.startswith(b"HTTP/1.1 400 ")
    assert written.count(b"\r\n\r\n") == 1
    assert b"upgraded" in written
    assert connection.transport.ended


def test_upgrades_without_a_body_are_answered_as_they_are_however_many() -> None:
    connection = _Connection(lambda request, reply: reply(Response(200, request.path.encode())))
    upgrade = b"GET /u HTTP/1.1\r\nconnection: upgrade\r\nupgrade: x\r\ncontent-length: 0\r\n\r\n"
    connection.send(upgrade * 3000 + _INSIDE)
    assert connection.transport.written.count(b"HTTP/1.1 200 ") == 3001
    assert connection.transport.written.endswith(b"/inside")


def test_trailers_are_no_headers() -> None:
    connection = _Connection()
    head = b"POST / HTTP/1.1\r\nx-api-key: own\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.send(head + b"2\r\nab\r\n0\r\nx-api-key: other\r\nauthorization: Bearer z\r\n\r\n")
    ((request, _),) = connection.asked
    assert request.body == b"ab"
    assert request.headers == {b"x-api-key": b"own", b"transfer-encoding": b"chunked"}


@pytest.mark.parametrize("line", [b"x%d: " + b"y" * 400 + b"\r\n", b"y" * 404 + b"%d"])
def test_trailers_without_end_are_refused(line: bytes) -> None:
    connection = _Connection(_echo)
    connection.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nz: ")
    for at in range(2000):
        connection.send(line % at)
    assert connection.transport.written.startswith(b"HTTP/1.1 431 ")
    assert connection.transport.ended


def test_a_large_chunked_body_in_any_pieces_is_none_the_smaller_for_it() -> None:
    body, connection = bytes(500_000), _Connection(limits=Limits(head=500))
    sent = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    sent += b"%x\r\n%b\r\n5\r\nabcde\r\n0\r\n\r\n" % (len(body), body)
    connection.send(*(sent[at : at + 65_536] for at in range(0, len(sent), 65_536)))
    assert connection.asked[0][0].body == body + b"abcde"


@pytest.mark.parametrize(
    ("version", "header", "more", "closed"),
    [
        (b"1.1", b"connection: close", b"\r\nconnection: close", True),
        (b"1.0", b"x: y", b"\r\nconnection: close", True),
        (b"1.0", b"connection: keep-alive", b"\r\nconnection: keep-alive", False),
    ],
)
def test_connections_end_as_the_client_says(
    version: bytes, header: bytes, more: bytes, closed: bool
) -> None:
    connection = _Connection(_echo)
    connection.send(b"GET / HTTP/%b\r\n%b\r\n\r\n" % (version, header))
    assert connection.transport.written == _answer(b"", more)
    assert connection.transport.closed == closed


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\na b: c\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 101\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n65\r\n" + b"x" * 101, 413),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 1000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 1000, 431),
    ],
)
def test_what_is_wrong_or_too_large_is_refused_and_nothing_more_is_read(
    sent: bytes, status: int
) -> None:
    connection = _Connection(_echo, Limits(body=100, head=500))
    connection.send(sent, b"x" * 1000, _post(b"later"))
    written = connection.transport.written
    assert written.startswith(b"HTTP/1.1 %d " % status)
    assert written.count(b"HTTP/1.1") == 1
    assert b'{"error":' in written
    assert connection.transport.ended
    connection.protocol.close_if_late(float("inf"))
    assert connection.transport.closed


def test_a_connection_with_many_requests_waiting_is_not_read_any_further() -> None:
    connection = _Connection()
    connection.send(_post(b"") * 64)
    assert connection.transport.paused
    _echo(*connection.asked[0])
    assert not connection.transport.paused


def test_slow_and_idle_connections_are_closed() -> None:
    slow, idle, busy = _Connection(), _Connection(), _Connection()
    slow.send(b"POST / HTTP/1.1\r\n")
    busy.send(_post(b"abc"))
    for one in (slow, idle, busy):
        one.protocol.close_if_late(float("inf"))
    assert slow.transport.written.startswith(b"HTTP/1.1 408 ")
    assert idle.transport.closed
    assert not idle.transport.written
    assert not busy.transport.closed


def test_draining_answers_what_was_asked_and_closes() -> None:
    idle, busy = _Connection(), _Connection()
    busy.send(_post(b"abc"))
    for one in (idle, busy):
        one.shared.drain()
    assert idle.transport.closed
    assert not busy.transport.closed
    _echo(*busy.asked[0])
    assert busy.transport.written == _answer(b"abc", b"\r\nconnection: close")
    assert busy.transport.closed


def test_a_handler_that_breaks_is_answered_for() -> None:
    def breaks(request: Request, reply: Reply) -> None:
        raise RuntimeError(request.path)

    connection = _Connection(breaks)
    connection.send(_post(b""))
    assert connection.transport.written.startswith(b"HTTP/1.1 500 ")


def test_an_answer_to_nobody_goes_nowhere() -> None:
    connection = _Connection()
    connection.send(_post(b"abc"))
    connection.protocol.connection_lost(None)
    _echo(*connection.asked[0])
    assert connection.transport.written == b""


@contextmanager
def _listening(handler: Handler) -> Iterator[Callable[[], socket.socket]]:
    """A real server in a thread, and what connects to it."""
    bound, ready = bind("127.0.0.1", 0), threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        until = asyncio.Event()
        loops.append((asyncio.get_running_loop(), until))
        await listen(handler, bound, until, ready.set)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield lambda: socket.create_connection(bound.getsockname(), timeout=10)
    finally:
        loop, until = loops[0]
        loop.call_soon_threadsafe(until.set)
        thread.join()


def test_a_client_that_sends_too_much_reads_why() -> None:
    with _listening(_echo) as connect, connect() as client:
        size = 2**26
        client.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        client.sendall(b"x" * 2**20)
        told = b""
        while piece := client.recv(65536):
            told += piece
    assert told.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_has_said_all_gets_its_answer() -> None:
    with _listening(_echo) as connect, connect() as client:
        client.sendall(_post(b"abc"))
        client.shutdown(socket.SHUT_WR)
        told = b""
        while piece := client.recv(65536):
            told += piece
    assert told.endswith(b"abc")
