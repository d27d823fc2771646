"""What retraining costs a month."""

from __future__ import annotations

from typing import Any

import pytest

from assay.build.retraining_cost import retraining_in_words, retrainings_per_month


@pytest.mark.parametrize(
    ("window", "every", "a_month"),
    [("1000 rows", 4, 0.5), ("1000 rows", 1, 2), ("7 days", 1, 4.35), ("730 hours", 2, 0.5)],
)
def test_the_calendar_says_how_often(charter: Any, window: str, every: int, a_month: float) -> None:
    given = charter(
        value={"decisions_per_month": 2000, "retraining_cost": 50},
        monitoring={"window": window},
        response={"policy": "scheduled", "every": every},
    )
    assert retrainings_per_month(given) == pytest.approx(a_month, rel=2e-3)
    (words,) = retraining_in_words(given)
    assert "EUR a month for retraining " in words
    assert words.endswith(" by the calendar, 50 EUR each time.")


@pytest.mark.parametrize(("policy", "why"), [("triggered", "on alert"), ("static", "not planned")])
def test_otherwise_each_costs_extra(charter: Any, policy: str, why: str) -> None:
    given = charter(value={"retraining_cost": 50}, response={"policy": policy})
    assert retrainings_per_month(given) == 0
    (words,) = retraining_in_words(given)
    assert why in words
    assert "each costs 50 EUR, which the business case leaves out" in words
    assert retraining_in_words(charter(response={"policy": policy})) == ()
