"""The ledger's entries: typed, hash-chained, never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay.evidence.digest import digest_bytes

__all__ = ["GENESIS", "Event", "EventType", "chained"]

GENESIS = "0" * 64
"""What the first entry has for a predecessor."""


class EventType(StrEnum):
    """What can happen. A stored name never changes its meaning."""

    CHARTER_SUBMITTED = "charter.submitted"
    EVIDENCE_RECORDED = "evidence.recorded"
    MODEL_REGISTERED = "model.registered"
    GATE_DECIDED = "gate.decided"
    SIGNED = "signed"
    WAIVED = "waived"
    RELEASE_STARTED = "release.started"
    RELEASE_STEPPED = "release.stepped"
    RELEASE_PROMOTED = "release.promoted"
    RELEASE_ROLLED_BACK = "release.rolled_back"
    RELEASE_FELL_BACK = "release.fell_back"
    RELEASE_PAUSED = "release.paused"
    RELEASE_RESUMED = "release.resumed"
    ALERT_RAISED = "alert.raised"
    ALERT_ESCALATED = "alert.escalated"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_MUTED = "alert.muted"
    ALERT_UNMUTED = "alert.unmuted"
    ALERT_CLOSED = "alert.closed"
    RESPONSE_PROPOSED = "response.proposed"
    RESPONSE_SIGNED = "response.signed"
    RESPONSE_TAKEN = "response.taken"
    RESPONSE_DECLINED = "response.declined"
    RESPONSE_EXPIRED = "response.expired"
    VALUE_POSTED = "value.posted"
    PERMISSION_GRANTED = "permission.granted"


@dataclass(frozen=True)
class Event:
    """One entry: its place, its subject and revision, its bytes, and the chain.

    `content` is the stored bytes (canonical JSON); they are hashed as they lie, never re-made.
    """

    seq: int
    subject: str
    revision: int
    type: str
    content: bytes
    previous: str
    digest: str

    @property
    def data(self) -> dict[str, Any]:
        """The content as a document."""
        document: dict[str, Any] = json.loads(self.content)
        return document


def chained(
    seq: int, subject: str, revision: int, type_: str, content: bytes, previous: str
) -> Event:
    """Return an entry with the digest that binds it to its place and its predecessor.

    The digest covers, each with its length in front so that no two entries read alike:
    seq, subject, revision, type, content and the predecessor's digest.

    >>> first = chained(1, "model:a/1", 1, "signed", b"{}", GENESIS)
    >>> chained(2, "model:a/1", 2, "signed", b"{}", first.digest).previous == first.digest
    True
    """
    parts = (str(seq), subject, str(revision), type_, content, previous)
    raw = [part if isinstance(part, bytes) else part.encode() for part in parts]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in raw)
    return Event(seq, subject, revision, type_, content, previous, digest_bytes(framed))
