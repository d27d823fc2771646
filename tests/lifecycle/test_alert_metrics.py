from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.bank_charter import CHARTER

from assay.adapters.memory_ledger import MemoryLedger
from assay.charter.charter import Charter
from assay.evidence.alert_state import AlertState, Mute
from assay.evidence.event import EventType
from assay.lifecycle.approval import write
from assay.lifecycle.delivery import ChannelReport
from assay.lifecycle.metrics import metrics_text, newest_postings
from assay.stats.estimate import Estimate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BANK = Charter.model_validate(CHARTER)


def _state(id_: str, a_day: Estimate | None, **more: Any) -> AlertState:
    cost = None if a_day is None else a_day.document()
    data = {"metric": "floor", "version": 1, "value_per_day": cost}
    return AlertState("bank", id_, more.pop("kind", "value"), "", NOW, data, **more)


_LABELS = ("alert", "arm", "basis", "bound", "channel", "kind", "metric", "state", "version")


def _samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, model and currency aside."""
    return {
        (
            one.name,
            *(one.labels[name] for name in _LABELS if name in one.labels),
        ): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


def test_alerts_are_counted_and_what_nobody_knows_has_no_sample() -> None:
    mute = Mute("Ana", "known", NOW, NOW + timedelta(days=1))
    states = [
        _state("a1", Estimate(10.0, 5.0, float("inf"), 9, "", "EUR per day"), acknowledged_at=NOW),
        _state("a2", None, kind="drift", mute=mute),
        _state("a3", None, closed_at=NOW),
    ]
    reports = [ChannelReport("hook", waiting=2, refused=1)]
    found = _samples(metrics_text(BANK, states, [], reports, NOW + timedelta(hours=1)))
    assert found["assay_alerts_open", "value"] == 1
    assert found["assay_alerts_open", "drift"] == 1
    assert found["assay_alerts_open", "concept"] == 0
    assert found["assay_alerts_acknowledged",] == 1
    assert found["assay_alerts_escalated",] == 0
    assert found["assay_alerts_muted",] == 1
    assert found["assay_alert_loss_per_day", "a1", "mean", "value", "floor"] == 10
    assert found["assay_alert_loss_per_day", "a1", "high", "value", "floor"] == float("inf")
    assert not [name for name in found if "a2" in name or "a3" in name]
    assert found["assay_alert_messages", "hook", "waiting"] == 2
    assert found["assay_alert_messages", "hook", "refused"] == 1


def test_the_newest_window_of_each_arm_is_told_as_it_is_known_last() -> None:
    ledger = MemoryLedger()

    def post(window: str, mean: float, realised: float | None, arm: str = "champion") -> None:
        expected = {"mean": mean, "low": None, "high": mean + 1}
        uplift = None if realised is None else {"mean": realised, "low": 0.0, "high": 1.0}
        content = {"window": window, "arm": arm, "version": 1, "expected": expected}
        write(ledger, "value:bank", EventType.VALUE_POSTED, {**content, "uplift": uplift}, NOW)

    post("w1", 1.0, None)
    post("w2", 2.0, None)
    post("w2", 2.0, 0.5, arm="challenger")
    post("w1", 1.0, 0.7)  # labels of the older window came later
    found = _samples(metrics_text(BANK, [], newest_postings(ledger, "bank"), [], NOW))
    by = {key[1:]: value for key, value in found.items() if key[0] == "assay_uplift_per_decision"}
    assert by == {
        ("champion", "expected", "mean", "1"): 2.0,
        ("champion", "expected", "high", "1"): 3.0,
        ("challenger", "expected", "mean", "1"): 2.0,
        ("challenger", "expected", "high", "1"): 3.0,
        ("challenger", "realised", "mean", "1"): 0.5,
        ("challenger", "realised", "low", "1"): 0.0,
        ("challenger", "realised", "high", "1"): 1.0,
    }
    told = {(one["window"], one["arm"]) for one in newest_postings(ledger, "bank")}
    assert told == {("w2", "champion"), ("w2", "challenger")}
