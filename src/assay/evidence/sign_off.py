"""Sign-off: a named person in a role accepts one subject digest."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from assay.charter.charter import PLACEHOLDER, Charter
from assay.charter.people import Role, line_of_defence

__all__ = ["SignOff", "Signature", "could_sign", "refusal", "same_person"]


class Signature(Protocol):
    """Whatever a person has put their name to in a role: a sign-off or a waiver."""

    @property
    def person(self) -> str:
        """The name as it was given."""
        ...

    @property
    def role(self) -> Role:
        """The role in which the person signed."""
        ...

    @property
    def subject_digest(self) -> str:
        """What was signed."""
        ...


@dataclass(frozen=True)
class SignOff:
    """One person's yes, in one role, to one subject digest; void when the subject changes.

    `person` is a name that was given; `user` is who was logged in when the entry was written.
    """

    person: str
    role: Role
    subject_digest: str
    at: datetime
    note: str = ""
    user: str = ""

    def document(self) -> dict[str, Any]:
        """Return the content of a `signed` event."""
        return {
            "at": self.at.isoformat(),
            "subject_digest": self.subject_digest,
            "person": self.person,
            "role": self.role.value,
            "note": self.note,
            "user": self.user,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SignOff:
        """Read a sign-off back from the content of its event."""
        return cls(
            person=document["person"],
            role=Role(document["role"]),
            subject_digest=document["subject_digest"],
            at=datetime.fromisoformat(document["at"]),
            note=document.get("note", ""),
            user=document.get("user", ""),
        )


def refusal(
    charter: Charter,
    existing: Iterable[Signature],
    person: str,
    role: Role,
    subject_digest: str | None = None,
) -> str | None:
    """Say why a person may not sign a subject in a role; None where they may.

    `existing` are the signatures on the subject so far; where `subject_digest` is given, those
    on another digest do not count. Nobody signs for two lines of defence on the same subject
    (The Institute of Internal Auditors, Three Lines Model, 2020, principle 5), except under
    `people: solo`, which only the lowest risk tier may have. Names are compared without regard
    to case, blanks and Unicode form, so that no one becomes two by spelling.
    """
    if not _key(person):
        return "A sign-off needs the name of a person; none was given."
    if person.strip().startswith(PLACEHOLDER):
        return f"{person!r} is a placeholder: put the person's name into the charter's people."
    if charter.people.solo:
        if charter.risk.tier == "low":
            return None
        return (
            f"`people: solo` is for the low risk tier only, and this charter's tier is "
            f"{charter.risk.tier}: name the people in the charter, then sign."
        )
    holders = charter.people.holders(role)
    if not any(same_person(person, holder) for holder in holders):
        named = ", ".join(holders) if holders else "nobody"
        return (
            f"{person} does not hold the role {role.value}: the charter names {named}. "
            "Let the holder sign, or change the charter's people."
        )
    other = _other_line(existing, person, role, subject_digest)
    if other is not None:
        return (
            f"{person} has already signed this as {other.value}, on line of defence "
            f"{line_of_defence(other)}, and may not sign it as {role.value}, on line "
            f"{line_of_defence(role)}, too. Another holder of the role must sign."
        )
    return None


def could_sign(charter: Charter, existing: Iterable[Signature], role: Role) -> tuple[str, ...]:
    """Return the holders of a role whose signature would not be refused."""
    signed = tuple(existing)
    return tuple(
        person
        for person in charter.people.holders(role)
        if refusal(charter, signed, person, role) is None
    )


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's.

    >>> same_person("Ana Silva", " ana  SILVA"), same_person("Ana", "Anna")
    (True, False)
    """
    return _key(one) == _key(other)


def _other_line(
    existing: Iterable[Signature], person: str, role: Role, subject_digest: str | None
) -> Role | None:
    for signature in existing:
        counts = subject_digest is None or signature.subject_digest == subject_digest
        crosses = line_of_defence(signature.role) != line_of_defence(role)
        if counts and crosses and same_person(signature.person, person):
            return signature.role
    return None


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
