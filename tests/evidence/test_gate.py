from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.evidence.candidate import Candidate
from assay.evidence.evidence import Check, Evidence, EvidenceKind
from assay.evidence.gate import Verdict, Waiver, _missing_sign_offs, gate, waiver_refusal
from assay.evidence.sign_off import SignOff, refusal
from assay.evidence.validity import required_kinds

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BUNDLE, DATA = "b" * 64, "d" * 64
INPUTS = {"data": DATA, "code": "c" * 64, "environment": "e" * 64}
SECTIONS = {
    "quality": ("data",),
    "evaluation": ("data", "value", "acceptance"),
    "guardrail": ("data", "value", "guardrails"),
    "parity": (),
    "provenance": ("data", "build"),
}
SAME = Check("largest score difference", passed=True, measured=0.0, limit="at most 0.0001")
NOISE, AUC = "value_kept_under_noise", "roc_auc"
Make = Callable[..., Charter]


def shown(charter: Charter, kind: EvidenceKind, *checks: Check) -> Evidence:
    digests = charter.digests()
    return Evidence(
        kind=kind,
        subject=DATA if kind == "quality" else BUNDLE,
        rests_on={name: digests[name] for name in SECTIONS[kind]},
        inputs=INPUTS,
        checks=checks,
    )


def all_evidence(charter: Charter, auc: bool = True, noise: bool = True) -> list[Evidence]:
    return [
        shown(charter, "quality"),
        shown(charter, "evaluation", Check(AUC, auc, 0.6 + 0.2 * auc, "at least 0.7")),
        shown(charter, "guardrail", Check(NOISE, noise, 0.9, "at least 0.8")),
        shown(charter, "parity", SAME),
        shown(charter, "provenance"),
    ]


@dataclass
class Case:
    """Everything that the gate looks at; tests spoil one thing at a time."""

    charter: Charter
    evidence: list[Evidence]
    candidate: Candidate
    sign_offs: list[SignOff]
    waivers: list[Waiver]

    @property
    def digest(self) -> str:
        return self.candidate.under(self.charter).digest

    def verdict(self, now: datetime = NOW) -> Verdict:
        return gate(self.charter, self.candidate, self.evidence, self.sign_offs, self.waivers, now)

    def sign(self, *signatures: tuple[str, Role]) -> Case:
        self.sign_offs = [SignOff(who, role, self.digest, NOW) for who, role in signatures]
        return self

    def waive(self, check: str, who: str = "Rui", role: Role = Role.RISK_OFFICER) -> Case:
        until = NOW + timedelta(days=30)
        self.waivers.append(Waiver(self.digest, check, who, role, "known", until, NOW))
        return self


def case(charter: Charter, evidence: Sequence[Evidence] | None = None) -> Case:
    shown_ = list(all_evidence(charter) if evidence is None else evidence)
    digests = tuple(one.digest for one in shown_)
    candidate = Candidate("bank", 1, BUNDLE, digests, charter.digests())
    signed = Case(charter, shown_, candidate, [], [])
    return signed.sign(("Ana", Role.PRODUCT_MANAGER), ("Rui", Role.RISK_OFFICER))


def test_a_candidate_with_everything_passes(make_charter: Make) -> None:
    verdict = case(make_charter()).verdict()
    assert verdict.open
    assert verdict.reasons == ()
    assert (verdict.missing, verdict.failed, verdict.void, verdict.waived) == ((), (), (), ())
    assert verdict.subject == "model:bank/1"
    assert verdict.document()["open"] is True


def test_guardrails_are_needed_only_where_the_charter_has_any(make_charter: Make) -> None:
    charter = make_charter(guardrails=[])
    assert "guardrail" not in required_kinds(charter)
    evidence = [one for one in all_evidence(charter) if one.kind != "guardrail"]
    assert case(charter, evidence).verdict().open


