"""Approval and release on the ledger: what is written, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.adapters.memory_blobs import MemoryBlobs
from assay.adapters.memory_desired import MemoryDesired
from assay.adapters.memory_ledger import MemoryLedger
from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.errors import CheckFailed, GateClosed, InputError, LedgerConflict, SignOffRefused
from assay.evidence.digest import canonical_bytes
from assay.evidence.evidence import Check, Evidence
from assay.evidence.gate import Verdict, Waiver
from assay.evidence.states import ReleaseState
from assay.evidence.validity import required_kinds
from assay.lifecycle.approval import (
    evidence_of,
    judge,
    model_state,
    role_named,
    sign,
    submit_charter,
    version_state,
    waive,
)
from assay.lifecycle.releasing import Action, release
from assay.lifecycle.telling import publish, release_state

from .conftest import charter

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DATA = "d" * 64
PM, RISK = Role.PRODUCT_MANAGER, Role.RISK_OFFICER
SAME = Check("largest score difference", passed=True, measured=0.0, limit="at most 0.0001")
WEAK = Check("leaks", passed=False, measured=0.99, limit="below 0.95")


def two_lines(**sections: dict[str, Any]) -> Charter:
    """A charter of the medium tier with one person on each line of defence."""
    document = charter(**sections).model_dump(mode="json", exclude_none=True, by_alias=True)
    people = {"product_manager": "Ana", "risk_officer": "Rui"}
    risk = {"tier": "medium", "register": []}
    return Charter.model_validate({**document, "people": people, "risk": risk})


@dataclass
class Office:
    """A ledger, blobs and a desired state in memory, and the charter that is judged under."""

    charter: Charter = field(default_factory=two_lines)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    desired: MemoryDesired = field(default_factory=MemoryDesired)
    now: datetime = NOW

    def register(self, version: int, *checks: Check) -> None:
        """Write a version and one piece of evidence of each kind, as a build would."""
        digests, bundle = self.charter.digests(), str(version) * 64
        subject = f"model:{self.charter.name}/{version}"
        registered = {"charter": self.charter.digest, "sections": digests, "origin": {}}
        self._append(subject, "model.registered", {"bundle": bundle, **registered})
        for kind in required_kinds(self.charter):
            one = Evidence(
                kind=kind,
                subject=DATA if kind == "quality" else bundle,
                rests_on=digests,
                inputs={"data": DATA, "code": DATA, "environment": DATA},
                checks={"evaluation": checks, "parity": (SAME,)}.get(kind, ()),
            )
            told = {"evidence": self.blobs.put(one.bytes), "kind": kind, "passed": not checks}
            self._append(subject, "evidence.recorded", told)

    def sign(self, person: str, role: Role, version: int | None = None) -> str:
        candidate, signed = sign(self.ledger, self.charter, version, (person, role, ""), self.now)
        assert signed.subject_digest == candidate.digest
        return signed.subject_digest

    def waive(self, check: str, person: str, role: Role) -> Waiver:
        given = (check, person, role, "trial", 3)
        return waive(self.ledger, self.blobs, self.charter, 1, given, self.now, "rui01")[1]

    def judge(self, version: int | None = None) -> Verdict:
        return judge(self.ledger, self.blobs, self.charter, version, self.now)[1]

    def release(self, action: Action = "start", version: int | None = None) -> ReleaseState:
        judged = judge(self.ledger, self.blobs, self.charter, version, self.now)
        return release(
            self.ledger,
            self.desired,
            self.charter,
            judged,
            action=action,
            reason="by hand",
            salt="s",
            now=self.now,
        )

    def types(self) -> list[str]:
        return [event.type for event in self.ledger.events()]

    def _append(self, subject: str, type_: str, content: Mapping[str, Any]) -> None:
        document = {**content, "at": self.now.isoformat()}
        self.ledger.append(subject, type_, canonical_bytes(document), None)


@pytest.fixture
def office() -> Office:
    """One version with evidence of every kind, and no signature."""
    office = Office()
    office.register(1)
    return office


def test_a_charter_is_written_down_when_it_changes() -> None:
    office = Office()
    assert submit_charter(office.ledger, office.charter, "ana", NOW)
    assert not submit_charter(office.ledger, office.charter, "ana", NOW)
    other = two_lines(value={"run_cost_per_month": 5})
    assert submit_charter(office.ledger, other, "ana", NOW)
    assert submit_charter(office.ledger, office.charter, "ana", NOW), "back is a change too"
    assert office.types() == ["charter.submitted"] * 3


def test_the_gate_s_answer_is_written_once_until_it_changes(office: Office) -> None:
    for _ in range(3):
        assert not office.judge().open
    assert office.types().count("gate.decided") == 1
    office.sign("Ana", PM)
    office.judge()
    office.sign("Rui", RISK)
    assert office.judge().open
    assert office.types().count("gate.decided") == 3


def test_one_person_may_not_sign_on_both_lines(office: Office) -> None:
    office.charter = Charter.model_validate(
        {
            **office.charter.model_dump(mode="json", exclude_none=True, by_alias=True),
            "people": {"product_manager": "Ana", "risk_officer": ["Ana", "Rui"]},
        }
    )
    office.sign("Ana", PM)
    before = len(office.types())
    with pytest.raises(SignOffRefused, match="may not sign it as risk_officer"):
        office.sign("  ANA ", RISK)
    assert len(office.types()) == before


def test_signatures_on_a_version_do_not_count_for_the_next(office: Office) -> None:
    first = office.sign("Ana", PM)
    office.sign("Rui", RISK)
    office.register(2)
    assert not office.judge().open
    with pytest.raises(GateClosed, match="sign-off of a risk_officer is missing"):
        office.release()
    assert office.sign("Ana", PM) != first
    assert office.judge(1).open


def test_evidence_that_is_lost_closes_the_gate(office: Office) -> None:
    office.sign("Ana", PM)
    office.sign("Rui", RISK)
    office.blobs.contents.clear()
    reasons = " ".join(office.judge().reasons)
    assert "cannot be read: find its blob again" in reasons
    state = version_state(office.ledger, office.charter, 1)
    assert evidence_of(office.blobs, state) == ()


def test_somebody_wrote_meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    state = model_state(office.ledger, office.charter)
    office.sign("Rui", RISK)
    monkeypatch.setattr("assay.lifecycle.approval.model_state", lambda *_: state)
    with pytest.raises(LedgerConflict, match="somebody wrote to it meanwhile"):
        office.sign("Ana", PM)


def test_a_waiver_holds_until_it_expires_and_only_from_the_second_line() -> None:
    office = Office()
    office.register(1, WEAK)
    office.sign("Ana", PM)
    office.sign("Rui", RISK)
    assert "leaks failed" in office.judge().reasons[0]
    with pytest.raises(SignOffRefused, match="may not waive"):
        office.waive("leaks", "Ana", PM)
    waiver = office.waive("leaks", "Rui", RISK)
    assert (waiver.kind, waiver.check, waiver.user) == ("evaluation", "leaks", "rui01")
    assert waiver.expires == NOW + timedelta(days=3)
    assert office.judge().open
    office.now = NOW + timedelta(days=3)
    reasons = office.judge().reasons
    assert any("expired on 2026-03-04" in reason for reason in reasons)


def test_a_waiver_names_one_check() -> None:
    office = Office()
    office.register(1, WEAK, replace(SAME, passed=False))
    assert office.waive("evaluation: leaks", "Rui", RISK).kind == "evaluation"
    same = "largest score difference"
    with pytest.raises(InputError, match=f"More than one.*`evaluation: {same}`, `parity: {same}`"):
        office.waive(same, "Rui", RISK)
    assert office.waive(f"parity: {same}", "Rui", RISK).named == f"parity: {same}"
    with pytest.raises(InputError, match=r"No check of this version is named 'leak'.*`evaluation"):
        office.waive("leak", "Rui", RISK)


def test_who_was_logged_in_is_written_beside_the_name(office: Office) -> None:
    sign(office.ledger, office.charter, 1, ("Ana", PM, ""), NOW, "ana01")
    signed = version_state(office.ledger, office.charter, 1).sign_offs[0]
    assert (signed.person, signed.user) == ("Ana", "ana01")


def test_people_named_after_the_registration_are_pointed_out(office: Office) -> None:
    document = office.charter.model_dump(mode="json", exclude_none=True, by_alias=True)
    people = {"product_manager": "Eva", "risk_officer": "Rui"}
    office.charter = Charter.model_validate({**document, "people": people})
    office.sign("Eva", PM)
    office.sign("Rui", RISK)
    verdict = office.judge()
    assert "people changed after model:calls/1 was registered" in verdict.notes[0]


@pytest.mark.parametrize("version", [None, 1])
def test_no_version_is_the_user_s_mistake(version: int | None) -> None:
    office = Office()
    with pytest.raises(InputError, match=r"registered: none.*assay build"):
        office.judge(version)
    assert office.types() == []


def test_roles_are_named_as_people_write_them() -> None:
    assert {role_named(one) for one in ("Risk Officer", "risk-officer", " RISK_OFFICER ")} == {RISK}
    with pytest.raises(InputError, match="no role 'boss'"):
        role_named("boss")


def _promoting() -> Office:
    """Two versions signed under a canary; the first is champion."""
    office = Office(two_lines(release={"strategy": "canary", "steps": [0.5]}))
    for version in (1, 2):
        office.register(version, replace(WEAK, passed=True))
        office.sign("Ana", PM, version)
        office.sign("Rui", RISK, version)
    return office


def test_a_promotion_is_written_with_what_it_takes_of_the_loss_budget() -> None:
    office = _promoting()
    office.release("start", 1)
    assert office.release("promote", 1).history[-1].spent == pytest.approx(100)
    entry = list(office.ledger.events("release:calls"))[-1].data
    assert entry["tolerance"] == pytest.approx(0.1 / 12)
    assert entry["decisions_per_year"] == 12_000
    office.release("start", 2)
    state = office.release("step", 2)
    assert [step.spent for step in state.history if step.spent] == pytest.approx([100, 100])


def test_no_canary_starts_when_nothing_is_left_of_the_loss_budget() -> None:
    office = _promoting()
    for n in range(12):
        version = n % 2 + 1
        office.release("start", version)
        office.release("promote", version)
        office.now += timedelta(days=10)
    before = len(list(office.ledger.events("release:calls")))
    with pytest.raises(CheckFailed, match=r"1,200 of 1,200 EUR.*larger `release.loss_budget"):
        office.release("start", 1)
    assert len(list(office.ledger.events("release:calls"))) == before
    office.now = NOW + timedelta(days=366)
    assert office.release("start", 1).running


def test_a_release_is_told_to_gateways_after_the_ledger_has_it(office: Office) -> None:
    assert release_state(office.ledger, office.charter).champion is None
    office.charter = two_lines(release={"strategy": "immediate", "alpha": 0.01})
    office.sign("Ana", PM)
    office.sign("Rui", RISK)
    reasons = " ".join(office.judge().reasons)
    assert "changed since it was recorded" in reasons, "release is a section that is signed"
    office.register(2)
    office.sign("Ana", PM)
    office.sign("Rui", RISK)
    state = office.release()
    assert state.champion is not None
    assert state.champion.version == 2
    told = office.desired.read()
    assert told is not None
    assert b"2" * 64 in told
    with pytest.raises(CheckFailed, match="serves already"):
        office.release()
    with pytest.raises(CheckFailed, match="is not being tried"):
        office.release("step")
    with pytest.raises(CheckFailed, match="nothing to roll back to"):
        office.release("roll_back")
    assert office.types().count("release.started") == 1
    assert publish(office.ledger, office.desired, office.charter) == state
