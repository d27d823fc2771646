"""A small charter and what the ledger knows about its model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.charter.charter import Charter
from assay.evidence.candidate import Candidate
from assay.evidence.gate import Verdict

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def make_charter() -> Callable[..., Charter]:
    def make(**release: Any) -> Charter:
        return Charter.model_validate(
            {
                "name": "bank",
                "title": "Whom to call",
                "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
                "strategy": {"objective": "o", "kpi": "k"},
                "people": "solo",
                "data": {
                    "source": "bank.csv",
                    "outcome": "y",
                    "positive": "yes",
                    "entity": "client",
                },
                "value": {
                    "currency": "EUR",
                    "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                    "baselines": {"nobody": "skip"},
                    "baseline": "nobody",
                    "decisions_per_month": 1000,
                },
                "risk": {"tier": "low"},
                "release": release,
            }
        )

    return make


@pytest.fixture
def make_candidate() -> Callable[..., tuple[Candidate, Verdict]]:
    """A candidate under a charter, and a verdict on it that is open unless it says why not."""

    def make(
        charter: Charter, version: int = 1, missing: tuple[str, ...] = ()
    ) -> tuple[Candidate, Verdict]:
        candidate = Candidate("bank", version, f"{version:064d}", (), charter.digests())
        return candidate, Verdict(candidate.subject, candidate.digest, missing=missing)

    return make
