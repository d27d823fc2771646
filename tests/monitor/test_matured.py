"""Labels count once their delay is over, with the cases beside them that have none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.charter.charter import Charter
from assay.evidence.bundle import Bundle
from assay.monitor.matured import matured
from assay.monitor.run import MonitorResult, monitor
from assay.monitor.watched import Watched
from assay.stats.calibration import fit_calibrator
from assay.stats.reference import make_reference, read_reference
from assay.value.valuation import valuation

START = datetime(2026, 3, 1, tzinfo=UTC)
RATE = 0.12


def _charter(delay: str, window: str, **boundary: float) -> Charter:
    return Charter.model_validate(
        {
            "name": "bank",
            "title": "Bank",
            "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
            "strategy": {"objective": "o", "kpi": "k"},
            "people": "solo",
            "data": {"source": "x", "outcome": "y", "positive": "yes", "label_delay": delay},
            "value": {
                "currency": "EUR",
                "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
                "baselines": {"nobody": "skip"},
                "baseline": "nobody",
                "decisions_per_month": 3000,
            },
            "risk": {"tier": "low"},
            "monitoring": {"window": window, "boundary": boundary},
        }
    )


class World:
    """Everybody is called, one in eight says yes, a case a minute; the model knows as much."""

    def __init__(self, charter: Charter, n: int) -> None:
        self.charter = charter
        rng = np.random.default_rng(7)
        score = rng.random(4000)
        calibrator = fit_calibrator(score, rng.random(4000) < RATE, "isotonic")
        reference = read_reference(make_reference({}, score))
        valued = valuation(charter.value, charter.data)
        self.watched = Watched((), valued, calibrator, reference)
        self.digest = Bundle("bank", {}, {}).digest
        self.says_yes = rng.random(n) < RATE
        self.captures: list[dict[str, Any]] = [
            {
                "id": str(place),
                "at": (START + timedelta(minutes=place)).isoformat(),
                "model": "bank",
                "version": 1,
                "bundle": self.digest,
                "arm": "champion",
                "entity": None,
                "inputs": {},
                "score": float(rng.random()),
                "decision": "call",
            }
            for place in range(n)
        ]

    def run(self, told: np.ndarray, served: int | None = None, **named: Any) -> MonitorResult:
        rows = np.flatnonzero(told)
        outcomes = pl.DataFrame(
            {
                "id": [str(row) for row in rows],
                "outcome": np.where(self.says_yes[rows], "yes", "no").astype(str),
                "revision": np.ones(len(rows), dtype=np.int64),
            }
        )
        captures = self.captures[:served]
        return monitor(self.charter, captures, outcomes, {self.digest: self.watched}, **named)


def test_answers_that_come_early_are_not_read_as_the_answers_of_all() -> None:
    world = World(_charter("1 window", "1000 rows"), 2000)
    no_said_at_once = ~world.says_yes
    early = world.run(no_said_at_once, served=1000).windows[0]
    assert early.measured.realised is None
    assert early.measured.gaps == {}
    assert not early.record.stale
    assert early.judged.basis == "expected"
    assert early.posting()["matured"] == early.posting()["labelled"] == 0
    late = world.run(np.ones(2000, dtype=bool)).windows
    assert late[0].measured.realised is not None
    paid = np.where(world.says_yes[:1000], 9.0, -1.0)
    assert late[0].measured.realised.value == pytest.approx(paid.sum())
    assert late[0].judged.basis == "realised"
    assert not late[0].record.stale
    assert late[1].measured.realised is None


@pytest.mark.parametrize(("served", "counted"), [(1029, 0), (1030, 30), (1500, 500), (2000, 1000)])
def test_a_case_has_matured_once_as_many_later_decisions_were_served(
    served: int, counted: int
) -> None:
    world = World(_charter("1 window", "1000 rows"), 2000)
    report = world.run(np.ones(2000, dtype=bool), served).windows[0]
    realised = report.measured.realised
    assert (realised.cases if realised else 0) == counted
    assert report.document()["pending"] == 1000 - counted
    assert report.measured.known == counted
    if realised is not None:
        assert realised.uplift.mean == pytest.approx(10 * world.says_yes[:counted].mean() - 1)
        assert realised.labelled == realised.uplift.n == counted
    assert report.judged.basis == ("realised" if counted >= 500 else "expected")


def test_a_delay_in_time_is_over_by_the_clock() -> None:
    world = World(_charter("2 days", "1 day"), 3000)
    every = np.ones(3000, dtype=bool)

    def known(days: float) -> list[int]:
        windows = world.run(every, now=START + timedelta(days=days)).windows
        return [one.measured.known for one in windows]

    assert known(2) == [0, 0, 0]
    assert known(2.5) == [721, 0, 0]
    assert known(3) == [1440, 0, 0]
    assert known(9) == [1440, 1440, 120]
    assert [one.measured.known for one in world.run(every).windows] == [120, 0, 0], "newest row"


def test_without_a_delay_every_label_counts_at_once() -> None:
    times = np.array(["2026-03-01", "2026-03-02"], dtype="datetime64[us]")
    for none in (0, timedelta(0)):
        assert matured(times, none, START - timedelta(days=9)).all()
    assert matured(times[:0], 5).tolist() == []


def test_looking_again_without_news_says_the_same() -> None:
    world = World(_charter("300 rows", "1000 rows"), 1600)
    told = np.arange(1600) % 3 > 0
    first, second = world.run(told), world.run(told)
    assert [one.posting() for one in first.windows] == [one.posting() for one in second.windows]


@pytest.mark.parametrize("labels", [1, 2, 5, 29])
def test_a_handful_of_labels_says_nothing_of_what_was_realised(labels: int) -> None:
    world = World(_charter("0 windows", "1000 rows"), 1000)
    report = world.run(np.arange(1000) < labels).windows[0]
    assert report.measured.realised is None
    assert report.posting()["labelled"] == 0


def test_labels_alike_leave_room_for_what_did_not_show() -> None:
    world = World(_charter("0 windows", "1000 rows"), 1000)
    some = np.flatnonzero(~world.says_yes)[:40]
    realised = world.run(np.isin(np.arange(1000), some)).windows[0].measured.realised
    assert realised is not None
    assert realised.uplift.n == 40
    assert realised.uplift.mean == pytest.approx(-1, abs=0.05)
    assert realised.uplift.high > -0.2, "up to 8.8% may say yes where none of 40 did"


def test_the_daily_loss_is_that_of_the_decisions_made() -> None:
    # A day has 1440 cases, of which each loses about 0.8 EUR: far more than the plan's 99 would.
    world = World(_charter("0 windows", "1 day", max_loss_per_day=500), 1440)
    world.says_yes = np.arange(1440) % 50 == 0
    report = world.run(np.ones(1440, dtype=bool), now=START + timedelta(days=1)).windows[0]
    (loss,) = [one for one in report.judged.findings if one.metric == "loss"]
    assert loss.measured == pytest.approx(1440 * (10 * world.says_yes.mean() - 1))
    assert "on 1,440 decisions a day (served in this window)" in loss.text


def test_in_windows_of_rows_an_arm_loses_on_its_share_of_the_plan() -> None:
    world = World(_charter("0 windows", "1000 rows", max_loss_per_day=30), 1000)
    world.says_yes = np.zeros(1000, dtype=bool)
    for place, one in enumerate(world.captures):
        one["arm"] = "challenger" if place % 4 == 0 else "champion"
    by_arm = {
        report.arm: [one for one in report.judged.findings if one.metric == "loss"]
        for report in world.run(np.ones(1000, dtype=bool)).windows
    }
    assert by_arm["challenger"] == [], "a quarter of 99 calls a day lose less than 30 EUR"
    (loss,) = by_arm["champion"]
    assert loss.measured == pytest.approx(-0.75 * 3000 / (365.25 / 12))
    assert "(planned, 75% of them on this arm)" in loss.text