@pytest.mark.parametrize("kind", ["quality", "evaluation", "guardrail", "parity", "provenance"])
def test_each_kind_of_evidence_is_needed(make_charter: Make, kind: str) -> None:
    charter = make_charter()
    evidence = [one for one in all_evidence(charter) if one.kind != kind]
    verdict = case(charter, evidence).verdict()
    assert not verdict.open
    told = (
        f"There is no valid {kind} evidence: build the model again under this charter, or where "
        "its value model alone changed move the policy (`assay policy`)."
    )
    assert verdict.missing == (told,)


def test_evidence_that_was_recorded_cannot_be_left_out(make_charter: Make) -> None:
    charter = make_charter()
    bad = shown(charter, "evaluation", Check(AUC, passed=False, measured=0.5, limit="at least 0.7"))
    whole = case(charter, [*all_evidence(charter), bad])
    assert not whole.verdict().open
    whole.evidence.remove(bad)
    verdict = whole.verdict()
    assert not verdict.open
    assert verdict.missing[0].startswith(f"The evidence {bad.digest[:12]}")


def test_evidence_that_was_not_recorded_does_not_count(make_charter: Make) -> None:
    charter = make_charter()
    evidence = all_evidence(charter)
    short = case(charter, [one for one in evidence if one.kind != "parity"])
    short.evidence = evidence
    verdict = short.verdict()
    assert not verdict.open
    assert "model:bank/1 was not registered with it" in verdict.void[0]


@pytest.mark.parametrize("kind", ["evaluation", "quality"])
def test_evidence_about_something_else_is_void(make_charter: Make, kind: str) -> None:
    charter = make_charter()
    evidence = [
        replace(one, subject="f" * 64) if one.kind == kind else one for one in all_evidence(charter)
    ]
    verdict = case(charter, evidence).verdict()
    assert not verdict.open
    assert f"The {kind} evidence" in verdict.void[0]
    assert f"There is no valid {kind} evidence" in verdict.reasons[0]


def test_evidence_that_hides_what_it_rests_on_is_void(make_charter: Make) -> None:
    charter = make_charter()
    evidence = [replace(one, rests_on={}) for one in all_evidence(charter)]
    verdict = case(charter, evidence).verdict()
    assert "does not say on which data and value and acceptance" in " ".join(verdict.void)


@pytest.mark.parametrize(
    ("sections", "void", "open_"),
    [
        ({"title": "Whom to ring"}, (), True),
        ({"problem": {"business": "x", "analytical": "a", "hypothesis": "h"}}, (), True),
        ({"monitoring": {"window": "500 rows"}}, (), True),
        (
            {"guardrails": [{"metric": NOISE, "at_least": 0.9}]},
            ("guardrail",),
            False,
        ),
        ({"acceptance": {AUC: {"at_least": 0.8}}}, ("evaluation",), False),
        ({"build": {"seed": 8}}, ("provenance",), False),
        ({"release": {"strategy": "canary"}}, (), False),
    ],
)
def test_a_change_of_the_charter_voids_what_rests_on_it_and_no_more(
    make_charter: Make, sections: dict[str, Any], void: tuple[str, ...], open_: bool
) -> None:
    before = case(make_charter())
    before.charter = make_charter(**sections)
    verdict = before.verdict()
    assert verdict.open is open_
    voided = [text for text in verdict.void if "evidence" in text]
    assert [text.split()[1] for text in voided] == list(void)
    signatures = [text for text in verdict.void if "sign-off" in text]
    assert len(signatures) == (0 if open_ else 2)  # people sign again what has changed


def test_a_failed_check_closes_the_gate(make_charter: Make) -> None:
    charter = make_charter()
    verdict = case(charter, all_evidence(charter, auc=False)).verdict()
    assert verdict.failed == ("The evaluation check roc_auc failed: 0.6, limit at least 0.7.",)
    assert verdict.reasons == verdict.failed


def test_a_failed_warning_does_not(make_charter: Make) -> None:
    charter = make_charter()
    evidence = all_evidence(charter)
    evidence[0] = replace(
        evidence[0],
        checks=(Check("duplicates", passed=False, measured=9, limit="at most 0", severity="warn"),),
    )
    assert case(charter, evidence).verdict().open


