from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InputError, ModelError
from assay.lifecycle.books import PolicyBook, Replay
from assay.lifecycle.course import Labels
from assay.lifecycle.known import Known
from assay.lifecycle.policies import deciders, policy_beside
from assay.lifecycle.replay import replay
from assay.lifecycle.response import Option
from assay.lifecycle.timeline import timeline

from .conftest import CountingTrainer, charter, stream

EXPLORED: dict[str, Any] = {"release": {"exploration_share": 0.1}}


def _book(frame: pl.DataFrame, policy: Any, **changes: Any) -> PolicyBook:
    found = _replay(frame, policy, **changes)
    return next(iter(found.policies.values()))


def _replay(
    frame: pl.DataFrame,
    policy: Any,
    *,
    labels: Labels = "all",
    compare: bool = False,
    **changes: Any,
) -> Replay:
    own = charter(**changes)
    return replay(
        frame,
        own,
        first=800,
        labels=labels,
        policies=[policy],
        compare=compare,
        trainer=CountingTrainer(own),
    )


def test_a_policy_of_ones_own_sees_what_is_known(turning: pl.DataFrame) -> None:
    seen: list[Known] = []

    def patient(known: Known) -> Option | None:
        seen.append(known)
        since = known.since_retraining
        rested = since is None or since > 2
        return known.candidate("retrain") if rested and known.findings and known.best else None

    book = _book(turning, patient)
    assert [one.window for one in seen] == list(range(12))
    assert [one.outcomes for one in seen] == [700 + 100 * k for k in range(12)]
    assert {one.currency for one in seen} == {"EUR"}
    done = [k for k, period in enumerate(book.periods) if period.response]
    assert book.name == "patient"
    assert done
    assert {book.periods[k].response for k in done} == {"retrain"}
    assert np.diff(done).min(initial=3) > 2
    assert seen[done[0]].since_response is None
    assert seen[done[0] + 1].since_response == 1
    # From one model's outcomes on, each candidate says what it would have brought.
    judged = [one for one in seen if one.judged and one.candidates]
    assert all(isinstance(each.gain, float) for one in judged for each in one.candidates)
    assert seen[0].candidates == ()


def test_nothing_is_looked_at_that_nobody_asks_for(turning: pl.DataFrame) -> None:
    seen: list[Known] = []

    def idle(known: Known) -> None:
        seen.append(known)

    book = _book(turning, idle)
    assert not any(one.judged or one.alerts for one in seen)
    assert not any(period.alerts for period in book.periods)
    assert book.responses == 0


def test_a_name_is_enough(turning: pl.DataFrame) -> None:
    plan = {1: "escalate", 2: "retrain", 4: "roll_back", 6: "fall_back"}
    book = _book(turning, lambda known: plan.get(known.window))
    assert {k: p.response for k, p in enumerate(book.periods) if p.response} == plan
    assert [p.version for p in book.periods] == [1, 1, 2, 2, *[1] * 8]
    # Without a candidate asked for, a fallback takes the best judged, here one of the two.
    assert book.periods[6].fallback in {"nobody", "everybody"}
    assert book.periods[5].fallback is None
    assert book.retrainings == 1


def test_versions_are_numbered_on_after_a_roll_back(turning: pl.DataFrame) -> None:
    plan = {2: "retrain", 4: "roll_back", 6: "retrain"}
    book = _book(turning, lambda known: plan.get(known.window))
    assert [p.version for p in book.periods][6:] == [3] * 6


