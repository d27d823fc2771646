"""Which agreed changes a charter has made on a day, and how the business case takes the others."""

from __future__ import annotations

from datetime import date
from typing import Any

from assay.build.dated_changes import changes_ahead, changes_in_words, changes_made

CHANGES = [
    {"since": "2027-01-01", "actions": {"send": {"yes": 8, "no": -2}, "rest": 0}},
    {"since": "2027-07-01", "run_cost_per_month": 90},
]


def agreed(charter: Any, **data: Any) -> Any:
    return charter(data={"order": "rows", **data}, value={"changes": CHANGES})


def days(changes: Any) -> list[str]:
    return [str(one.since) for one in changes]


def test_changes_are_made_as_their_days_come(charter: Any) -> None:
    given = agreed(charter)
    for day, made in (
        (date(2026, 12, 31), []),
        (date(2027, 1, 1), ["2027-01-01"]),
        (date(2028, 1, 1), ["2027-01-01", "2027-07-01"]),
    ):
        held = given.on(day)
        assert days(changes_made(held)) == made
        assert days((*changes_made(held), *changes_ahead(held))) == ["2027-01-01", "2027-07-01"]


def test_words_without_dates_name_the_way_in(charter: Any) -> None:
    (words,) = changes_in_words(agreed(charter), None)
    assert "payoffs from 2027-01-01 on; the running cost from 2027-07-01 on" in words
    assert "leaves that out, for `data.time` names no column of dates" in words
    (words,) = changes_in_words(agreed(charter, time="week"), None)
    assert "`week`, holds no dates" in words


def test_words_say_what_the_case_charges_and_what_it_leaves_out(charter: Any) -> None:
    (words,) = changes_in_words(agreed(charter), date(2026, 11, 1))
    assert "begins on 2026-11-01" in words
    assert "charges what changes in its month: the running cost from 2027-07-01 on" in words
    assert "leaves out what changes payoffs from 2027-01-01 on: the uplift stays" in words


def test_there_are_no_words_when_nothing_is_ahead(charter: Any) -> None:
    assert changes_in_words(charter(), None) == ()
    assert changes_in_words(agreed(charter).on(date(2028, 1, 1)), None) == ()
