"""A charter that the tests of this package change to their needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.charter.charter import Charter

MakeCharter = Callable[..., Charter]


@pytest.fixture
def make_charter() -> MakeCharter:
    """Return a function that makes a charter; keywords replace or add whole sections."""

    def make(**sections: Any) -> Charter:
        document: dict[str, Any] = {
            "name": "bank",
            "title": "Whom to call",
            "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
            "strategy": {"objective": "o", "kpi": "k"},
            "people": {
                "sponsor": "Sol",
                "product_manager": ["Ana", "Bo"],
                "data_scientist": "Dee",
                "risk_officer": ["Ana", "Rui"],
            },
            "data": {"source": "bank.csv", "outcome": "y", "positive": "yes"},
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 1000,
            },
            "acceptance": {"roc_auc": {"at_least": 0.7}},
            "guardrails": [{"metric": "value_kept_under_noise", "at_least": 0.8}],
            "risk": {"tier": "medium"},
        }
        return Charter.model_validate(document | sections)

    return make