def test_what_was_rolled_back_decides_as_before(turning: pl.DataFrame) -> None:
    plan = {2: "retrain", 4: "roll_back"}
    moved = _book(turning, lambda known: plan.get(known.window))
    static = _book(turning, "static")
    assert [p.actions for p in moved.periods[4:]] == [p.actions for p in static.periods[4:]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("retrian", r"returned 'retrian' .* \(did you mean `retrain`\?\)"),
        (3, "returned 3 at the window rows 801-900"),
        ("roll_back", "asked to roll back at the window rows 801-900, and nothing stood before"),
        ("move_policy", "too few outcomes, or the policy has nothing to learn"),
    ],
)
def test_what_cannot_be_done_is_refused(turning: pl.DataFrame, asked: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        _book(turning, lambda known: asked)


def test_a_policy_that_fails_says_where(turning: pl.DataFrame) -> None:
    def broken(known: Known) -> None:
        raise KeyError(known.window)

    with pytest.raises(InputError, match="broken failed at the window rows 801-900 with KeyError"):
        _book(turning, broken)


def test_names_are_known_and_told_apart() -> None:
    with pytest.raises(InputError, match=r"no response policy 'tiggered'.*did you mean `triggered"):
        deciders(["tiggered"], 4)
    with pytest.raises(InputError, match="Two response policies bear the name static"):
        deciders(["static", "static"], 4)
    with pytest.raises(InputError, match="No response policy was given"):
        deciders([], 4)


def test_a_policy_lies_beside_the_charter(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def gently(known):\n    return None\n", encoding="utf-8")
    assert policy_beside(tmp_path, "triggered") == "triggered"
    found = policy_beside(tmp_path, "mine:gently")
    assert callable(found)
    assert deciders([found], 4)[0].name == "gently"
    with pytest.raises(
        ModelError, match=r"has no function roughly, which the response policy names"
    ):
        policy_beside(tmp_path, "mine:roughly")
    with pytest.raises(
        ModelError, match=r"The response policy names yours:gently, and there is no"
    ):
        policy_beside(tmp_path, "yours:gently")


def test_cool_down_and_cap_hold_for_every_policy(turning: pl.DataFrame) -> None:
    resting = _book(turning, lambda known: "retrain", response={"cooldown": 2, "most": 99})
    assert [k for k, p in enumerate(resting.periods) if p.response] == [0, 3, 6, 9]
    assert "retrain held back: rests 2 windows" in resting.periods[1].reason
    few = {"most": 2, "period": "400 rows"}
    capped = _book(turning, lambda known: "retrain", response=few)
    assert [k for k, p in enumerate(capped.periods) if p.response] == [0, 1, 4, 5, 8, 9]
    assert "2 responses within 400 rows are the most" in capped.periods[2].reason
    # A calendar was agreed beforehand; people may be told at any time.
    calendar = _book(turning, "scheduled", response={"cooldown": 2, "every": 1, "most": 1})
    assert calendar.responses == 11
    told = _book(turning, lambda known: "escalate", response={"cooldown": 2, "most": 1})
    assert told.responses == 12


def test_a_cap_over_days_counts_rows_where_there_is_no_clock(turning: pl.DataFrame) -> None:
    # 1,000 decisions a month make 10 days of about 329 rows: at most one in four windows.
    days = {"most": 1, "period": "10 days"}
    book = _book(turning, lambda known: "retrain", response=days)
    assert [k for k, p in enumerate(book.periods) if p.response] == [0, 4, 8]


def _curious(known: Known) -> Option | str | None:
    """Go by everything that there is: its choices show any look into the future."""
    found = [*known.findings, *known.candidates]
    text = "".join(repr(getattr(one, "text", "")) for one in found)
    gains = sum(each.gain for each in known.candidates)
    if known.best is not None and not known.held_back:
        return known.best
    return "retrain" if (len(text) + int(1e6 * gains)) % 3 == 0 else None


@settings(max_examples=5, deadline=None)
@given(
    cut=st.integers(900, 1999),
    seed=st.integers(0, 1000),
    labels=st.sampled_from(["all", "selected"]),
    kind=st.sampled_from(["best_action", {"kind": "threshold", "action": "call"}]),
    data=st.data(),
)
def test_outcomes_that_are_not_known_yet_change_nothing(
    cut: int, seed: int, labels: Labels, kind: Any, data: st.DataObject
) -> None:
    frame, drawn = stream(seed=seed), data.draw(st.integers(0, 2**32 - 1))
    late = np.arange(frame.height) >= cut
    other = np.random.default_rng(drawn).choice(["yes", "no"], frame.height)
    changed = frame.with_columns(
        y=pl.Series(np.where(late, other, frame["y"].to_numpy())),
        length=pl.Series(np.where(late, -1, frame["length"].to_numpy())),
    )
    changes = {**EXPLORED, "value": {"policy": kind}, "response": {"half_life_rows": 500}}
    one, two = (_book(table, _curious, labels=labels, **changes) for table in (frame, changed))
    blind = [p.index for p in timeline(frame, charter(), 800).periods if p.known <= cut]
    for index in blind:
        a, b = one.periods[index], two.periods[index]
        assert (a.actions, a.version, a.fallback) == (b.actions, b.version, b.fallback)
        assert (a.response, a.reason, a.alerts) == (b.response, b.reason, b.alerts)


def test_what_it_costs_not_to_see_every_outcome() -> None:
    frame = stream(n=4000)
    found = _replay(frame, "triggered", labels="selected", compare=True, **EXPLORED)
    book = found.policies["triggered"]
    worlds = found.unseen["triggered"]
    assert list(worlds) == ["all outcomes shown, none explored", "outcomes selected, none explored"]
    alone = {
        "all outcomes shown, none explored": _book(frame, "triggered"),
        "outcomes selected, none explored": _book(frame, "triggered", labels="selected"),
    }
    for world, difference in worlds.items():
        assert difference.low <= difference.mean <= difference.high
        expected = book.value.mean - alone[world].value.mean
        assert difference.mean == pytest.approx(expected)
    assert book.costs.exploring is not None
    assert 0 < book.costs.random < 0.1 * found.n
    assert found.explored == 0.1
    assert Replay.from_document(found.document()) == found


def test_without_a_share_there_is_one_other_world(turning: pl.DataFrame) -> None:
    found = _replay(turning, "static", labels="selected", compare=True)
    assert list(found.unseen["static"]) == ["all outcomes shown, none explored"]
    assert found.unseen["static"]["all outcomes shown, none explored"].mean == 0
    assert _replay(turning, "static", labels="selected").unseen == {}
    assert _replay(turning, "static", compare=True).unseen == {}


def test_costs_are_counted(turning: pl.DataFrame) -> None:
    own = {"cost_per_decision": 0.5, "run_cost_per_month": 10, "retraining_cost": 4}
    book = _book(turning, "scheduled", value=own)
    costs = book.costs
    assert (costs.retraining, costs.deciding) == (12, 600)
    assert costs.running == pytest.approx(12)
    calls = sum(period.actions["call"] for period in book.periods)
    assert costs.cases == {"call": calls, "skip": 1200 - calls}
    assert costs.staked == calls
    assert (costs.reviewing, costs.exploring, costs.random) == (0, None, 0)
    assert book.net.mean == pytest.approx(book.value.mean - 624)
    assert book.net.high - book.net.low == pytest.approx(book.value.high - book.value.low)


def test_what_random_actions_cost_is_the_difference_to_what_was_meant() -> None:
    frame = stream(n=3000)
    plain = _book(frame, "static")
    explored = _book(frame, "static", **EXPLORED)
    assert explored.costs.exploring is not None
    # The first model's plain decisions are the ones meant.
    expected = plain.value.mean - explored.value.mean
    assert explored.costs.exploring.mean == pytest.approx(expected)


def test_a_referred_case_pays_its_reviewer(turning: pl.DataFrame) -> None:
    book = _book(turning, "static", value={"refer": {"cost": 0.25, "accuracy": 0.99}})
    assert book.costs.cases["refer"] > 0
    assert book.costs.reviewing == pytest.approx(0.25 * book.costs.cases["refer"])


def test_another_format_is_refused() -> None:
    with pytest.raises(InputError, match="This replay has format 1"):
        Replay.from_document({"format": 1})
