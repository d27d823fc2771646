"""What a client is told where its request is not answered: a status and one text."""

from __future__ import annotations

from traceback import walk_tb
from typing import Any

import msgspec
import structlog

from assay.errors import AssayError, InputError, WorldError
from assay.gateway.http_message import Response

__all__ = ["Refusal", "refused"]

_LOG: Any = structlog.get_logger("assay.gateway")


class Refusal(AssayError):
    """A request is not answered, with the HTTP status that says why and headers that help."""

    def __init__(
        self, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        self.status = status
        self.headers = headers
        super().__init__(text)


def refused(error: BaseException) -> Response:
    """Return an error in the protocol's form.

    The user's mistakes are 400, a broken world 503; whatever nobody thought of is 500, and logged.

    >>> refused(Refusal(404, "No such model.")).body
    b'{"error":"No such model."}'
    """
    if isinstance(error, Refusal):
        return _told(error.status, str(error), error.headers)
    if isinstance(error, InputError):
        return _told(400, str(error))
    if isinstance(error, WorldError):
        return _told(503, str(error))
    # Neither the error's text nor its values: they may hold what a client sent.
    _LOG.error("a fault of the gateway's own", error=type(error).__name__, at=_place(error))
    return _told(500, "The gateway failed; its log says why.")


def _told(status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """Write a text as an error; characters that UTF-8 has not become `?`."""
    plain = text.encode(errors="replace").decode()
    return Response(status, msgspec.json.encode({"error": plain}), headers=headers)


def _place(error: BaseException) -> str:
    """Return the function and line that an error was raised in."""
    frames = [f"{frame.f_code.co_qualname}:{line}" for frame, line in walk_tb(error.__traceback__)]
    return " < ".join(reversed(frames[-3:]))
