"""What is posted of a window follows what is known of it, there and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
from tests.monitor.test_keeping import Kept, charter_of, world

from assay.adapters.memory_ledger import MemoryLedger
from assay.lifecycle.metrics import newest_postings
from assay.lifecycle.posting import post
from assay.monitor.run import MonitorResult

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def _kept() -> Kept:
    kept = Kept(charter_of("45 rows", "0 rows"))
    kept.captures.append([{**one, "arm": "champion"} for one in world()[2]])
    return kept


def _told(kept: Kept, *, wrongly: bool) -> MonitorResult:
    truth = world()[3]
    told = ["no" if wrongly else one for one in truth.values()]
    kept.outcomes.add(pl.DataFrame({"id": list(truth), "outcome": told}))
    return kept.result()


def _values(postings: Sequence[dict[str, Any]]) -> list[float]:
    """What the newest window of each arm is worth, as metrics show it."""
    return [one["uplift"]["mean"] for one in postings]


def test_a_value_that_is_corrected_and_back_again_stands_in_the_ledger() -> None:
    kept, ledger = _kept(), MemoryLedger()
    newest = []
    for wrongly in (False, True, False):
        result = _told(kept, wrongly=wrongly)
        post(ledger, kept.charter, result, NOW)
        newest.append(_values(newest_postings(ledger, "bank")))
        again = post(ledger, kept.charter, result, NOW)
        assert again.posted == 0, "what was posted last is not posted again"
    assert newest[0] == newest[2] != newest[1]


def test_two_reports_of_one_version_and_window_are_each_posted_once() -> None:
    kept, ledger = _kept(), MemoryLedger()
    right, wrong = (_told(kept, wrongly=wrongly) for wrongly in (False, True))
    both = replace(right, windows=(*right.windows, *wrong.windows))
    assert post(ledger, kept.charter, both, NOW).posted == len(both.windows)
    assert post(ledger, kept.charter, both, NOW).posted == 0
