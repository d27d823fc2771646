"""Evidence: what was measured, on what, by which code; immutable and digested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.evidence.digest import canonical_bytes, digest_bytes

__all__ = ["Check", "Evidence", "EvidenceKind"]

EvidenceKind = Literal["quality", "evaluation", "guardrail", "parity", "provenance", "equivalence"]


@dataclass(frozen=True)
class Check:
    """One yes or no within evidence: what was measured against which limit.

    `measured` is None where the number could not be computed; such a check never passes.
    """

    name: str
    passed: bool
    measured: float | None
    limit: str
    severity: Literal["block", "warn"] = "block"
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return the check as a JSON document."""
        return {
            "name": self.name,
            "passed": self.passed,
            "measured": self.measured,
            "limit": self.limit,
            "severity": self.severity,
            "note": self.note,
        }


@dataclass(frozen=True)
class Evidence:
    """What was shown about one subject.

    `subject` is the digest of what was measured (a bundle; for `quality`, the data).
    `rests_on` holds the digests of the charter sections it depends on: evidence is void
    when one of them changes. `inputs` holds the digests of data, code and environment.
    `content` is any JSON document: metrics, intervals, curves.
    """

    kind: EvidenceKind
    subject: str
    rests_on: Mapping[str, str]
    inputs: Mapping[str, str]
    checks: tuple[Check, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the evidence as a JSON document."""
        return {
            "format": 1,
            "kind": self.kind,
            "subject": self.subject,
            "rests_on": dict(self.rests_on),
            "inputs": dict(self.inputs),
            "checks": [check.document() for check in self.checks],
            "content": dict(self.content),
        }

    @property
    def bytes(self) -> bytes:
        """The canonical bytes that the digest names."""
        return canonical_bytes(self.document())

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical bytes."""
        return digest_bytes(self.bytes)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Evidence:
        """Read evidence back from its document."""
        return cls(
            kind=document["kind"],
            subject=document["subject"],
            rests_on=document["rests_on"],
            inputs=document["inputs"],
            checks=tuple(Check(**check) for check in document["checks"]),
            content=document["content"],
        )
