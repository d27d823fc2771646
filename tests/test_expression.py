from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ExpressionError
from assay.expression import parse

NAMES = ("a", "b", "emp.var.rate")
# A tree: a number, a column's name, or (operation, *trees).
TREES: st.SearchStrategy[Any] = st.recursive(
    st.floats(0, 1e6, allow_nan=False) | st.sampled_from(NAMES),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "<", "<=", ">", ">=", "==", "!="]), inner, inner),
        st.tuples(st.just("negative"), inner),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner, inner),
        st.tuples(st.just("where"), inner, inner, inner),
    ),
    max_leaves=12,
)
POINTS = st.fixed_dictionaries({name: st.floats(-1e3, 1e3) for name in NAMES})
PYTHON: dict[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "negative": operator.neg,
    "min": min,
    "max": max,
    "where": lambda test, a, b: a if test != 0 else b,
}


def written(tree: Any) -> str:
    if isinstance(tree, float):
        return repr(tree)
    if isinstance(tree, str):
        return f"`{tree}`"
    name, *parts = tree
    texts = [written(part) for part in parts]
    if name == "negative":
        return f"-({texts[0]})"
    if name in ("min", "max", "where"):
        return f"{name}({', '.join(texts)})"
    return f"({texts[0]}) {name} ({texts[1]})"


def worked_out(tree: Any, point: dict[str, float]) -> float:
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        return point[tree]
    name, *parts = tree
    return float(PYTHON[name](*(worked_out(part, point) for part in parts)))


@given(TREES, POINTS)
def test_agrees_with_python_on_any_tree(tree: Any, point: dict[str, float]) -> None:
    expected = worked_out(tree, point)
    expression = parse(written(tree))
    columns = {name: np.array([value, value]) for name, value in point.items()}
    result = np.broadcast_to(np.asarray(expression.evaluate(columns)), (2,))
    assert result.tolist() == [expected, expected]


@given(TREES, POINTS, POINTS, st.floats(0, 1))
def test_bounds_hold_for_every_point_between_the_caps(
    tree: Any, one: dict[str, float], other: dict[str, float], share: float
) -> None:
    caps = {name: (min(one[name], other[name]), max(one[name], other[name])) for name in NAMES}
    inside = {
        name: min(max(low + share * (high - low), low), high) for name, (low, high) in caps.items()
    }
    low, high = parse(written(tree)).bounds(caps)
    for point in (one, other, inside):
        assert low <= worked_out(tree, point) <= high


@given(st.text(alphabet="ab19.,+-*/()<>=!`'\" \n\tminaxwhere_€\x00\\", max_size=40))
def test_any_text_parses_or_is_refused_with_a_mend(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError:
        return
    assert parse(str(expression)) == expression
    columns = {name: np.array([1.0, math.nan]) for name in expression.columns}
    assert np.size(expression.evaluate(columns)) in (1, 2)


@given(st.text(max_size=60))
def test_any_unicode_is_answered(text: str) -> None:
    with suppress(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("2 - 3 - 4", -5),
        ("8 / 4 / 2", 1),
        ("--3", 3),
        ("2 * -3", -6),
        ("1e3 + .5 + 2.", 1002.5),
        ("1 + 1 == 2", 1),
        ("where(0, 1, 2) + max(1, 2, 3) - min(4, 5)", 1),
    ],
)
def test_precedence(text: str, value: float) -> None:
    assert parse(text).evaluate({}) == value


def test_words_of_functions_are_columns_where_nothing_is_called() -> None:
    assert parse("min + `max`").columns == {"min", "max"}


@pytest.mark.parametrize(
    ("text", "at", "mend"),
    [
        ("2x", 2, "2 * x"),
        ("1_000", 2, "1000 for 1_000"),
        ("a +", 4, "at the end"),
        ("emp.var.rate", 4, "backticks: `emp.var.rate`"),
        ("mn(a, b)", 1, "did you mean `min`?"),
        ("log(a)", 1, "use min, max or where"),
        ("1 + where(a, b)", 5, "where(test, a, b)"),
        ("a < b < c", 7, "min(a < b, b < c)"),
        ("a b", 3, "join the parts"),
        ("(a", 3, "close the bracket"),
        ("max(a", 6, "close the bracket"),
        ("a)", 2, "take the `)` out"),
        ("a and b", 3, "min(a, b)"),
        ("or", 1, "max(a, b)"),
        ("a = b", 3, "`==`"),
        ("€5", 1, "take it out"),
        ("1e999", 1, "below 1e308"),
        ("max()", 5, "write one there"),
        ("`a", 1, "second backtick"),
        ("(" * 60 + "a", 41, "at most 40"),
    ],
)
def test_faults_show_the_place_and_the_mend(text: str, at: int, mend: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    head, shown, caret, tail = str(caught.value).splitlines()
    assert head.endswith(f"at character {at}:")
    assert shown.strip() == text
    assert caret.index("^") == 4 + at - 1
    assert mend in tail


def test_empty_and_endless_texts_are_refused() -> None:
    with pytest.raises(ExpressionError, match="empty"):
        parse("  ")
    with pytest.raises(ExpressionError, match="longer than"):
        parse("1+" * 2000 + "1")


def test_a_long_sum_costs_no_stack() -> None:
    assert parse("1" + "+1" * 999).evaluate({}) == 1000


def test_missing_values_stay_missing() -> None:
    columns = {"a": np.array([math.nan, 1.0])}
    for text in ("a + 1", "a < 2", "max(a, 0)", "where(a, 1, 1)"):
        result = np.asarray(parse(text).evaluate(columns))
        assert math.isnan(result[0])
        assert not math.isnan(result[1])


def test_division_by_zero_is_quiet() -> None:
    result = parse("1 / a").evaluate({"a": np.array([0.0, 2.0])})
    assert np.asarray(result).tolist() == [math.inf, 0.5]


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(ExpressionError, match=r"`balence`.*Did you mean `balance`\?"):
        parse("balence * 2").evaluate({"balance": np.array([1.0])})


def test_a_column_of_text_is_refused() -> None:
    with pytest.raises(ExpressionError, match="`job` holds text"):
        parse("job * 2").evaluate({"job": np.array(["admin"], dtype=object)})


def test_bounds_need_caps_for_each_column() -> None:
    with pytest.raises(ExpressionError, match="Nothing bounds column `b`"):
        parse("a + b").bounds({"a": (0, 1)})


@pytest.mark.parametrize(
    ("text", "fault"),
    [("1 / a", "to be zero"), ("a * 1e308 * 1e308", "beyond every number")],
)
def test_bounds_that_do_not_exist(text: str, fault: str) -> None:
    with pytest.raises(ExpressionError, match=fault):
        parse(text).bounds({"a": (0, 10)})


def test_a_decided_condition_tightens_the_bounds() -> None:
    assert parse("where(a > 5, 1, 100)").bounds({"a": (6, 9)}) == (1, 1)
    assert parse("where(a > 5, 1, 100)").bounds({"a": (0, 5)}) == (100, 100)
    assert parse("where(a > 5, 1, 100)").bounds({"a": (0, 9)}) == (1, 100)
    assert parse("10 / max(a, 1)").bounds({"a": (0, 5)}) == (2, 10)
