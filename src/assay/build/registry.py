"""Into the registry: bundle and evidence into the blobs, the version into the ledger."""

from __future__ import annotations

from datetime import datetime

from assay.build.built import Built
from assay.charter.charter import Charter
from assay.errors import LedgerConflict
from assay.evidence.candidate import Candidate
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import EventType
from assay.evidence.evidence import Evidence
from assay.evidence.folds import models
from assay.evidence.states import ModelState
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger

__all__ = ["register"]

_TRIES = 5


def register(
    built: Built, charter: Charter, ledger: Ledger, blobs: Blobs, now: datetime
) -> Candidate:
    """Write a built version down and return it as a candidate.

    Blobs come first, each under its digest, then the entries of the ledger, the registration
    before its evidence: whoever reads an entry finds what it names. The version is the next one
    that the ledger has not used; where another process takes it meanwhile, the one after it.
    """
    for content in (*built.bundle.files.values(), built.bundle.manifest(), *built.kept):
        blobs.put(content)
    for piece in built.evidence:
        blobs.put(piece.bytes)
    candidate = _registered(built, charter, ledger, now)
    for permitted in built.permitted:
        _append(ledger, candidate, EventType.PERMISSION_GRANTED, now, **vars(permitted))
    for piece in built.evidence:
        _append(
            ledger,
            candidate,
            EventType.EVIDENCE_RECORDED,
            now,
            evidence=piece.digest,
            kind=piece.kind,
            passed=_passed(piece),
        )
    return candidate


def _registered(built: Built, charter: Charter, ledger: Ledger, now: datetime) -> Candidate:
    sections = charter.digests()
    content = {
        "at": now.isoformat(),
        "bundle": built.bundle.digest,
        "charter": charter.digest,
        "sections": sections,
        "origin": dict(built.bundle.origin),
    }
    for attempt in range(_TRIES):
        state = models(ledger.events()).get(charter.name, ModelState(charter.name))
        candidate = Candidate(
            model=charter.name,
            version=state.next_version,
            bundle=built.bundle.digest,
            evidence=tuple(piece.digest for piece in built.evidence),
            sections=sections,
        )
        try:
            ledger.append(
                candidate.subject,
                EventType.MODEL_REGISTERED,
                canonical_bytes(content),
                expected=0,
            )
        except LedgerConflict:
            if attempt == _TRIES - 1:
                raise
        else:
            return candidate
    raise AssertionError("the last attempt returns or raises")


def _append(
    ledger: Ledger, candidate: Candidate, type_: EventType, now: datetime, **content: object
) -> None:
    document = {"at": now.isoformat(), **content}
    ledger.append(candidate.subject, type_, canonical_bytes(document), expected=None)


def _passed(piece: Evidence) -> bool:
    return all(check.passed for check in piece.checks if check.severity == "block")
