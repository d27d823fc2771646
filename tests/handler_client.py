"""An HTTP client of a gateway in this process: requests go to its handler, without a socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import httpx

from assay.gateway.app import Gateway
from assay.gateway.http_message import Handler, Request, Response

__all__ = ["AsyncHandlerTransport", "asked", "client_of"]


def _request(given: httpx.Request, body: bytes) -> Request:
    path, _, query = given.url.raw_path.decode("latin-1").partition("?")
    headers = {name.lower(): value for name, value in given.headers.raw}
    return Request(given.method, path, query, headers, body, perf_counter(), "127.0.0.1")


def _response(given: httpx.Request, answer: Response) -> httpx.Response:
    headers = [(b"content-type", answer.content_type), *answer.headers]
    body = b"" if given.method == "HEAD" else answer.body
    return httpx.Response(answer.status, headers=headers, content=body)


async def asked(handler: Handler, request: Request) -> Response:
    """Return the answer of a handler to a request."""
    answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    handler(request, answer.set_result)
    return await answer


class AsyncHandlerTransport(httpx.AsyncBaseTransport):
    """For clients that run on the gateway's own loop."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await asked(self._handler, _request(request, await request.aread()))
        return _response(request, answer)


class _Transport(httpx.BaseTransport):
    def __init__(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asking = asked(self._handler, _request(request, request.read()))
        answer = asyncio.run_coroutine_threadsafe(asking, self._loop).result(timeout=60)
        return _response(request, answer)


@contextmanager
def client_of(gateway: Gateway, *, follow: bool = False) -> Iterator[httpx.Client]:
    """Give a client of a gateway that runs on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(gateway.start(follow=follow), loop).result(timeout=60)
        with httpx.Client(
            transport=_Transport(gateway, loop), base_url="http://testserver"
        ) as client:
            yield client
        asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result(timeout=60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
