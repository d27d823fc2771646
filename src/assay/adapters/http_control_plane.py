"""A control plane over HTTP: `assay server`, by the standard library alone."""

from __future__ import annotations

import gzip
import http.client
import io
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from assay.errors import InputError, ServiceError
from assay.ports.control_plane import OutcomesRefused
from assay.ports.outcome_inbox import Happened

__all__ = ["HttpControlPlane"]

_PATIENCE = 75.0
"""Seconds of silence: a server answers a watch within 55."""

_MOST_TOLD = 256 * 2**20
_MOST_BLOB = 2 * 2**30
_PIECE = 2**20
_NEVER = frozenset({400, 409, 411, 413, 422})
"""What is refused for good; another token or a later day may mend the rest."""


class _Faulty(msgspec.Struct):
    at: int
    why: str
    id: str | None = None


class _Refusal(msgspec.Struct):
    faults: list[_Faulty] = []


class HttpControlPlane:
    """One server at a URL, with a token that has the scopes `agent` and `serve`.

    Each call has a connection of its own, so that any thread may call. Certificates of `https` are
    checked against those that the system trusts, or `SSL_CERT_FILE`.
    """

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise InputError(f"{url!r} is no address of a server: give one as http://host:8081.")
        if not token.isascii() or not token.isprintable():
            raise InputError("The token holds other letters than a token of a server has.")
        self._host, self._port = parts.hostname, port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._base = f"{parts.path.rstrip('/')}/api/v1"
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._token = token

    def watch(self, told: Mapping[str, str]) -> bytes:
        """Wait for news; the server holds the answer back for up to 55 seconds."""
        return self._demanded(self._asked("GET", f"/watch?{urlencode(told)}", _MOST_TOLD))

    def blob(self, digest: str) -> bytes:
        """Return bytes by their digest."""
        return self._demanded(self._asked("GET", f"/blobs/{quote(digest, safe='')}", _MOST_BLOB))

    def take_captures(self, model: str, environment: str, name: str, raw: bytes) -> str:
        """Hand in a closed capture file."""
        path = f"/models/{quote(model, safe='')}/captures/{quote(name, safe='')}"
        path += f"?{urlencode({'environment': environment})}"
        return self._taken(self._asked("POST", path, _MOST_TOLD, raw, "application/octet-stream"))

    def take_outcomes(
        self, model: str, outcomes: Sequence[tuple[str, Happened]]
    ) -> OutcomesRefused | None:
        """Hand in what really happened."""
        body = msgspec.json.encode({"outcomes": [{"id": one, "outcome": y} for one, y in outcomes]})
        path = f"/models/{quote(model, safe='')}/outcomes"
        status, content = self._asked("POST", path, _MOST_TOLD, body, "application/json")
        why = self._taken((status, content))
        return OutcomesRefused(why, _faults(content, outcomes)) if why else None

    def _asked(
        self, method: str, path: str, most: int, body: bytes | None = None, kind: str = ""
    ) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {self._token}", "accept-encoding": "gzip"}
        headers |= {"content-type": kind} if kind else {}
        connection = self._connection()
        try:
            connection.request(method, self._base + path, body, headers)
            answer = connection.getresponse()
            content = _read(answer, most)
            if answer.getheader("content-encoding") == "gzip":
                content = _read(gzip.GzipFile(fileobj=io.BytesIO(content)), most)
        except (OSError, EOFError, http.client.HTTPException, ValueError) as error:
            raise ServiceError(
                f"The server {self._url} does not answer: {error!r}. It is asked again."
            ) from error
        finally:
            connection.close()
        return answer.status, content

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=_PATIENCE)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=_PATIENCE, context=self._tls
        )

    def _demanded(self, answered: tuple[int, bytes]) -> bytes:
        status, content = answered
        if status != 200:
            raise ServiceError(f"The server {self._url} answered {status}: {_why(content)}")
        return content

    def _taken(self, answered: tuple[int, bytes]) -> str:
        status, content = answered
        if status in _NEVER:
            return f"{status}: {_why(content)}"
        self._demanded(answered)
        return ""


def _read(source: Any, most: int) -> bytes:
    """Read all there is, and no more than `most`; a length that was announced is no size yet."""
    content = bytearray()
    while piece := source.read(_PIECE):
        content += piece
        if len(content) > most:
            raise ValueError(f"it sends more than {most:,} bytes")
    return bytes(content)


def _faults(content: bytes, outcomes: Sequence[tuple[str, Happened]]) -> dict[int, str]:
    """Return which outcomes a refusal names, by place, and why; none where it names none."""
    try:
        named = msgspec.json.decode(content, type=_Refusal).faults
    except (msgspec.DecodeError, RecursionError):
        return {}
    return {
        one.at: one.why
        for one in named
        if 0 <= one.at < len(outcomes) and one.id in (None, outcomes[one.at][0])
    }


def _why(content: bytes) -> str:
    return content[:300].decode(errors="replace")
