"""The gate: from charter, evidence, sign-offs and waivers to open, or what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.charter.people import Role, line_of_defence
from assay.evidence.candidate import Candidate
from assay.evidence.evidence import Check, Evidence
from assay.evidence.sign_off import Signature, SignOff, could_sign, refusal
from assay.evidence.validity import blocks, required_kinds, unmeasured, void_reason

__all__ = ["Verdict", "Waiver", "gate", "waiver_refusal"]


@dataclass(frozen=True)
class Waiver:
    """A person's word that one failed check may stand, for one subject, until a day.

    `kind` is that of the evidence which holds the check; where it is empty, as earlier versions of
    Assay wrote, the waiver counts only where one kind alone has a check of that name. `user` is
    who was logged in when the entry was written.
    """

    subject_digest: str
    check: str
    person: str
    role: Role
    reason: str
    expires: datetime
    at: datetime
    kind: str = ""
    user: str = ""

    @property
    def named(self) -> str:
        """The check with the kind of its evidence, as people write it."""
        return f"{self.kind}: {self.check}" if self.kind else self.check

    def document(self) -> dict[str, Any]:
        """Return the content of a `waived` event."""
        return {
            "at": self.at.isoformat(),
            "subject_digest": self.subject_digest,
            "check": self.check,
            "person": self.person,
            "role": self.role.value,
            "reason": self.reason,
            "expires": self.expires.isoformat(),
            "kind": self.kind,
            "user": self.user,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Waiver:
        """Read a waiver back from the content of its event."""
        return cls(
            subject_digest=document["subject_digest"],
            check=document["check"],
            person=document["person"],
            role=Role(document["role"]),
            reason=document["reason"],
            expires=datetime.fromisoformat(document["expires"]),
            at=datetime.fromisoformat(document["at"]),
            kind=document.get("kind", ""),
            user=document.get("user", ""),
        )


@dataclass(frozen=True)
class Verdict:
    """What the gate says, each line a sentence for people.

    `missing` and `failed` close the gate. `void` tells of evidence, sign-offs and waivers that
    do not count and why; `waived` of failed checks that somebody let stand; `notes` of what a
    reader should know though it closes nothing.
    """

    subject: str
    subject_digest: str
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the candidate may be released."""
        return not self.missing and not self.failed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that stands in the way, with what would have counted; empty when open."""
        return () if self.open else (*self.failed, *self.missing, *self.void)

    def document(self) -> dict[str, Any]:
        """Return the content of a `gate.decided` event, but for its time."""
        return {
            "subject_digest": self.subject_digest,
            "open": self.open,
            "reasons": list(self.reasons),
            "waived": list(self.waived),
            "notes": list(self.notes),
        }


def gate(
    charter: Charter,
    candidate: Candidate,
    evidence: Iterable[Evidence],
    sign_offs: Iterable[SignOff],
    waivers: Iterable[Waiver],
    now: datetime,
) -> Verdict:
    """Judge a candidate, as it was registered, under the charter as it is now.

    Needed: valid evidence of each kind that the charter asks for; every piece of evidence that
    the candidate was registered with (none can be left out); each blocking check passed or
    waived; and a sign-off on this very subject digest by each role that must sign. Evidence is
    void when a section of the charter that it rests on has changed, sign-offs and waivers when
    the subject has. The rules on who may sign are applied anew, whoever wrote the entry. The
    environment that the charter is read for may ask for more signatures, or for them alone.
    """
    bound = candidate.under(charter)
    valid, void = _valid_evidence(charter, bound, tuple(evidence))
    signed, void_signatures = _valid_sign_offs(charter, bound, sign_offs)
    waiving, void_waivers = _valid_waivers(charter, bound, waivers, signed, now)
    failed, waived = _judge_checks(charter, valid, waiving)
    demanded = (
        *_placeholders(charter),
        *_missing_evidence(charter, bound, valid, void),
        *_missing_sign_offs(charter, signed, charter.risk.signers),
    )
    own = [role for role in charter.place.sign_off if role not in charter.risk.signers]
    asked = charter.place.gate
    return Verdict(
        subject=bound.subject,
        subject_digest=bound.digest,
        missing=(
            *(demanded if asked else ()),
            *_missing_sign_offs(charter, signed, own if asked else charter.place.sign_off),
        ),
        failed=failed if asked else (),
        void=(*void.values(), *void_signatures, *void_waivers),
        waived=waived,
        notes=(*_notes(charter, candidate, (*signed, *waiving)), *_warnings(valid)),
    )


def _placeholders(charter: Charter) -> tuple[str, ...]:
    places = ", ".join(charter.placeholders)
    return (f"The charter still says TODO at {places}: write what is meant.",) if places else ()


def _warnings(valid: Mapping[str, Evidence]) -> tuple[str, ...]:
    """Say which checks that only warn did not hold: who signs accepts them."""
    failed = {
        f"Accepted with a warning: {check.name} is "
        f"{'unknown' if check.measured is None else format(check.measured, '.4g')}, "
        f"limit {check.limit}."
        for one in valid.values()
        for check in one.checks
        if check.severity == "warn" and not check.passed
    }
    return tuple(sorted(failed))


def _notes(
    charter: Charter, registered: Candidate, signatures: Sequence[Signature]
) -> tuple[str, ...]:
    """Say where the people who signed may have been named after the version was registered."""
    before, now = registered.sections.get("people"), charter.digests()["people"]
    if before in (None, now) or not signatures:
        return ()
    names = ", ".join(dict.fromkeys(one.person for one in signatures))
    text = (
        f"The charter's people changed after {registered.subject} was registered, and signatures "
        f"count by the people it names now ({names}): see who changed them, and why."
    )
    return (text,)


def waiver_refusal(
    charter: Charter,
    existing: Iterable[SignOff],
    person: str,
    role: Role,
    subject_digest: str | None = None,
) -> str | None:
    """Say why a person may not waive a check; None where they may.

    Only the second line of defence waives; where the charter has none, a role that must sign.
    """
    second = tuple(r for r in Role if line_of_defence(r) == 2 and charter.people.holders(r))
    allowed = second or charter.risk.signers
    if not charter.people.solo and role not in allowed:
        roles = ", ".join(r.value for r in allowed)
        return f"{person} may not waive a check as {role.value}: that is for {roles}."
    return refusal(charter, existing, person, role, subject_digest)


def _valid_evidence(
    charter: Charter, candidate: Candidate, given: Sequence[Evidence]
) -> tuple[dict[str, Evidence], dict[str, str]]:
    """Return valid evidence, and the reason for each that is void, both by digest."""
    by_digest = {one.digest: one for one in given}
    valid: dict[str, Evidence] = {}
    void: dict[str, str] = {}
    for digest, one in by_digest.items():
        reason = void_reason(charter, candidate, one, by_digest.values())
        if reason is None:
            valid[digest] = one
        else:
            void[digest] = f"The {one.kind} evidence {digest[:12]} is void: {reason}."
    return valid, void


def _missing_evidence(
    charter: Charter, candidate: Candidate, valid: Mapping[str, Evidence], void: Mapping[str, str]
) -> tuple[str, ...]:
    lost = [
        f"The evidence {digest[:12]}, which the candidate was registered with, cannot be read: "
        "find its blob again, or build the model again."
        for digest in dict.fromkeys(candidate.evidence)
        if digest not in valid and digest not in void
    ]
    kinds = {one.kind for one in valid.values()}
    absent = [
        f"There is no valid {kind} evidence: build the model again under this charter, or where "
        "its value model alone changed move the policy (`assay policy`)."
        for kind in required_kinds(charter)
        if kind not in kinds
    ]
    skipped = [
        f"Nobody measured {name}, which the charter sets a limit to: build the model again."
        for kind, name in unmeasured(charter, valid.values())
        if kind in kinds
    ]
    return (*lost, *absent, *skipped)


def _judge_checks(
    charter: Charter, valid: Mapping[str, Evidence], waivers: Sequence[Waiver]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the checks that close the gate and those that are waived, as sentences."""
    failed: dict[str, None] = {}
    waived: dict[str, None] = {}
    holders = {(check.name, one.kind) for one in valid.values() for check in one.checks}
    for one in valid.values():
        for check in (check for check in one.checks if blocks(charter, one.kind, check)):
            text = _failure(one.kind, check)
            kinds = [kind for name, kind in holders if name == check.name]
            by = next((waiver for waiver in waivers if _waives(waiver, one, check, kinds)), None)
            if by is None:
                failed[text] = None
            else:
                until = f"{by.expires:%Y-%m-%d %H:%M}"
                text += f" Waived by {by.person} as {by.role.value} until {until}: {by.reason}"
                waived[text] = None
    return tuple(failed), tuple(waived)


