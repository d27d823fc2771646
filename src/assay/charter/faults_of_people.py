"""Whether those who must sign can: roles held, and two lines of defence by two people."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.finding import Finding
from assay.charter.people import line_of_defence
from assay.charter.unread import apart

__all__ = ["RULES"]


def _solo_in_low_tier(charter: Charter) -> Iterator[Finding]:
    if charter.people.solo and charter.risk.tier != "low":
        yield Finding(
            ("people",),
            f"one person may hold every role in tier low only, and this is tier "
            f"{charter.risk.tier}",
            "name who holds each role, or set `risk.tier: low` where that is true",
        )


def _signers_held(charter: Charter) -> Iterator[Finding]:
    if charter.people.solo:
        return
    for role in charter.risk.signers:
        if not charter.people.holders(role):
            yield Finding(
                ("people", role.value),
                f"nobody holds this role, which must sign (tier {charter.risk.tier})",
                f"add `{role.value}: NAME`",
            )


def _two_lines(charter: Charter) -> Iterator[Finding]:
    if charter.people.solo:
        return
    held = {role: set(charter.people.holders(role)) for role in charter.risk.signers}
    if not all(held.values()):
        return
    first = [people for role, people in held.items() if line_of_defence(role) == 1]
    for role, people in held.items():
        if line_of_defence(role) == 2 and not any(
            all(others - {person} for others in first) for person in people
        ):
            yield Finding(
                ("people", role.value),
                "the same person would have to sign on both lines of defence",
                f"name for {role.value} somebody who holds none of: "
                f"{', '.join(r.value for r in held if line_of_defence(r) == 1)}",
            )


def _risks_owned(charter: Charter) -> Iterator[Finding]:
    yield from apart(_owned(charter, i) for i in range(len(charter.risk.register_)))


def _owned(charter: Charter, i: int) -> Iterator[Finding]:
    owner = charter.risk.register_[i].owner
    if not charter.people.solo and not charter.people.holders(owner):
        yield Finding(
            ("risk", "register", i, "owner"),
            "nobody holds this role",
            f"add `{owner.value}: NAME` under `people`, or name another owner",
        )


RULES = (_solo_in_low_tier, _signers_held, _two_lines, _risks_owned)
