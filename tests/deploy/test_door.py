"""The door against an oracle that looks at one value at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.build.seen import seen
from assay.charter.serving import ColumnRules
from assay.charter.serving import Door as Rules
from assay.deploy.door import Door
from assay.deploy.edge.door_check import DoorCheck, Rule
from assay.deploy.edge_export import rule_document
from assay.evidence.bundle import Input, Signature
from assay.ports.column_blocks import ColumnBlocks
from assay.stats.reference import make_reference

_REACTIONS = st.sampled_from(["reject", "clip", "refer", "flag"])
_NUMBERS = st.one_of(st.floats(-20, 20), st.just(math.nan), st.just(math.inf))
_WORDS = st.sampled_from(["a", "b", "c", "é", ""])


@st.composite
def _doors(draw: st.DrawFn) -> tuple[list[Rule], dict[str, Any], int]:
    n = draw(st.integers(1, 6))
    rules, columns = [], dict[str, Any]()
    for place in range(draw(st.integers(1, 5))):
        name, text = f"x{place}", draw(st.booleans())
        shared: dict[str, Any] = {
            "complete": draw(st.booleans()),
            "new": draw(_REACTIONS),
            "missing": draw(_REACTIONS),
        }
        values = draw(st.lists(_WORDS if text else _NUMBERS, min_size=n, max_size=n))
        if text:
            known = draw(st.none() | st.frozensets(st.sampled_from(["a", "b"])))
            rules.append(Rule(name, text=True, known=known, **shared))
            columns[name] = np.array(values, dtype=object)
        else:
            low = draw(st.sampled_from([-math.inf, -5.0, 0.0]))
            high = draw(st.sampled_from([math.inf, 0.0, 5.0]))
            rules.append(Rule(name, low=low, high=high, **shared))
            columns[name] = np.array(values)
    return rules, columns, n


def _reaction(rule: Rule, value: Any) -> tuple[str, str, Any]:
    """Return the reaction to one value, what is said of it, and what it becomes."""
    missing = value == "" if rule.text else math.isnan(value)
    if missing:
        if not rule.complete:
            return "", "", value
        return ("flag" if rule.missing == "clip" else rule.missing), "missing", value
    if rule.text:
        if rule.known is None or value in rule.known:
            return "", "", value
        clipped = rule.new == "clip"
        told = "taken as missing" if clipped else "has a new category"
        return rule.new, told, "" if clipped else value
    if rule.low <= value <= rule.high:
        return "", "", value
    clipped = rule.new == "clip"
    edge = rule.low if value < rule.low else rule.high
    return rule.new, "clipped" if clipped else "out of range", edge if clipped else value


@given(_doors())
def test_the_door_does_what_looking_at_each_value_would(
    given_door: tuple[list[Rule], dict[str, Any], int],
) -> None:
    rules, columns, n = given_door
    found = DoorCheck(rules).check(columns)
    rejected, referred, flags = set(), set(), dict[str, set[int]]()
    for rule in rules:
        values = columns[rule.name].tolist()
        for row in range(n):
            reaction, told, becomes = _reaction(rule, values[row])
            now = found.columns[rule.name].tolist()[row]
            assert now == becomes or (now != now and becomes != becomes)  # noqa: PLR0124
            if reaction == "reject":
                rejected.add(row)
            elif reaction:
                flags.setdefault(f"{rule.name} {told}", set()).add(row)
            if reaction == "refer":
                referred.add(row)
    assert set(found.rejected) == rejected
    assert {name: set(np.flatnonzero(rows).tolist()) for name, rows in found.flags.items()} == flags
    asked = set() if found.referred is None else set(np.flatnonzero(found.referred).tolist())
    assert asked == referred


@given(_doors())
def test_columns_in_blocks_are_checked_as_columns_apart(
    given_door: tuple[list[Rule], dict[str, Any], int],
) -> None:
    rules, columns, n = given_door
    columns["free"] = np.full(n, np.nan)
    texts = [name for name, values in columns.items() if values.dtype == object]
    numbers = [name for name in columns if name not in texts]
    words = np.empty((len(texts), n), dtype=object)
    for place, name in enumerate(texts):
        words[place] = columns[name]
    matrix = np.array([columns[name] for name in numbers])
    blocks = ColumnBlocks(tuple(numbers), matrix, tuple(texts), words)
    apart, together = DoorCheck(rules).check(columns), Door(rules).check(blocks)
    assert together.rejected == apart.rejected
    assert {name: rows.tolist() for name, rows in together.flags.items()} == {
        name: rows.tolist() for name, rows in apart.flags.items()
    }
    np.testing.assert_array_equal(together.referred, apart.referred)
    for name in columns:
        np.testing.assert_array_equal(together.columns[name], apart.columns[name])


@given(_doors())
def test_rules_come_back_from_their_documents(
    given_door: tuple[list[Rule], dict[str, Any], int],
) -> None:
    for rule in given_door[0]:
        assert Rule.from_document(rule_document(rule)) == rule


_SIGNATURE = Signature(
    "classification", (Input("age", "number"), Input("job", "category")), ("no", "yes"), ("a", "b")
)


def _rows(n: int) -> dict[str, Any]:
    return {
        "age": np.linspace(20.0, 70.0, n),
        "job": np.array([("nurse", "pilot")[row % 2] for row in range(n)], dtype=object),
    }


@pytest.mark.parametrize("with_seen", [True, False])
def test_ranges_categories_and_gaps_come_from_the_reference(with_seen: bool) -> None:
    rows = _rows(400)
    reference = make_reference(rows)
    if with_seen:
        wider = {**rows, "age": rows["age"] + 50.0}
        reference["seen"] = seen(_SIGNATURE.inputs, [rows, wider])
    door = Door.of(reference, _SIGNATURE, Rules(widen=0.1))
    most = 120.0 + 10.0 if with_seen else 70.0 + 5.0
    asked = {
        "age": np.array([20.0, most - 0.1, most + 0.1, np.nan]),
        "job": np.array(["nurse", "", "clown", "pilot"], dtype=object),
    }
    flags = {name: rows.tolist() for name, rows in door.check(asked).flags.items()}
    assert flags == {
        "age out of range": [False, False, True, False],
        "age missing": [False, False, False, True],
        "job has a new category": [False, False, True, False],
        "job missing": [False, True, False, False],
    }


def test_no_row_of_the_reference_is_strange_even_where_ranges_are_not_widened() -> None:
    rows = _rows(400)
    rows["age"] = (rows["age"] / 3).astype(np.float32).astype(np.float64)
    rows["age"][5], rows["job"][7] = np.nan, ""
    door = Door.of(make_reference(rows), _SIGNATURE, Rules(widen=0, out_of_range="reject"))
    assert door.check(rows) == (rows, {}, None, {})
    as_sent = {**rows, "age": np.linspace(20.0, 70.0, 400) / 3}
    assert not door.check(as_sent).rejected


def test_a_column_of_the_charter_has_its_own_range_and_reactions() -> None:
    own = ColumnRules(range=(0, 30), out_of_range="reject")
    rules = Rules(columns={"age": own, "job": ColumnRules(new_category="refer")})
    asked = {"age": np.array([20.0, 40.0]), "job": np.array(["clown", "nurse"], dtype=object)}
    found = Door.of(make_reference(_rows(400)), _SIGNATURE, rules).check(asked)
    assert found.rejected == {1: "age is 40, outside 0 to 30; send one inside"}
    assert found.referred is not None
    assert found.referred.tolist() == [True, False]
    bare = Door.of(None, _SIGNATURE, rules).check(asked)
    assert set(bare.rejected) == {1}
    assert bare.referred is None


def test_of_a_column_with_too_many_categories_none_is_new() -> None:
    words = np.array([f"w{row}" for row in range(3000)], dtype=object)
    inputs = (Input("job", "category"),)
    signature = Signature("regression", inputs)
    reference = make_reference({"job": words})
    for known in (reference, {**reference, "seen": seen(inputs, [{"job": words}])}):
        door = Door.of(known, signature, Rules(new_category="reject", missing="reject"))
        found = door.check({"job": np.array(["another", ""], dtype=object)})
        assert set(found.rejected) == {1}


def test_a_column_that_was_empty_throughout_has_no_range() -> None:
    inputs = (Input("x", "number"), Input("c", "category"))
    empty = {"x": np.full(40, np.nan), "c": np.full(40, "", dtype=object)}
    document = make_reference(empty) | {"seen": seen(inputs, [empty])}
    door = Door.of(document, Signature("regression", inputs), Rules())
    found = door.check({"x": np.array([1e9]), "c": np.array(["a"], dtype=object)})
    assert list(found.flags) == ["c has a new category"]