def _waives(waiver: Waiver, held_by: Evidence, check: Check, kinds: Sequence[str]) -> bool:
    """Whether a waiver is about this check of this evidence; `kinds` have one of its name."""
    bound = waiver.kind == held_by.kind if waiver.kind else len(kinds) == 1
    return bound and waiver.check == check.name


def _failure(kind: str, check: Check) -> str:
    measured = "no number" if check.measured is None else f"{check.measured:.4g}"
    note = f" {check.note}" if check.note else ""
    return f"The {kind} check {check.name} failed: {measured}, limit {check.limit}.{note}"


def _valid_sign_offs(
    charter: Charter, candidate: Candidate, given: Iterable[SignOff]
) -> tuple[tuple[SignOff, ...], tuple[str, ...]]:
    counted: list[SignOff] = []
    void: list[str] = []
    for one in given:
        if one.subject_digest != candidate.digest:
            reason = (
                f"it is on {one.subject_digest[:12]}, not on {candidate.digest[:12]}, which "
                f"{candidate.subject} is now; sign again"
            )
        else:
            reason = refusal(charter, counted, one.person, one.role) or ""
        if reason:
            void.append(f"The sign-off of {one.person} as {one.role.value} is void: {reason}")
        else:
            counted.append(one)
    return tuple(counted), tuple(text.rstrip(".") + "." for text in void)


