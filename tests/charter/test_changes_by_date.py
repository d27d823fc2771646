"""What holds on a day: changes merge into what was agreed, whatever was asked for before."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.charter import Charter
from assay.charter.load import parse_charter
from assay.charter.value import ValueModel
from assay.charter.value_model import value_model
from assay.errors import Fault
from assay.value.cash_flow import cash_flow, likeliest, terms_of

Faults = Callable[[dict[str, Any]], list[Fault]]

MODEL: dict[str, Any] = {
    "currency": "EUR",
    "actions": {"call": {"yes": 9, "no": -1}, "mail": {"yes": 4, "no": -0.5}, "skip": 0},
    "baselines": {"nobody": "skip"},
    "decisions_per_month": 1000,
    "run_cost_per_month": 100,
    "horizon_months": 6,
    "refer": {"cost": 2, "accuracy": 0.9, "capacity": {"k": 5, "of": 100}},
}
FIRST = date(2026, 12, 1)
TO_NO = {"since": "2027-06-01", "actions": {"skip": {"no": 1}}, "refer": {"cost": 3, "accuracy": 1}}
TO_YES = {"since": "2027-01-01", "actions": {"call": {"yes": 8}}, "run_cost_per_month": 130}
LATER = date(2028, 1, 1)


def made(*changes: dict[str, Any]) -> ValueModel:
    return value_model({**MODEL, "changes": list(changes)}, positive="yes")


def test_only_what_is_named_changes() -> None:
    model = made(TO_NO, TO_YES)
    middle, late = model.at(date(2027, 1, 1)), model.at(LATER)
    assert middle.actions == {**MODEL["actions"], "call": {"yes": 8, "no": -1}}
    assert late.actions == {
        "call": {"yes": 8, "no": -1},
        "mail": {"yes": 4, "no": -0.5},
        "skip": {"yes": 0, "no": 1},
    }
    assert (middle.run_cost_per_month, late.run_cost_per_month) == (130, 130)
    assert late.refer is not None
    assert late.refer.capacity is not None
    assert (late.refer.cost, late.refer.accuracy, late.refer.capacity.k) == (3, 1, 5)


def test_one_payoff_for_an_action_holds_for_all_of_its_outcomes() -> None:
    late = made({"since": "2027-01-01", "actions": {"call": 2, "skip": -1}}).at(LATER)
    assert late.actions == {**MODEL["actions"], "call": {"yes": 2, "no": 2}, "skip": -1}


def test_a_capacity_goes_only_where_that_is_said() -> None:
    gone = {"cost": 2, "accuracy": 0.9, "capacity": None}
    late = made({"since": "2027-01-01", "refer": gone}).at(LATER)
    assert late.refer is not None
    assert late.refer.capacity is None


days = st.dates(FIRST, LATER)


@given(st.permutations([TO_YES, TO_NO, {"since": "2027-03-01", "actions": {"call": {"no": -2}}}]),
       days, days)  # fmt: skip
def test_a_day_gives_the_same_whatever_was_asked_for_before(
    changes: list[dict[str, Any]], before: date, day: date
) -> None:
    model = made(*changes)
    assert model.at(before).at(day) == model.at(day)
    assert model.at(day).at(day) == model.at(day)
    in_order = made(*sorted(changes, key=lambda one: str(one["since"])))
    assert model.at(day).actions == in_order.at(day).actions
    assert model.at(LATER).at(FIRST) == model


@given(days)
def test_costs_by_month_do_not_hang_on_the_day_that_was_asked_for(day: date) -> None:
    model = made(TO_YES, {"since": "2027-03-10", "run_cost_per_month": 90})
    then = model.at(day)
    spent = [
        cash_flow(likeliest(1.0, one), terms_of(one, start=FIRST)).spent.tolist()
        for one in (model, then)
    ]
    assert spent[0] == spent[1] == [[100, 130, 130, 90, 90, 90]]


@pytest.fixture
def charter(charter_text: str) -> Charter:
    document = yaml.safe_load(charter_text)
    document["value"]["changes"] = [
        {"since": "2027-01-01", "actions": {"call": {"no": -2}}},
        {"since": "2028-01-01", "run_cost_per_month": 7},
    ]
    return parse_charter(yaml.safe_dump(document), "charter.yaml")


def test_a_charter_goes_back_to_an_earlier_day(charter: Charter) -> None:
    late = charter.on(date(2029, 1, 1))
    middle = late.on(date(2027, 5, 5))
    assert (late.value.run_cost_per_month, middle.value.run_cost_per_month) == (7, 0)
    assert middle == charter.on(date(2027, 5, 5))
    assert middle.on(date(2027, 5, 6)) is middle
    assert late.on(date(2026, 5, 5)) is charter
    assert late.digests() == middle.digests() == charter.digests()


def test_a_copy_keeps_what_was_changed_in_other_sections(charter: Charter) -> None:
    copy = charter.on(date(2029, 1, 1)).model_copy(update={"title": "Another"})
    back = copy.on(date(2026, 5, 5))
    assert (back.title, back.value) == ("Another", charter.value)


@pytest.mark.parametrize(
    ("change", "path", "mend"),
    [
        ({}, "", "name what holds from then on"),
        ({"actions": {}}, "", "name what holds from then on"),
        ({"actions": {"call": {}}}, "", "name what holds from then on"),
        ({"actions": {"cal": {"yes": 1}}}, ".actions.cal", "did you mean `call`?"),
        ({"actions": {"call": {"yess": 1}}}, ".actions.call.yess", "did you mean `yes`?"),
        ({"refer": {"cost": 1, "accuracy": 0.5}}, ".refer", "a new one needs a new model"),
        ({"payoff": "1"}, ".payoff", "change what `value` itself gives"),
        ({"actions": {"call": {"yes": "9 *"}}}, ".actions.call.yes", "at the end"),
    ],
)
def test_a_change_that_does_not_fit(
    faults: Faults, change: dict[str, Any], path: str, mend: str
) -> None:
    (fault,) = faults({"value.changes": [{"since": "2027-01-01", **change}]})
    assert fault.path == f"value.changes[0]{path}"
    assert mend in fault.mend


def test_a_confusion_of_a_later_date_is_looked_at_too(faults: Faults) -> None:
    refer = {"cost": 1, "accuracy": 0.9}
    later = {"cost": 1, "confusion": {"yes": {"cal": 1}, "no": {"skip": 1}}}
    change = {"since": "2027-01-01", "refer": later}
    (fault,) = faults({"value.refer": refer, "value.changes": [change]})
    assert fault.path == "value.changes[0].refer.confusion.yes.cal"


def test_changes_may_stand_in_any_order(faults: Faults) -> None:
    changes = [
        {"since": f"{FIRST + timedelta(days=days)}", "run_cost_per_month": days}
        for days in (60, 0, 30)
    ]
    assert faults({"value.changes": deepcopy(changes)}) == []
