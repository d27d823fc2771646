"""Deliveries of outcomes, and the rows that a retraining learns from."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.build.set_aside import STANDS_FOR_ALL
from assay.charter.charter import Charter
from assay.errors import DataError
from assay.lifecycle.posting import Served, delivery, labelled_table, newest_rows

from .conftest import charter


def _delivery(frame: pl.DataFrame, given: Charter | None = None) -> list[tuple[str, Any]]:
    given = given or charter()
    taken = delivery(frame, given)
    assert taken.columns == ["id", "outcome"]
    return taken.rows()


def test_the_outcome_may_bear_its_own_name() -> None:
    expected = [("a", "yes"), ("b", "no")]
    for name in ("outcome", "y"):
        frame = pl.DataFrame({"id": ["a", "b"], name: ["yes", "no"], "more": [1, 2]})
        assert _delivery(frame) == expected


def test_numbers_as_ids_are_texts_and_missing_outcomes_say_nothing() -> None:
    assert _delivery(pl.DataFrame({"id": [1, 2], "y": ["yes", None]})) == [("1", "yes")]
    assert _delivery(pl.DataFrame({"id": ["1"], "y": [None]})) == []


def test_true_and_false_are_outcomes_too() -> None:
    given = charter(
        data={"positive": "true"},
        value={"actions": {"call": {"true": 9, "false": -1}, "skip": 0}},
    )
    frame = pl.DataFrame({"id": ["a", "b"], "y": [True, False]})
    assert _delivery(frame, given) == [("a", "true"), ("b", "false")]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"id": ["a"]}, "no column outcome or y;"),
        ({"name": ["a"], "y": ["yes"]}, "no column id"),
        ({"name": ["a"]}, "no column id and no column outcome or y;"),
        ({"id": ["a"], "y": ["perhaps"]}, "perhaps"),
        ({"id": ["a", "b", "b"], "y": ["no", "yes", "no"]}, "the id b .*: yes and no; 1 of"),
    ],
)
def test_what_is_no_delivery_is_refused(frame: dict[str, list[str]], words: str) -> None:
    with pytest.raises(DataError, match=words):
        _delivery(pl.DataFrame(frame))


def _regression() -> Charter:
    document = charter().model_dump(mode="json", exclude_none=True, by_alias=True)
    document["data"] = {"source": "s.csv", "outcome": "y"}
    document["value"] = {
        "currency": "EUR",
        "under": 3,
        "over": 1,
        "baselines": {"fixed": 5},
        "baseline": "fixed",
        "decisions_per_month": 10,
    }
    return Charter.model_validate(document)


def test_amounts_stay_amounts() -> None:
    assert _delivery(pl.DataFrame({"id": ["a"], "y": [3]}), _regression()) == [("a", 3.0)]
    with pytest.raises(DataError):
        _delivery(pl.DataFrame({"id": ["a"], "y": ["many"]}), _regression())


def test_one_id_told_twice_the_same_is_taken() -> None:
    frame = pl.DataFrame({"id": ["a", "a"], "y": ["yes", "yes"]})
    assert set(_delivery(frame)) == {("a", "yes")}


def test_amounts_beyond_their_caps_are_refused() -> None:
    plain = _regression()
    capped = plain.model_copy(
        update={"value": plain.value.model_copy(update={"caps": {"outcome": (0.0, 10.0)}})}
    )
    assert len(_delivery(pl.DataFrame({"id": ["a", "b"], "y": [0, 10]}), capped)) == 2
    with pytest.raises(DataError, match=r"outcome of b is 12, .*caps.outcome` \[0, 10\]"):
        _delivery(pl.DataFrame({"id": ["a", "b"], "y": [1, 12]}), capped)
    with pytest.raises(DataError, match="the id a more than once"):
        _delivery(pl.DataFrame({"id": ["a", "a"], "y": [1, 2]}), capped)


def _served(*rows: tuple[dict[str, Any], Any]) -> Served:
    records = [
        {
            "inputs": inputs,
            "entity": f"e{place}",
            "at": f"2026-03-0{place + 1}T10:00:00+00:00",
            "propensity": 1.0,
        }
        for place, (inputs, _) in enumerate(rows)
    ]
    return Served(records, [outcome for _, outcome in rows], np.full(len(rows), np.nan))


def _newest(
    frame: pl.DataFrame, served: Served, given: Charter, count: int | None = None
) -> pl.DataFrame:
    response = given.response.model_copy(update={"training_rows": count})
    keeping = given.model_copy(update={"response": response})
    rows = pl.read_parquet(io.BytesIO(newest_rows(frame, labelled_table(served, given), keeping)))
    return rows.drop(STANDS_FOR_ALL)


HISTORY = pl.DataFrame({"age": [30, 40], "group": ["a", "b"], "length": [9, 9], "y": ["no", "yes"]})


def test_served_rows_come_last_in_the_table_s_own_types() -> None:
    served = _served(
        ({"age": 50.0, "group": "c"}, "yes"),
        ({"age": 60.0, "group": "d"}, None),
        ({"age": None, "group": None}, "no"),
    )
    rows = _newest(HISTORY, served, charter())
    assert rows.schema == HISTORY.schema
    assert rows["age"].to_list() == [30, 40, 50, None]
    assert rows["y"].to_list() == ["no", "yes", "yes", "no"]
    assert rows["length"].to_list() == [9, 9, None, None], "known only after the decision"
    assert _newest(HISTORY, served, charter(), 1)["y"].to_list() == ["no"]


def test_nothing_served_leaves_the_table() -> None:
    assert _newest(HISTORY, _served(({"age": 1.0}, None)), charter()).equals(HISTORY)


def test_the_entity_is_kept() -> None:
    given = charter(data={"entity": "client"})
    frame = HISTORY.with_columns(pl.Series("client", ["x", "y"]))
    rows = _newest(frame, _served(({"age": 50.0}, "yes")), given)
    assert rows["client"].to_list() == ["x", "y", "e0"]


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([date(2026, 1, 1), date(2026, 1, 2)], date(2026, 3, 1)),
        ([datetime(2026, 1, 1), datetime(2026, 1, 2)], datetime(2026, 3, 1, 10)),  # noqa: DTZ001
    ],
)
def test_served_rows_stand_at_the_moment_they_were_served(
    moments: list[Any], expected: Any
) -> None:
    document = charter().model_dump(mode="json", exclude_none=True, by_alias=True)
    document["data"] = {**document["data"], "time": "day", "order": "none"}
    given = Charter.model_validate(document)
    frame = HISTORY.with_columns(pl.Series("day", moments))
    rows = _newest(frame, _served(({"age": 50.0}, "yes")), given)
    assert rows["day"].to_list() == [*moments, expected]
