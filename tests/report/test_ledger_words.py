from __future__ import annotations

from typing import Any

import pytest

from assay.evidence.digest import canonical_bytes
from assay.evidence.event import GENESIS, chained
from assay.report.ledger_words import in_words

FIRST = {
    "version": 1,
    "strategy": "canary",
    "weight": 0.1,
    "reason": "nothing serves yet: b",
}


@pytest.mark.parametrize(
    ("type_", "content", "words"),
    [
        (
            "release.started",
            FIRST,
            "release of version 1 started, canary with 10% of traffic (nothing serves yet: b)",
        ),
        (
            "release.rolled_back",
            {"version": 1, "to": None, "reason": "worse"},
            "version 1 rolled back, nothing serves: worse",
        ),
        (
            "release.rolled_back",
            {"version": 2, "to": 1, "reason": "worse"},
            "version 2 rolled back to 1: worse",
        ),
        ("release.praised", {}, "release.praised"),
    ],
)
def test_releases_are_told_in_one_line(type_: str, content: dict[str, Any], words: str) -> None:
    event = chained(1, "release:bank", 1, type_, canonical_bytes(content), GENESIS)
    assert in_words(event) == words
