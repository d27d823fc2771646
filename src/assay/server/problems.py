"""What went wrong, in one form: a status, {"error": one paragraph}, and `faults` of outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from assay.errors import (
    AssayError,
    CheckFailed,
    InputError,
    LedgerBroken,
    LedgerConflict,
    MissingLibrary,
    SignOffRefused,
)
from assay.server.estate import NotThere
from assay.server.faulty_outcomes import FaultyOutcome, FaultyOutcomes, unread_outcomes
from assay.server.tokens import Forbidden, Unknown

__all__ = ["handle_problems", "status_of"]

_LOG: Any = structlog.get_logger("assay.server")

_STATUS: Final[tuple[tuple[type[AssayError], int], ...]] = (
    (Unknown, 401),
    (Forbidden, 403),
    (NotThere, 404),
    (MissingLibrary, 501),
    (InputError, 422),
    (SignOffRefused, 403),
    (LedgerBroken, 503),
    (CheckFailed, 409),
    (LedgerConflict, 409),
)
"""The first that fits; everything else is the world's: 503."""


def status_of(error: AssayError) -> int:
    """Return the status that tells whose move it is.

    >>> status_of(InputError("no such column")), status_of(CheckFailed("not yet"))
    (422, 409)
    """
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def handle_problems(app: FastAPI) -> None:
    """Answer every error of an application in the one form."""

    @app.exception_handler(AssayError)
    async def _ours(_: Request, error: AssayError) -> JSONResponse:
        faults = error.faults if isinstance(error, FaultyOutcomes) else ()
        return _told(status_of(error), str(error), faults)

    @app.exception_handler(RequestValidationError)
    async def _unread(_: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        return _told(422, _paragraph(found), unread_outcomes(found))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        answer = _told(error.status_code, f"{error.detail}.")
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def _own(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("a fault of Assay's own", path=request.url.path, error=repr(error))
        return _told(500, f"This is a fault of Assay's own: {type(error).__name__}. Report it.")


def _told(status: int, text: str, faults: Sequence[FaultyOutcome] = ()) -> JSONResponse:
    told: dict[str, Any] = {"error": _sendable(text)}
    if faults:
        told["faults"] = [one.model_dump() for one in faults]
    answer = JSONResponse(told, status)
    if status == 401:
        answer.headers["www-authenticate"] = 'Bearer realm="assay"'
    if status == 503:
        answer.headers["retry-after"] = "2"
    return answer


def _paragraph(found: Sequence[Any]) -> str:
    """Say what does not read, and where; what was given is not repeated."""
    places = [
        f"{'.'.join(str(part) for part in one['loc'][1:] or one['loc'])}: {one['msg']}"
        for one in found[:10]
    ]
    return f"The request does not read: {'; '.join(places)}."


def _sendable(text: str) -> str:
    """Return text that UTF-8 has a form for."""
    return text.encode("utf-8", "replace").decode("utf-8")
