"""`GET /api/v1/watch`: an agent tells what it serves, and waits for what it is to serve.

A bare ASGI application: thousands of agents wait here, and each change wakes them all at once.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from assay.charter.environments import PRODUCTION
from assay.errors import AssayError, InputError
from assay.ports.server_store import Told
from assay.server.acknowledging import Acknowledging
from assay.server.fleet import Answer, Fleet
from assay.server.labels import read_labels, written
from assay.server.tokens import Forbidden, Tokens, Unknown

__all__ = ["HOLD", "PATH", "Asked", "Watch", "read_watch"]

PATH = "/api/v1/watch"

HOLD = (50.0, 55.0)
"""Seconds for which an agent waits, drawn anew each time, so that agents spread out."""

_NAME = re.compile(r"[\w.\-:/@]{1,200}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_SECONDS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,6})?")
_STATUS = {Unknown: 401, Forbidden: 403, InputError: 422}

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


@dataclass(frozen=True)
class Asked:
    """What an agent asks, and tells; `hold` is in seconds, drawn by the server where None."""

    told: Told
    labels: Mapping[str, str]
    hold: float | None


@lru_cache(maxsize=16_384)
def read_watch(query: bytes) -> Asked:
    """Read the query of a request; InputError says what is wrong with it.

    An agent without news asks the same again each time, so that what was read is kept.

    >>> read_watch(b"agent=a1&revision=4&labels=region%3Dnorth").labels
    {'region': 'north'}
    """
    try:
        given = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise InputError(f"The query does not read: {error}.") from error
    labels = read_labels(given.get("labels", ""))
    health, note = given.get("health", "ok"), given.get("note", "")
    if health not in {"ok", "failed"} or len(note) > 500 or not (note.isprintable() or not note):
        raise InputError("`health` is `ok` or `failed`, and `note` at most 500 printable letters.")
    told = Told(
        agent=_matched("agent", given.get("agent", ""), _NAME),
        environment=_matched("environment", given.get("environment", PRODUCTION), _NAME),
        labels=written(labels),
        revision=int(_matched("revision", given.get("revision", "0"), _NUMBER)),
        health=health,
        note=note,
    )
    hold = given.get("hold")
    seconds = None if hold is None else float(_matched("hold", hold, _SECONDS))
    return Asked(told, labels, seconds)


class Watch:
    """Answers at once where an agent is behind; else when something changes, or its time is up."""

    def __init__(self, fleet: Fleet, acknowledging: Acknowledging, tokens: Tokens) -> None:
        self._fleet = fleet
        self._acknowledging = acknowledging
        self._tokens = tokens
        self._reading: asyncio.Task[None] | None = None
        self._draw = random.Random()  # noqa: S311 - to spread agents out, not to keep a secret
        self.closing = False

    async def __call__(self, scope: Message, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "GET":
            await _refuse(send, 405, "This is asked with GET.", ((b"allow", b"GET"),))
            return
        packed = False
        authorization = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"accept-encoding":
                packed = b"gzip" in value
        try:
            answer = await self._answer(authorization, scope["query_string"])
        except (Unknown, Forbidden, InputError) as error:
            await _refuse(send, _STATUS[type(error)], str(error), ())
        except AssayError as error:
            await _refuse(send, 503, str(error), ((b"retry-after", b"2"),))
        else:
            await _tell(send, answer, packed=packed and answer.packed is not None)

    async def _answer(self, authorization: bytes, query: bytes) -> Answer:
        if self._tokens.stale:
            await self._read_tokens()
        self._tokens.demand(self._tokens.known(authorization), "agent")
        asked = read_watch(query)
        told = asked.told
        before = self._acknowledging.take(told)
        since = told.revision
        if before is None or (before.environment, before.labels) != (told.environment, told.labels):
            since = 0  # what it has may be that of other labels
        if since == self._fleet.revision(told.environment) and not self.closing:
            hold = self._drawn() if asked.hold is None else min(asked.hold, HOLD[1])
            await self._fleet.changed(told.environment, hold)
        return await self._fleet.answer(told.environment, since, asked.labels)

    def _drawn(self) -> float:
        """Draw how long an agent waits, up to a whole second: many are answered together."""
        now = asyncio.get_running_loop().time()
        return math.ceil(now + self._draw.uniform(*HOLD) - 1.0) - now

    async def _read_tokens(self) -> None:
        """Look at the store once, however many agents ask at the time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._tokens.read))
        await asyncio.shield(self._reading)


async def _tell(send: Send, answer: Answer, *, packed: bool) -> None:
    body = answer.packed if packed and answer.packed is not None else answer.plain
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"assay-revision", str(answer.revision).encode()),
        (b"cache-control", b"no-store"),
    ]
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(
    send: Send, status: int, text: str, more: tuple[tuple[bytes, bytes], ...]
) -> None:
    body = msgspec.json.encode({"error": text})
    challenge = ((b"www-authenticate", b'Bearer realm="assay"'),) if status == 401 else ()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *more,
        *challenge,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _matched(name: str, given: str, form: re.Pattern[str]) -> str:
    if form.fullmatch(given) is None:
        raise InputError(f"`{name}` is missing or not one: {given[:200]!r}.")
    return given