def test_a_check_without_a_number_fails(make_charter: Make) -> None:
    charter = make_charter()
    evidence = all_evidence(charter)
    evidence[2] = shown(
        charter, "guardrail", Check(NOISE, passed=False, measured=None, limit="x", note="No rows.")
    )
    verdict = case(charter, evidence).verdict()
    assert verdict.failed == (f"The guardrail check {NOISE} failed: no number, limit x. No rows.",)


@pytest.mark.parametrize("measured", [0.5, None])
@pytest.mark.parametrize(("at", "kind", "name"), [(1, "evaluation", AUC), (2, "guardrail", NOISE)])
def test_the_charter_has_the_last_word_on_its_limits(
    make_charter: Make, at: int, kind: EvidenceKind, name: str, measured: float | None
) -> None:
    charter = make_charter()
    evidence = all_evidence(charter)
    flattering = Check(name, passed=True, measured=measured, limit="none", severity="warn")
    evidence[at] = shown(charter, kind, flattering)
    verdict = case(charter, evidence).verdict()
    assert not verdict.open
    assert verdict.failed[0].startswith(f"The {kind} check {name} failed")


def test_a_guardrail_that_only_warns_does_not_close_the_gate(make_charter: Make) -> None:
    rail = {"metric": NOISE, "at_least": 0.95, "severity": "warn"}
    charter = make_charter(guardrails=[rail])
    evidence = all_evidence(charter)
    warned = Check(NOISE, passed=False, measured=0.9, limit="at least 0.95", severity="warn")
    evidence[2] = shown(charter, "guardrail", warned)
    assert case(charter, evidence).verdict().open


@pytest.mark.parametrize(("kind", "name"), [("guardrail", NOISE), ("evaluation", AUC)])
def test_a_limit_that_nobody_measured_closes_the_gate(
    make_charter: Make, kind: str, name: str
) -> None:
    charter = make_charter()
    evidence = [
        replace(one, checks=()) if one.kind == kind else one for one in all_evidence(charter)
    ]
    verdict = case(charter, evidence).verdict()
    assert verdict.missing == (
        f"Nobody measured {name}, which the charter sets a limit to: build the model again.",
    )


