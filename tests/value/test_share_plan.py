"""What is said of the shares that a charter grants."""

from __future__ import annotations

from typing import Any

import pytest

from assay.charter.data import Data
from assay.charter.release import Release
from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.identification import identification, is_marked
from assay.value.share_cost import Spread
from assay.value.share_plan import SharePlan, Shares, share_plan

PROMISED = Estimate(0.5, 0.3, 0.7, 1000, "BCa bootstrap", "EUR per decision")
EXPLORING = Estimate(40.0, 30.0, 50.0, 1000, "expected from forecasts", "EUR per month")


def _plan(
    *,
    promised: Estimate = PROMISED,
    control: float = 0.0,
    exploration: float = 0.0,
    floor: float = 0.0,
    spread: float = 3.0,
    **data: Any,
) -> SharePlan:
    model = ValueModel.model_validate(
        {
            "currency": "EUR",
            "actions": {"call": {"yes": 9, "no": -1}, "skip": {"yes": 10, "no": 0}},
            "baselines": {"nobody": "skip"},
            "baseline": "nobody",
            "decisions_per_month": 1000,
            "horizon_months": 12,
        }
    )
    release = Release(control_share=control, exploration_share=exploration)
    given = Data(source="x.csv", outcome="y", positive="yes", **data)
    cost = EXPLORING if exploration else None
    return share_plan(
        identification(model, given, release),
        model,
        Shares(control, exploration, cost, 0.4, 2),
        promised,
        Spread(spread, spread),
        floor,
    )


def test_where_outcomes_suffice_nothing_is_said_and_nothing_suggested() -> None:
    found = _plan()
    assert (found.words, found.suggested, found.control) == ((), None, None)
    assert found.document()["identification"]["live"]["by"] == "outcomes"


def test_without_a_share_the_smallest_that_suffices_is_suggested_with_its_cost() -> None:
    found = _plan(moved_by=("call",))
    assert found.suggested is not None
    assert found.suggested.resolves is not None
    assert 11 < found.suggested.resolves.months_watched <= 12
    assert found.suggested.cost.mean == pytest.approx(found.suggested.share * 500)
    assert is_marked(found.suggested.cost)
    text = " ".join(found.words)
    assert "The uplift is not identified." in text
    assert "once it serves will not be identified" in text
    assert "A control share of" in text


def test_a_share_that_is_granted_tells_its_cost_and_time() -> None:
    found = _plan(control=0.2, moved_by=("call",))
    assert found.control is not None
    assert found.control.cost.mean == 100
    assert found.words[0].startswith("The control share of 20 % costs 100 EUR per month [60, 140]")
    assert "if one looks once, when agreed beforehand" in found.words[0]
    assert " EUR per decision within " in found.words[0]
    assert not any("would do it" in line for line in found.words)
    slow = _plan(control=0.01, moved_by=("call",))
    assert "would do it within the horizon of 12 months" in slow.words[-1]
    never = _plan(control=0.01, moved_by=("call",), spread=300.0)
    assert "No control share shows that" in never.words[-1]


def test_exploring_has_its_cost_and_its_own_time() -> None:
    found = _plan(exploration=0.1, moved_by=("call",))
    assert found.exploration is not None
    assert found.exploration.resolves is not None
    assert found.words[0].startswith("The exploration share of 10 % costs 40 EUR per month")
    assert found.document()["exploration"]["cost"]["mean"] == 40
    assert is_marked(found.exploration.cost), "a table of past cases does not tell it"


def test_the_floor_stands_in_where_no_uplift_is_promised() -> None:
    losing = Estimate(-0.5, -0.7, -0.3, 1000, "BCa bootstrap", "EUR per decision")
    found = _plan(promised=losing, control=0.1, floor=200.0)
    assert found.uplift == 0.2
    assert found.control is not None
    assert found.control.cost.mean == -50
    nothing = _plan(promised=losing, control=0.1)
    assert nothing.control is not None
    assert nothing.control.resolves is None
    assert "has no uplift to show" in nothing.words[0]


def test_no_share_is_suggested_where_none_helps() -> None:
    found = _plan(moved_by=("call",), revealed_by=("call",))
    assert found.suggested is None
    assert any("no share can show it" in line for line in found.words)


def test_a_control_tells_how_many_decisions_it_will_hold() -> None:
    found = _plan(control=0.2, moved_by=("call",))
    assert found.control is not None
    assert found.control.resolves is not None
    inside = 0.2 * found.control.resolves.watched
    assert f"with about {inside:,.0f} decisions in the control by then" in found.words[0]


@pytest.mark.parametrize(
    ("revealed_by", "control_says", "exploration_says"),
    [
        ((), "per decision within", "per decision within"),
        (("call",), "shows nothing of the uplift, as `skip` hides", "shows nothing of the uplift"),
    ],
)
def test_each_share_says_that_it_shows_nothing_where_no_share_can(
    revealed_by: tuple[str, ...], control_says: str, exploration_says: str
) -> None:
    found = _plan(control=0.05, exploration=0.1, moved_by=("call",), revealed_by=revealed_by)
    control, exploration, *rest = found.words
    assert control_says in control
    assert exploration_says in exploration
    text = " ".join(rest)
    hidden = bool(revealed_by)
    assert ("no share can show it" in text) == hidden
    assert ("the agreed `release.control_share` shows it" in text) == (not hidden)
    assert "would do it" not in text
    assert "No control share shows" not in text
    for one in (found.control, found.exploration):
        assert one is not None
        assert (one.resolves is None) == hidden


def test_a_cost_that_is_not_identified_says_so_beside_the_amount() -> None:
    moved = _plan(control=0.2, moved_by=("call",))
    assert "[60, 140] (not identified) and shows" in moved.words[0]
    assert "not identified" not in _plan(control=0.2).words[0]


def test_what_shows_at_once_still_takes_some_time() -> None:
    found = _plan(control=0.2, moved_by=("call",), spread=0.1)
    assert found.control is not None
    assert found.control.resolves is not None
    assert found.control.resolves.months_fixed < 0.05
    assert "(within 0.1 months if one looks once" in found.words[0]
