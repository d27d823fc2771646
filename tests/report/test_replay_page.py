from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from assay.charter.response import ResponseKind
from assay.lifecycle.books import PeriodBook, PolicyBook, Replay
from assay.lifecycle.costs import Costs
from assay.report.replay_page import replay_files, replay_page
from assay.report.replay_pictures import pictures, replay_windows
from assay.stats.estimate import Estimate

KINDS: tuple[ResponseKind | None, ...] = ("retrain", None, "fall_back", None, None, "roll_back")


def _estimate(mean: float) -> Estimate:
    return Estimate(mean, mean - 10, mean + 10, n=600, method="bootstrap", unit="EUR")


def _period(kind: ResponseKind | None, place: int) -> PeriodBook:
    return PeriodBook(
        value=100.0 * place,
        uplift=10.0 * place - 20,
        actions={"call": 60, "skip": 40},
        mean_decision=None,
        version=1,
        fallback=None,
        response=kind,
        reason="retrain: +0.1 EUR" if kind == "retrain" else "as mine asks",
        alerts=("drift: <b>age</b> moved",) if kind else (),
        labelled=100,
    )


def _book(name: str, kinds: tuple[ResponseKind | None, ...], **costs: Any) -> PolicyBook:
    given = Costs(100.0, 0.0, 50.0, 360.0, 0.0, None, {"call": 360, "skip": 240}, 0)
    return PolicyBook(
        name,
        tuple(_period(kind, place) for place, kind in enumerate(kinds)),
        _estimate(1500),
        _estimate(300),
        {"nobody": _estimate(300)},
        sum(kind == "retrain" for kind in kinds),
        replace(given, **costs),
    )


@pytest.fixture
def found() -> Replay:
    books = {"mine": _book("mine", KINDS), "calendar": _book("calendar", ("retrain",) * 6)}
    return Replay(
        charter="calls",
        currency="EUR",
        baseline="nobody",
        labels="selected",
        explored=0.0,
        first=100,
        n=600,
        label_delay="1 window",
        windows=tuple(
            {"name": f"rows {k * 100 + 101}-{k * 100 + 200}", "start": k * 100 + 100, "n": 100}
            for k in range(6)
        ),
        policies=books,
        baselines={"nobody": (0.0,) * 6},
        baseline_totals={"nobody": _estimate(0)},
        hindsight=(500.0,) * 6,
        hindsight_total=_estimate(3000),
        differences={"calendar - mine": _estimate(0)},
    )


def test_the_page_tells_responses_and_costs(found: Replay) -> None:
    page = replay_page(found, "Whom to call")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "mine: retrain: +0.1 EUR" in text
    assert "mine: fall back (as mine asks)" in text
    assert "1,350 EUR [1,340, 1,360]" in text  # net of 150
    assert "360 call, 240 skip" in text
    assert "people's review" not in text
    assert "What it costs not to see every outcome" not in text


def test_the_page_tells_what_hidden_outcomes_cost(found: Replay) -> None:
    explored = _book("mine", KINDS, exploring=_estimate(33), random=25, reviewing=7.0)
    other = {"mine": {"all outcomes shown, none explored": _estimate(-250)}}
    page = replay_page(replace(found, policies={"mine": explored}, unseen=other), "Whom to call")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "33 EUR [23, 43]" in text
    assert "25 of them otherwise than meant" in text
    assert "all outcomes shown, none explored -250 EUR [-260, -240]" in text
    assert "people&#39;s review" in text or "people's review" in text


def test_marks_name_what_was_done_but_not_a_calendar(found: Replay) -> None:
    figure = replay_windows(found).get_figure(root=True)
    assert figure is not None
    (legend,) = figure.legends
    names = {text.get_text() for text in legend.get_texts()}
    assert names == {
        "mine",
        "calendar",
        "retrained",
        "rolled back",
        "fell back",
        "alert at its start",
    }
    quiet = replay_windows(replace(found, policies={"calendar": found.policies["calendar"]}))
    figure = quiet.get_figure(root=True)
    assert figure is not None
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "calendar",
        "alert at its start",
    }


def test_every_replay_draws_and_nothing_given_can_break_the_page(found: Replay) -> None:
    assert len(pictures(found)) == 4
    alone = replace(found, policies={"mine": found.policies["mine"]}, differences={})
    assert len(pictures(alone)) == 3
    files = replay_files(replace(found, notes=("<script>x</script>",)), "<i>Whom</i>")
    assert files["replay.png"].startswith(b"\x89PNG")
    assert b"<script>x" not in files["replay.html"]
    assert b"<i>Whom" not in files["replay.html"]