def test_the_sign_off_of_operations_is_named_without_an_article(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("assay.evidence.gate.could_sign", lambda *_: ())
    solo = SimpleNamespace(people=SimpleNamespace(solo=True))
    named = _missing_sign_offs(cast("Charter", solo), (), (Role.OPERATIONS,))
    assert named[0].startswith("The sign-off of operations is missing")


def test_missing_sign_offs_are_named_with_those_who_could(make_charter: Make) -> None:
    verdict = case(make_charter()).sign(("Ana", Role.PRODUCT_MANAGER)).verdict()
    assert verdict.missing == ("The sign-off of a risk_officer is missing (who can sign: Rui).",)
    verdict = case(make_charter()).sign().verdict()
    assert verdict.missing[0].endswith("(who can sign: Ana or Bo).")
    alone = make_charter(people={"product_manager": "Ana", "risk_officer": "Ana"})
    verdict = case(alone).sign(("Ana", Role.PRODUCT_MANAGER)).verdict()
    assert "nobody is left who may" in verdict.missing[0]


def test_the_highest_tier_and_further_roles_must_sign(make_charter: Make) -> None:
    risk = {"tier": "high", "also_sign": ["data_scientist"]}
    verdict = case(make_charter(risk=risk)).verdict()
    assert [text.split()[4] for text in verdict.missing] == ["sponsor", "data_scientist"]


def test_a_sign_off_on_another_version_is_void(make_charter: Make) -> None:
    one = case(make_charter())
    one.candidate = replace(one.candidate, version=2)
    verdict = one.verdict()
    assert not verdict.open
    assert len(verdict.void) == 2
    assert "not on" in verdict.void[0]
    assert "sign again" in verdict.void[0]


def test_one_person_on_both_lines_is_refused_whoever_wrote_the_entry(make_charter: Make) -> None:
    both = case(make_charter()).sign(("Ana", Role.PRODUCT_MANAGER), ("ANA", Role.RISK_OFFICER))
    verdict = both.verdict()
    assert not verdict.open
    assert "has already signed this as product_manager" in verdict.void[0]


def test_a_sign_off_without_the_role_is_void(make_charter: Make) -> None:
    verdict = case(make_charter()).sign(("Eve", Role.RISK_OFFICER)).verdict()
    assert not verdict.open
    assert "Eve does not hold the role" in verdict.void[0]


def test_solo_in_the_lowest_tier(make_charter: Make) -> None:
    charter = make_charter(people="solo", risk={"tier": "low"})
    assert case(charter).sign(("Ana", Role.PRODUCT_MANAGER)).verdict().open
    missing = case(charter).sign().verdict().missing
    assert "one person holds every role" in missing[0]


def test_a_waiver_lets_a_failed_check_stand_and_says_so(make_charter: Make) -> None:
    charter = make_charter()
    one = case(charter, all_evidence(charter, auc=False)).waive(AUC)
    verdict = one.verdict()
    assert verdict.open
    assert "Waived by Rui as risk_officer until 2026-02-01 00:00: known" in verdict.waived[0]
    late = one.verdict(NOW + timedelta(days=30))
    assert not late.open
    assert "it expired on 2026-02-01" in late.void[0]


LEAK = Check("leak", passed=False, measured=1.0, limit="below 0.9")


def _leaking(charter: Charter) -> Case:
    rest = all_evidence(charter)
    return case(
        charter, [shown(charter, "quality", LEAK), *rest[1:3], shown(charter, "parity", LEAK)]
    )


@pytest.mark.parametrize(
    ("kind", "closed"),
    [("quality", ["parity"]), ("parity", ["quality"]), ("", ["parity", "quality"])],
)
def test_a_waiver_is_for_the_check_of_one_kind_of_evidence(
    make_charter: Make, kind: str, closed: list[str]
) -> None:
    one = _leaking(make_charter()).waive("leak")
    one.waivers = [replace(one.waivers[0], kind=kind)]
    failed = [text for text in one.verdict().failed if "check leak failed" in text]
    assert sorted(text.split()[1] for text in failed) == closed


@pytest.mark.parametrize(
    ("place", "spoiled", "reason"),
    [
        (3, {"checks": ()}, "it has no check"),
        (3, {"checks": (replace(SAME, severity="warn"),)}, "it has no check"),
        (4, {"inputs": {"data": DATA}}, "does not name the code and environment"),
        (4, {"inputs": {}}, "does not name the data and code and environment"),
    ],
)
def test_evidence_that_shows_nothing_is_void(
    make_charter: Make, place: int, spoiled: dict[str, Any], reason: str
) -> None:
    charter = make_charter()
    evidence = all_evidence(charter)
    evidence[place] = replace(evidence[place], **spoiled)
    verdict = case(charter, evidence).verdict()
    assert not verdict.open
    assert any(reason in text for text in verdict.void)


def test_people_changed_since_the_registration_are_pointed_out(make_charter: Make) -> None:
    """It closes nothing: people come and go. But everybody sees it."""
    before = make_charter()
    after = make_charter(people={"product_manager": "Eva", "risk_officer": "Rui"})
    one = case(before)
    one.charter = after
    unsigned = replace(one, sign_offs=[]).verdict()
    assert unsigned.notes == ()
    verdict = one.sign(("Eva", Role.PRODUCT_MANAGER), ("Rui", Role.RISK_OFFICER)).verdict()
    assert verdict.open
    assert "people changed after model:bank/1 was registered" in verdict.notes[0]
    assert "Eva, Rui" in verdict.notes[0]
    assert verdict.document()["notes"] == list(verdict.notes)
    assert case(before).verdict().notes == ()


def test_a_waiver_does_not_replace_what_is_missing(make_charter: Make) -> None:
    charter = make_charter()
    one = case(charter, all_evidence(charter)[1:]).waive("quality")
    assert not one.verdict().open


@pytest.mark.parametrize(
    ("who", "role", "said"),
    [
        ("Bo", Role.PRODUCT_MANAGER, "that is for risk_officer"),
        ("Eve", Role.RISK_OFFICER, "does not hold the role"),
        ("Ana", Role.RISK_OFFICER, "has already signed this as product_manager"),
    ],
)
def test_a_waiver_by_the_wrong_person_is_void(
    make_charter: Make, who: str, role: Role, said: str
) -> None:
    charter = make_charter()
    verdict = case(charter, all_evidence(charter, auc=False)).waive(AUC, who, role).verdict()
    assert not verdict.open
    assert said in verdict.void[0]


def test_without_a_second_line_those_who_must_sign_may_waive(make_charter: Make) -> None:
    charter = make_charter(people={"product_manager": "Ana"}, risk={"tier": "low"})
    assert waiver_refusal(charter, [], "Ana", Role.PRODUCT_MANAGER) is None
    assert waiver_refusal(charter, [], "Ana", Role.SPONSOR) is not None
    solo = make_charter(people="solo", risk={"tier": "low"})
    assert waiver_refusal(solo, [], "Ana", Role.RISK_OFFICER) is None


def test_a_waiver_on_another_subject_is_void(make_charter: Make) -> None:
    charter = make_charter()
    one = case(charter, all_evidence(charter, auc=False)).waive(AUC)
    one.waivers = [replace(one.waivers[0], subject_digest="f" * 64)]
    assert not one.verdict().open
    assert "waiver of roc_auc by Rui is void" in one.verdict().void[0]


def test_a_waiver_comes_back_from_its_document(make_charter: Make) -> None:
    waiver = case(make_charter()).waive(AUC).waivers[0]
    assert Waiver.from_document(waiver.document()) == waiver
    named = replace(waiver, kind="evaluation", user="ana01")
    assert Waiver.from_document(named.document()) == named
    assert (waiver.named, named.named) == (AUC, f"evaluation: {AUC}")
    earlier = {k: v for k, v in waiver.document().items() if k not in ("kind", "user")}
    assert Waiver.from_document(earlier) == waiver


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kept=st.sets(st.integers(0, 4)),
    signed=st.sets(st.sampled_from([0, 1])),
    auc=st.booleans(),
    waived=st.booleans(),
)
def test_the_gate_opens_only_with_everything(
    make_charter: Make, kept: set[int], signed: set[int], auc: bool, waived: bool
) -> None:
    charter = make_charter()
    evidence = [one for n, one in enumerate(all_evidence(charter, auc)) if n in kept]
    one = case(charter, evidence)
    one.sign_offs = [one.sign_offs[n] for n in sorted(signed)]
    if waived:
        one.waive(AUC)
    verdict = one.verdict()
    assert verdict.open == (kept == {0, 1, 2, 3, 4} and signed == {0, 1} and (auc or waived))
    assert verdict.open == (verdict.reasons == ())


def test_a_placeholder_signs_nothing_and_keeps_the_gate_closed(make_charter: Make) -> None:
    todo = "TODO: your name"
    charter = make_charter(people={"product_manager": todo, "risk_officer": "Rui"})
    assert charter.placeholders == ("people.product_manager.0",)
    assert "placeholder" in (refusal(charter, (), todo, Role.PRODUCT_MANAGER) or "")
    verdict = case(charter).verdict()
    assert not verdict.open
    assert "says TODO at people.product_manager.0" in " ".join(verdict.missing)


def test_a_warning_is_told_to_whoever_signs(make_charter: Make) -> None:
    leak = Check("leak", passed=False, measured=0.96, limit="below 0.95", severity="warn")
    charter = make_charter()
    evidence = [shown(charter, "quality", leak), *all_evidence(charter)[1:]]
    verdict = case(charter, evidence).verdict()
    assert verdict.open
    assert verdict.notes == ("Accepted with a warning: leak is 0.96, limit below 0.95.",)
