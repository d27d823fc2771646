"""Approval: submit the charter, ask the gate, put a name to a version; all of it on the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.errors import InputError, SignOffRefused
from assay.evidence.candidate import Candidate
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import EventType
from assay.evidence.evidence import Evidence
from assay.evidence.folds import ModelState, VersionState, charters, models
from assay.evidence.gate import Verdict, Waiver, gate, waiver_refusal
from assay.evidence.sign_off import Signature, SignOff, refusal
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger

__all__ = [
    "ask",
    "evidence_of",
    "judge",
    "model_state",
    "permit",
    "role_named",
    "sign",
    "submit_charter",
    "version_state",
    "waive",
    "write",
]


def write(
    ledger: Ledger,
    subject: str,
    type_: EventType,
    content: Mapping[str, Any],
    now: datetime,
    expected: int | None = None,
) -> None:
    """Append one entry, with its time."""
    document = {**content, "at": now.isoformat()}
    ledger.append(subject, type_.value, canonical_bytes(document), expected)


def submit_charter(ledger: Ledger, charter: Charter, by: str, now: datetime) -> bool:
    """Record a charter that the ledger has not seen as its newest; whether there was a change."""
    subject = f"charter:{charter.name}"
    state = charters(ledger.events(subject)).get(charter.name)
    if state is not None and state.versions and state.current.digest == charter.digest:
        return False
    content = {"digest": charter.digest, "sections": charter.digests(), "by": by}
    write(ledger, subject, EventType.CHARTER_SUBMITTED, content, now)
    return True


def model_state(ledger: Ledger, charter: Charter) -> ModelState:
    """Return the state of the charter's model, from the ledger."""
    return models(ledger.events()).get(charter.name, ModelState(charter.name))


def version_state(ledger: Ledger, charter: Charter, version: int | None) -> VersionState:
    """Return one registered version, the newest where none is named; InputError where none is."""
    state = model_state(ledger, charter)
    found = state.newest if version is None else state.versions.get(version)
    if found is None or not found.bundle:
        known = ", ".join(str(one.version) for one in state.registered) or "none"
        wanted = "a version" if version is None else f"version {version}"
        raise InputError(
            f"{charter.name} has no such thing as {wanted} (registered: {known}). "
            "Run `assay build` first, or name one that is there."
        )
    return found


def evidence_of(blobs: Blobs, state: VersionState) -> tuple[Evidence, ...]:
    """Return a version's evidence, read back and checked against its digests.

    Evidence whose blob is lost is left out; the gate then names it as missing.
    """
    documents = (
        json.loads(blobs.get(one.digest)) for one in state.evidence if blobs.has(one.digest)
    )
    return tuple(Evidence.from_document(document) for document in documents)


def permit(ledger: Ledger, charter: Charter, permitted: Mapping[str, Any], now: datetime) -> None:
    """Record what a person allowed (what, why, by), on the version that may come of it."""
    version = model_state(ledger, charter).next_version
    subject = f"model:{charter.name}/{version}"
    write(ledger, subject, EventType.PERMISSION_GRANTED, permitted, now)


def ask(blobs: Blobs, charter: Charter, state: VersionState, now: datetime) -> Verdict:
    """Ask the gate about a version under the charter as it is now; nothing is written."""
    evidence = evidence_of(blobs, state)
    return gate(charter, state.candidate, evidence, state.sign_offs, state.waivers, now)


def judge(
    ledger: Ledger, blobs: Blobs, charter: Charter, version: int | None, now: datetime
) -> tuple[Candidate, Verdict]:
    """Ask the gate about a version under the charter as it is now, and record its answer."""
    state = version_state(ledger, charter, version)
    candidate = state.candidate.under(charter)
    verdict = ask(blobs, charter, state, now)
    newest = state.gates[-1] if state.gates else None
    told = None if newest is None else (newest.subject_digest, newest.open, newest.reasons)
    if told != (verdict.subject_digest, verdict.open, verdict.reasons):
        write(ledger, candidate.subject, EventType.GATE_DECIDED, verdict.document(), now)
    return candidate, verdict


def sign(
    ledger: Ledger,
    charter: Charter,
    version: int | None,
    signature: tuple[str, Role, str],
    now: datetime,
    user: str = "",
) -> tuple[Candidate, SignOff]:
    """Record a person's yes to a version; `signature` is (person, role, note).

    `user` is who is logged in, written down beside the name that was given.

    Raises SignOffRefused where the rules do not let this person sign in this role, and
    LedgerConflict where somebody wrote about the version meanwhile.
    """
    person, role, note = signature
    state = version_state(ledger, charter, version)
    candidate = state.candidate.under(charter)
    existing: tuple[Signature, ...] = (*state.sign_offs, *state.waivers)
    reason = refusal(charter, existing, person, role, candidate.digest)
    if reason is not None:
        raise SignOffRefused(reason)
    signed = SignOff(person, role, candidate.digest, now, note, user)
    content = signed.document()
    write(ledger, candidate.subject, EventType.SIGNED, content, now, state.revision)
    return candidate, signed


def waive(
    ledger: Ledger,
    blobs: Blobs,
    charter: Charter,
    version: int | None,
    waiver: tuple[str, str, Role, str, int],
    now: datetime,
    user: str = "",
) -> tuple[Candidate, Waiver]:
    """Record that a failed check may stand; `waiver` is (check, person, role, reason, days).

    The check is named as `kind: name`, or by its name where only one kind of evidence has such a
    check; InputError where that names none or more than one. `user` is who is logged in.
    """
    check, person, role, reason, days = waiver
    if not reason.strip():
        raise InputError("A waiver needs a reason that everybody can read; none was given.")
    state = version_state(ledger, charter, version)
    candidate = state.candidate.under(charter)
    kind, name = _check_named(check, evidence_of(blobs, state))
    refused = waiver_refusal(charter, state.sign_offs, person, role, candidate.digest)
    if refused is not None:
        raise SignOffRefused(refused)
    until = now + timedelta(days=days)
    one = Waiver(candidate.digest, name, person, role, reason, until, now, kind, user)
    write(ledger, candidate.subject, EventType.WAIVED, one.document(), now, state.revision)
    return candidate, one


def _check_named(given: str, evidence: Sequence[Evidence]) -> tuple[str, str]:
    """Return the kind and the name of the check that somebody means."""
    there = dict.fromkeys((one.kind, check.name) for one in evidence for check in one.checks)
    found = [pair for pair in there if given.strip() in (pair[1], f"{pair[0]}: {pair[1]}")]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"`{kind}: {name}`" for kind, name in (found or there)) or "none"
    raise InputError(
        f"{'More than one' if found else 'No'} check of this version is named {given!r}. "
        f"Name one of these: {names}."
    )


def role_named(name: str) -> Role:
    """Return the role of that name; InputError with the names there are.

    >>> role_named("risk officer").value
    'risk_officer'
    """
    wanted = name.strip().lower().replace(" ", "_").replace("-", "_")
    try:
        return Role(wanted)
    except ValueError:
        names = ", ".join(role.value for role in Role)
        raise InputError(f"There is no role {name!r}. The roles are: {names}.") from None
