"""One HTTP request as handlers see it, and what they answer; nothing here knows a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["JSON", "Handler", "Reply", "Request", "Response"]

JSON = b"application/json"


@dataclass(slots=True)
class Request:
    """A request whose body is whole.

    `path` is without the query and not yet unquoted; header names are lower case; `received` is
    `time.perf_counter()` when the last byte of the body came.
    """

    method: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]
    body: bytes
    received: float = 0.0
    peer: str = ""


class Response(NamedTuple):
    """An answer; `headers` come beside content type and length."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Reply = Callable[[Response], None]
"""Sends the answer of one request: to be called exactly once, now or later, on the event loop."""

Handler = Callable[[Request, Reply], None]
"""Takes a request and sees to it that its answer is sent. No task is made for it."""
