"""The label delay, in rows or in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from assay.charter.charter import Charter
from assay.charter.delay import label_delay


@pytest.mark.parametrize(
    ("delay", "window", "found"),
    [
        ("2 windows", "30 rows", 60),
        ("2 windows", "7 days", timedelta(days=14)),
        ("1 window", "6 hours", timedelta(hours=6)),
        ("12 hours", "7 days", timedelta(hours=12)),
        ("0 windows", "1000 rows", 0),
        ("5 rows", "1000 rows", 5),
    ],
)
def test_a_delay_is_counted_in_rows_or_in_time(delay: str, window: str, found: Any) -> None:
    charter = Charter.model_validate(
        {
            "name": "calls",
            "title": "Whom to call",
            "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": {"source": "c.csv", "outcome": "y", "positive": "yes", "label_delay": delay},
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 1000,
            },
            "risk": {"tier": "low"},
            "monitoring": {"window": window},
        }
    )
    assert label_delay(charter) == found
