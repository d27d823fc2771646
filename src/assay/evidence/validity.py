"""Which evidence counts for a candidate under a charter, and which is still to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assay.charter.charter import Charter
from assay.charter.limits import Limit
from assay.evidence.candidate import Candidate
from assay.evidence.evidence import Check, Evidence, EvidenceKind

__all__ = ["blocks", "required_kinds", "unmeasured", "void_reason"]


def required_kinds(charter: Charter) -> tuple[EvidenceKind, ...]:
    """Return the kinds of evidence that the charter asks for; guardrails only where it has any."""
    kinds: tuple[EvidenceKind, ...] = ("quality", "evaluation", "guardrail", "parity", "provenance")
    return tuple(kind for kind in kinds if kind != "guardrail" or charter.guardrails)


def void_reason(
    charter: Charter, candidate: Candidate, evidence: Evidence, others: Iterable[Evidence]
) -> str | None:
    """Say why evidence does not count; None where it does.

    It must be among what the candidate was registered with, be about its bundle (for `quality`,
    about the data that the bundle was made from), show what its kind is for (see `_silence`), and
    rest on sections of the charter that are still what they were, those that its kind cannot do
    without among them.
    """
    if evidence.digest not in candidate.evidence:
        return f"{candidate.subject} was not registered with it"
    if evidence.kind != "quality" and evidence.subject != candidate.bundle:
        return f"it is about bundle {evidence.subject[:12]}, not {candidate.bundle[:12]}"
    if evidence.kind == "quality" and evidence.subject not in _data(evidence, others):
        return f"it is about data {evidence.subject[:12]}, which the bundle was not made from"
    silence = _silence(evidence)
    if silence is not None:
        return silence
    silent = [name for name in _needed(charter, evidence.kind) if name not in evidence.rests_on]
    if silent:
        return f"it does not say on which {' and '.join(silent)} of the charter it rests"
    now = charter.digests()
    changed = [name for name, digest in evidence.rests_on.items() if now.get(name) != digest]
    if changed:
        return f"the charter's {' and '.join(changed)} changed since it was recorded"
    return None


def unmeasured(charter: Charter, valid: Iterable[Evidence]) -> Iterator[tuple[EvidenceKind, str]]:
    """Yield the charter's guardrails and acceptance limits that no check of theirs answers."""
    checked = {(one.kind, check.name) for one in valid for check in one.checks}
    wanted: list[tuple[EvidenceKind, str]] = [
        *(("guardrail", guardrail.label) for guardrail in charter.guardrails),
        *(("evaluation", metric) for metric in charter.acceptance),
    ]
    yield from (pair for pair in wanted if pair not in checked)


def blocks(charter: Charter, kind: EvidenceKind, check: Check) -> bool:
    """Whether a check closes the gate.

    It does where it is blocking and did not pass. Where the charter itself sets a blocking limit
    to what was measured, the number is held against it anew: the charter has the last word, not
    the evidence.
    """
    if check.severity == "block" and not check.passed:
        return True
    limits: list[Limit] = []
    if kind == "guardrail":
        rails = charter.guardrails
        limits += [rail for rail in rails if (rail.label, rail.severity) == (check.name, "block")]
    elif kind == "evaluation" and check.name in charter.acceptance:
        limits.append(charter.acceptance[check.name])
    return any(check.measured is None or not limit.holds(check.measured) for limit in limits)


def _silence(evidence: Evidence) -> str | None:
    """Say what evidence leaves out that it is there for; None where it is not silent.

    Parity compares the served model with the trained one: without a check that blocks, nothing was
    compared. Provenance says from what the bundle was made.
    """
    if evidence.kind == "parity" and not any(one.severity == "block" for one in evidence.checks):
        return "it has no check, so that nobody compared the served model with the trained one"
    if evidence.kind == "provenance":
        unnamed = [name for name in ("data", "code", "environment") if name not in evidence.inputs]
        if unnamed:
            return f"it does not name the {' and '.join(unnamed)} that the bundle was made from"
    return None


def _needed(charter: Charter, kind: EvidenceKind) -> tuple[str, ...]:
    """Return the sections that evidence of a kind must name, or a change would go unseen."""
    if kind == "evaluation":
        return ("data", "value", "acceptance") if charter.acceptance else ("data", "value")
    return {"quality": ("data",), "guardrail": ("guardrails",)}.get(kind, ())


def _data(evidence: Evidence, others: Iterable[Evidence]) -> set[str]:
    """Return the digests of the data that provenance names; where it names none, any counts."""
    named = {
        one.inputs["data"] for one in others if one.kind == "provenance" and "data" in one.inputs
    }
    return named or {evidence.subject}
