from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assay.adapters.memory_ledger import MemoryLedger
from assay.errors import InputError
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import EventType
from assay.lifecycle.alerting import (
    acknowledge,
    alert_named,
    alert_states,
    by_cost,
    length_of_time,
    mute,
    record_changes,
    unmute,
)
from assay.lifecycle.approval import write
from assay.monitor.alerts import Judgement, changes, follow
from assay.monitor.finding import Finding
from assay.stats.estimate import Estimate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    for id_, mean in (("abc1", 5.0), ("abd2", 50.0), ("ffff", None)):
        a_day = None if mean is None else Estimate(mean, 0, 99, 9, "", "EUR per day").document()
        content = {"id": id_, "kind": "value", "metric": id_, "version": 1, "text": ""}
        write(
            ledger,
            "alert:bank",
            EventType.ALERT_RAISED,
            {**content, "value_per_day": a_day},
            NOW,
        )
    return ledger


def _count(ledger: MemoryLedger) -> int:
    return len(list(ledger.events()))


def test_alerts_are_ranked_by_what_they_cost_and_closed_ones_come_last(
    ledger: MemoryLedger,
) -> None:
    assert [one.id for one in by_cost(alert_states(ledger, "bank"))] == ["abd2", "abc1", "ffff"]
    write(ledger, "alert:bank", EventType.ALERT_CLOSED, {"id": "abd2", "reason": "quiet"}, NOW)
    assert [one.id for one in by_cost(alert_states(ledger, "bank"))] == ["abc1", "ffff", "abd2"]


def test_acknowledging_puts_a_name_down_once(ledger: MemoryLedger) -> None:
    assert acknowledge(ledger, "bank", "abc1", " Ana ", NOW).acknowledged_by == "Ana"
    before = _count(ledger)
    acknowledge(ledger, "bank", "abc", "Ana", NOW)
    assert _count(ledger) == before
    assert acknowledge(ledger, "bank", "abc1", "Rui", NOW).acknowledged_by == "Rui"


def test_a_mute_ends_by_itself_or_by_hand(ledger: MemoryLedger) -> None:
    muted = mute(ledger, "bank", "ff", "Ana", (" price change ", WEEK), NOW)
    assert muted.mute is not None
    assert (muted.mute.reason, muted.muted_until) == ("price change", NOW + WEEK)
    assert muted.open
    assert not unmute(ledger, "bank", "ff", "Ana", NOW).muted(NOW)
    before = _count(ledger)
    unmute(ledger, "bank", "ff", "Ana", NOW)
    assert _count(ledger) == before


@pytest.mark.parametrize("by", ["", "  "])
def test_nobody_acts_without_a_name_or_a_reason(ledger: MemoryLedger, by: str) -> None:
    before = _count(ledger)
    with pytest.raises(InputError, match="needs your name"):
        acknowledge(ledger, "bank", "abc1", by, NOW)
    with pytest.raises(InputError, match="needs your name"):
        mute(ledger, "bank", "abc1", by, ("known", WEEK), NOW)
    with pytest.raises(InputError, match="needs a reason"):
        mute(ledger, "bank", "abc1", "Ana", (by, WEEK), NOW)
    assert _count(ledger) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ab", "More than one alert begins with 'ab'. The nearest: abc1, abd2"),
        ("abc2", "No alert has the id 'abc2'. The nearest: "),
        ("???", "No alert has the id '\\?\\?\\?'. Those open: abd2, abc1, ffff"),
        ("", "No alert has the id ''. Those open: abd2"),
    ],
)
def test_a_wrong_id_gets_the_nearest(ledger: MemoryLedger, given: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        alert_named(alert_states(ledger, "bank"), given)


def test_without_alerts_there_is_nothing_to_name() -> None:
    with pytest.raises(InputError, match="None is open"):
        alert_named((), "abc1")


def test_a_closed_alert_is_left_alone(ledger: MemoryLedger) -> None:
    write(ledger, "alert:bank", EventType.ALERT_CLOSED, {"id": "ffff", "reason": "quiet"}, NOW)
    with pytest.raises(InputError, match="is closed \\(quiet\\)"):
        mute(ledger, "bank", "ffff", "Ana", ("known", WEEK), NOW)


@pytest.mark.parametrize(
    "given", ["0 days", "7", "3 windows", "soon", "400 days", "1 row", "-1 day"]
)
def test_a_mute_lasts_hours_or_days(given: str) -> None:
    with pytest.raises(InputError, match="such as `7 days`"):
        length_of_time(given)
    assert length_of_time("36 hours") == timedelta(hours=36)


def test_news_of_monitoring_is_recorded_and_folds_back_to_nothing_new() -> None:
    ledger = MemoryLedger()

    def run(windows: int, a_day: float, *, quiet: int = 0) -> None:
        cost = Estimate(a_day, a_day - 1, a_day + 1, 9, "", "EUR per day")
        found = Finding("drift", "inputs", 1.0, "none", f"costs {a_day:g}", cost)
        kinds = frozenset({found.kind})
        judged = [Judgement(f"w{n}", 1, kinds, (found,)) for n in range(windows)]
        judged += [Judgement(f"q{n}", 1, kinds, ()) for n in range(quiet)]
        for _ in range(2):
            told = follow("bank", judged)
            known = alert_states(ledger, "bank")
            record_changes(ledger, "bank", changes(told, known, now=NOW), NOW)

    for windows, a_day, quiet in (
        (1, 10.0, 0),
        (2, 15.0, 0),
        (3, 40.0, 0),
        (9, 41.0, 0),
        (9, 41.0, 2),
    ):
        run(windows, a_day, quiet=quiet)
    assert [event.type for event in ledger.events()] == [
        "alert.raised",
        "alert.escalated",
        "alert.closed",
    ]
    (state,) = alert_states(ledger, "bank")
    assert state.windows == ("w0", "w1", "w2")
    assert state.text == "costs 40"
    assert not state.open


def test_only_this_models_alerts_are_read(ledger: MemoryLedger) -> None:
    content = {"at": NOW.isoformat(), "id": "x", "kind": "value", "text": ""}
    ledger.append("alert:bank2", "alert.raised", canonical_bytes(content), None)
    assert len(alert_states(ledger, "bank")) == 3
