from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.charter.charter import SIGNED_SECTIONS, Charter
from assay.evidence.candidate import Candidate


def candidate(charter: Charter) -> Candidate:
    return Candidate("bank", 1, "b" * 64, ("1" * 64, "2" * 64), charter.digests())


def test_the_order_of_evidence_does_not_matter() -> None:
    one = Candidate("bank", 1, "b", ("1", "2"), {})
    two = Candidate("bank", 1, "b", ("2", "1", "2"), {})
    assert one.digest == two.digest


@pytest.mark.parametrize(
    "other",
    [
        Candidate("bike", 1, "b", ("1",), {"value": "v"}),
        Candidate("bank", 2, "b", ("1",), {"value": "v"}),
        Candidate("bank", 1, "c", ("1",), {"value": "v"}),
        Candidate("bank", 1, "b", ("1", "2"), {"value": "v"}),
        Candidate("bank", 1, "b", ("1",), {"value": "w"}),
        Candidate("bank", 1, "b", ("1",), {}),
    ],
)
def test_whatever_was_signed_changes_the_digest(other: Candidate) -> None:
    assert other.digest != Candidate("bank", 1, "b", ("1",), {"value": "v"}).digest


def test_a_changed_telephone_number_voids_nothing(make_charter: Callable[..., Charter]) -> None:
    charter = make_charter()
    retitled = make_charter(title="Whom to ring", people={"sponsor": "Sue"})
    assert candidate(charter).under(retitled).digest == candidate(charter).digest


@pytest.mark.parametrize("section", SIGNED_SECTIONS)
def test_each_signed_section_changes_the_digest(
    make_charter: Callable[..., Charter], section: str
) -> None:
    charter = make_charter()
    old = charter.model_dump(mode="json", by_alias=True)[section]
    new: Any = {
        "data": {"source": "other.csv", "outcome": "y", "positive": "yes"},
        "value": {**old, "decisions_per_month": 2000} if section == "value" else None,
        "acceptance": {},
        "guardrails": [],
        "risk": {"tier": "high"},
        "release": {"strategy": "canary"},
        "serving": {"warm": "on_demand"},
        "environments": {"test": {"strategy": "immediate"}},
        "build": {"seed": 8},
    }[section]
    changed = make_charter(**{section: new})
    assert candidate(charter).under(changed).digest != candidate(charter).digest
