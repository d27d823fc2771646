from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from assay.charter.charter import Charter
from assay.charter.people import Role
from assay.evidence.sign_off import SignOff, could_sign, refusal, same_person

NOW = datetime(2026, 1, 2, tzinfo=UTC)
Make = Callable[..., Charter]


def sign_off(person: str, role: Role, digest: str = "d") -> SignOff:
    return SignOff(person, role, digest, NOW)


def test_the_holder_of_a_role_may_sign(make_charter: Make) -> None:
    charter = make_charter()
    assert refusal(charter, [], "Ana", Role.PRODUCT_MANAGER) is None
    assert refusal(charter, [], " ana ", Role.PRODUCT_MANAGER) is None


@pytest.mark.parametrize(
    ("person", "role", "said"),
    [
        ("Dee", Role.PRODUCT_MANAGER, "Dee does not hold the role product_manager.*Ana, Bo"),
        ("Ana", Role.OPERATIONS, "the charter names nobody"),
        (" ", Role.PRODUCT_MANAGER, "needs the name of a person"),
    ],
)
def test_others_may_not(make_charter: Make, person: str, role: Role, said: str) -> None:
    reason = refusal(make_charter(), [], person, role)
    assert reason is not None
    assert re.search(said, reason)


@pytest.mark.parametrize(
    ("first", "second"),
    [(Role.PRODUCT_MANAGER, Role.RISK_OFFICER), (Role.RISK_OFFICER, Role.PRODUCT_MANAGER)],
)
@pytest.mark.parametrize("spelling", ["Ana", "ANA", " ana", "\uff21na"])
def test_nobody_signs_on_two_lines(
    make_charter: Make, first: Role, second: Role, spelling: str
) -> None:
    reason = refusal(make_charter(), [sign_off("Ana", first)], spelling, second)
    assert reason is not None
    assert "line of defence" in reason


def test_one_line_may_be_signed_in_two_roles(make_charter: Make) -> None:
    charter = make_charter(people={"product_manager": "Ana", "sponsor": "Ana"})
    assert refusal(charter, [sign_off("Ana", Role.SPONSOR)], "Ana", Role.PRODUCT_MANAGER) is None


def test_a_signature_on_another_subject_does_not_count_where_the_subject_is_given(
    make_charter: Make,
) -> None:
    charter, before = make_charter(), [sign_off("Ana", Role.PRODUCT_MANAGER, "old")]
    assert refusal(charter, before, "Ana", Role.RISK_OFFICER, "new") is None
    assert refusal(charter, before, "Ana", Role.RISK_OFFICER, "old") is not None
    assert refusal(charter, before, "Ana", Role.RISK_OFFICER) is not None


def test_one_person_may_do_it_all_in_the_lowest_tier_only(make_charter: Make) -> None:
    low = make_charter(people="solo", risk={"tier": "low"})
    before = [sign_off("Ana", Role.PRODUCT_MANAGER)]
    assert refusal(low, before, "Ana", Role.RISK_OFFICER) is None
    high = make_charter(people="solo", risk={"tier": "high"})
    reason = refusal(high, [], "Ana", Role.PRODUCT_MANAGER)
    assert reason is not None
    assert "low risk tier only" in reason


def test_who_is_left_to_sign(make_charter: Make) -> None:
    charter = make_charter()
    assert could_sign(charter, [], Role.RISK_OFFICER) == ("Ana", "Rui")
    before = [sign_off("Ana", Role.PRODUCT_MANAGER)]
    assert could_sign(charter, before, Role.RISK_OFFICER) == ("Rui",)


def test_a_sign_off_comes_back_from_its_document() -> None:
    one = SignOff("Ana", Role.RISK_OFFICER, "d", NOW, "with a note")
    assert SignOff.from_document(one.document()) == one


def test_names_are_people() -> None:
    assert same_person("Jos\u00e9  Silva", "jose\u0301 silva ")
    assert not same_person("Ana", "Anna")
