"""What an entry of the ledger must say: checked before it is written, since it stays for good."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from assay.charter.people import Role
from assay.evidence.event import EventType

__all__ = ["check_entry"]

_REQUIRED: dict[EventType, tuple[str, str]] = {
    EventType.CHARTER_SUBMITTED: ("charter", "digest sections by"),
    EventType.MODEL_REGISTERED: ("model", "bundle charter sections origin"),
    EventType.EVIDENCE_RECORDED: ("model", "evidence kind passed"),
    EventType.SIGNED: ("model", "subject_digest person role"),
    EventType.WAIVED: ("model", "subject_digest check person role reason expires"),
    EventType.GATE_DECIDED: ("model", "subject_digest open reasons"),
    EventType.PERMISSION_GRANTED: ("model", "what why by"),
    EventType.RELEASE_STARTED: ("release", "version bundle strategy weight salt replaces"),
    EventType.RELEASE_STEPPED: ("release", "version weight reason"),
    EventType.RELEASE_PROMOTED: ("release", "version bundle reason"),
    EventType.RELEASE_ROLLED_BACK: ("release", "version to reason"),
    EventType.RELEASE_FELL_BACK: ("release", "version bundle baseline reason"),
    EventType.RELEASE_PAUSED: ("release", "version reason"),
    EventType.RELEASE_RESUMED: ("release", "version reason"),
    EventType.ALERT_RAISED: ("alert", "id kind text"),
    EventType.ALERT_ESCALATED: ("alert", "id reason"),
    EventType.ALERT_ACKNOWLEDGED: ("alert", "id by"),
    EventType.ALERT_MUTED: ("alert", "id by reason until"),
    EventType.ALERT_UNMUTED: ("alert", "id by"),
    EventType.ALERT_CLOSED: ("alert", "id reason"),
    EventType.RESPONSE_PROPOSED: ("response", "id kind target text standing alerts remedies"),
    EventType.RESPONSE_SIGNED: ("response", "id subject_digest person role"),
    EventType.RESPONSE_TAKEN: ("response", "kind reason"),
    EventType.RESPONSE_DECLINED: ("response", "id by reason"),
    EventType.RESPONSE_EXPIRED: ("response", "id reason"),
    EventType.VALUE_POSTED: ("value", "window arm version"),
}
"""For each type: what its subject starts with, and the keys that the folds cannot do without."""


def check_entry(subject: str, type_: str, content: bytes) -> None:
    """Raise ValueError where an entry is of no known type, is no JSON object, or lacks a key.

    >>> check_entry("alert:bank", "alert.closed", b'{"at":"2026-01-01T00:00:00+00:00","id":"1"}')
    Traceback (most recent call last):
    ...
    ValueError: An entry `alert.closed` on alert:bank lacks `reason`.
    """
    known = [member.value for member in EventType]
    if type_ not in known:
        raise ValueError(f"The ledger knows no entry of type {type_!r}; it knows {known}.")
    kind, keys = _REQUIRED[EventType(type_)]
    place = "model:<name>/<version>" if kind == "model" else f"{kind}:<name>"
    if (
        re.fullmatch(rf"{kind}:[^/\s]+" + ("/[1-9][0-9]*" if kind == "model" else ""), subject)
        is None
    ):
        raise ValueError(f"An entry `{type_}` goes on `{place}`, not on {subject!r}.")
    document = _document(type_, subject, content)
    lacking = [f"`{key}`" for key in ("at", *keys.split()) if key not in document]
    if lacking:
        raise ValueError(f"An entry `{type_}` on {subject} lacks {', '.join(lacking)}.")
    for key in ("at", "expires", "until"):
        if key in document and not _is_time(document[key]):
            raise ValueError(f"`{key}` of an entry `{type_}` is no time with a zone, in ISO 8601.")
    if "role" in document and document["role"] not in list(Role):
        raise ValueError(f"`role` of an entry `{type_}` is no role: {document['role']!r}.")


def _is_time(given: Any) -> bool:
    try:
        return isinstance(given, str) and datetime.fromisoformat(given).tzinfo is not None
    except ValueError:
        return False


def _document(type_: str, subject: str, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ValueError(f"An entry `{type_}` on {subject} is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ValueError(f"An entry `{type_}` on {subject} is no JSON object.")  # noqa: TRY004
    return document