def _valid_waivers(
    charter: Charter,
    candidate: Candidate,
    given: Iterable[Waiver],
    signed: Sequence[SignOff],
    now: datetime,
) -> tuple[tuple[Waiver, ...], tuple[str, ...]]:
    counted: list[Waiver] = []
    void: list[str] = []
    for one in given:
        if one.subject_digest != candidate.digest:
            reason = f"it is on {one.subject_digest[:12]}, not on {candidate.digest[:12]}"
        elif one.expires <= now:
            reason = f"it expired on {one.expires:%Y-%m-%d %H:%M}"
        else:
            reason = waiver_refusal(charter, signed, one.person, one.role) or ""
        if reason:
            void.append(f"The waiver of {one.named} by {one.person} is void: {reason}")
        else:
            counted.append(one)
    return tuple(counted), tuple(text.rstrip(".") + "." for text in void)


def _missing_sign_offs(
    charter: Charter, signed: Sequence[SignOff], roles: Iterable[Role]
) -> tuple[str, ...]:
    missing = []
    for role in roles:
        if any(one.role is role for one in signed):
            continue
        who = could_sign(charter, signed, role)
        if charter.people.solo:
            names = "anybody, since one person holds every role"
        elif who:
            names = " or ".join(who)
        else:
            names = "nobody is left who may; name another holder in the charter"
        whose = role.value if role is Role.OPERATIONS else f"a {role.value}"
        missing.append(f"The sign-off of {whose} is missing (who can sign: {names}).")
    return tuple(missing)
