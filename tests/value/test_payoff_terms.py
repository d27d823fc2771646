"""Payoffs over stored terms are the payoffs themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charter.policy import BestAction
from assay.errors import DataError
from assay.expression import parse
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.payoff import PayoffTable
from assay.value.payoff_terms import MOST_TERMS, PayoffTerms, coefficients_of, payoff_terms
from assay.value.plugin import PluggedTable, Plugin
from assay.value.polynomial import expanded
from assay.value.regression import RegressionValuation
from assay.value.reviewer import Reviewer

COLUMNS = {
    "a": np.array([0.5, 2.0, 40.0, -3.0]),
    "b": np.array([1.0, 0.0, 7.0, 2.5]),
    "c d": np.array([3.0, 1.0, 0.25, 8.0]),
}
CAPS = {"a": (0.0, 10.0)}


def _bank(*cells: tuple[Any, ...], **more: Any) -> ClassificationValuation:
    actions = tuple(f"act {place}" for place in range(len(cells)))
    labels = tuple(f"came {place}" for place in range(len(cells[0])))
    table = PayoffTable(actions, labels, tuple(cells), CAPS)
    return ClassificationValuation("EUR", table, BestAction(), {"one": "act 0"}, "one", **more)


def _rebuilt(found: PayoffTerms, columns: Mapping[str, Any] = COLUMNS) -> np.ndarray:
    values = found.values(columns, 4)
    read = np.column_stack([np.ones(4), values])
    return np.asarray(np.einsum("akt,nt->nak", found.coefficients, read))


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(parts, st.sampled_from("+-*"), parts).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})"),
        st.tuples(parts, parts).map(lambda x: f"({x[0]}) / max({x[1]}, 2)"),
        st.tuples(st.sampled_from(["min", "max"]), parts, parts).map(
            lambda x: f"{x[0]}({x[1]}, {x[2]})"
        ),
        st.tuples(parts, st.sampled_from(["<", ">=", "=="]), parts, parts).map(
            lambda x: f"where({x[0]} {x[1]} {x[2]}, {x[3]}, 1)"
        ),
        st.tuples(parts, st.sampled_from(["<", ">="]), parts).map(
            lambda x: f"(({x[0]}) {x[1]} ({x[2]})) * 3"
        ),
        parts.map(lambda x: f"-({x})"),
    )


NUMBERS = st.floats(-50, 50, width=16).map(lambda x: f"({x!r})")
FORMULAS = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["a", "b", "`c d`"])), _joined, max_leaves=8
)
CELLS = st.one_of(st.floats(-50, 50, width=16), FORMULAS)


@given(FORMULAS)
def test_a_formula_multiplied_out_has_the_value_it_had(text: str) -> None:
    whole = parse(text)
    read = {**COLUMNS, "a": np.clip(COLUMNS["a"], 0.0, 10.0)}
    again = parse(str(expanded(whole, CAPS)))
    size = 1e-9 * max(1.0, float(np.abs(whole.evaluate(read)).max()))
    np.testing.assert_allclose(again.evaluate(COLUMNS), whole.evaluate(read), atol=max(size, 1e-6))


@given(st.tuples(CELLS, CELLS), st.tuples(CELLS, CELLS))
def test_coefficients_times_terms_are_the_payoffs(
    first: tuple[Any, Any], second: tuple[Any, Any]
) -> None:
    bank = _bank(first, second)
    found = payoff_terms(bank)
    assert found.reread == ""
    assert len(found.terms) <= MOST_TERMS
    paid = np.broadcast_to(bank.payoffs(COLUMNS, 4), (4, 2, 2))
    np.testing.assert_allclose(_rebuilt(found), paid, rtol=1e-9, atol=1e-5)


@pytest.mark.parametrize(
    "reviewer",
    [
        Reviewer(0.5, 0.9),
        Reviewer(0.5, shares=((0.2, 0.8), (0.7, 0.3))),
    ],
)
@pytest.mark.parametrize("pays", [9.0, "a * b", "max(a, b) - 2"])
def test_referring_is_one_more_action(reviewer: Reviewer, pays: Any) -> None:
    bank = _bank((-1.0, pays), (0.0, 0.0), reviewer=reviewer)
    paid = np.broadcast_to(bank.payoffs(COLUMNS, 4), (4, 3, 2))
    np.testing.assert_allclose(_rebuilt(payoff_terms(bank)), paid)


def _plugged(reviewer: Reviewer | None = None) -> ClassificationValuation:
    def pay(action: str, outcome: str, columns: Mapping[str, Any]) -> Any:
        return columns["a"] * (outcome == "yes") - (action == "call")

    plugin = Plugin("pay", (-9.0, 99.0), ("a",), pay)
    table = PluggedTable(("call", "skip"), ("no", "yes"), plugin, CAPS)
    return ClassificationValuation(
        "EUR", table, BestAction(), {"one": "skip"}, "one", reviewer=reviewer
    )


@pytest.mark.parametrize("reviewer", [None, Reviewer(2.0, 0.75)])
def test_a_payoff_function_is_kept_as_what_it_returns(reviewer: Reviewer | None) -> None:
    bank = _plugged(reviewer)
    found = payoff_terms(bank)
    assert all("pay:" in name for name in found.terms)
    np.testing.assert_allclose(_rebuilt(found), bank.payoffs(COLUMNS, 4))


def test_new_payoffs_over_stored_terms_need_no_row() -> None:
    stored = payoff_terms(_bank((-1.0, "a * 2 - 1"), (0.0, "a * b")))
    bank = _bank(("b * a - a", 7.0), ("3 * (a + 2)", 0.0))
    found = coefficients_of(bank, stored.terms)
    assert found.terms == stored.terms
    np.testing.assert_allclose(_rebuilt(found), bank.payoffs(COLUMNS, 4))


@pytest.mark.parametrize(
    ("pays", "term"), [("b", "b"), ("a / b", "/ (b)"), ("min(a, 3)", "min("), ("a * a", "a")]
)
def test_payoffs_of_other_terms_say_which_they_lack(pays: str, term: str) -> None:
    found = coefficients_of(_bank((-1.0, pays), (0.0, 0.0)), payoff_terms(_bank(("a", 1.0))).terms)
    assert term in found.reread
    assert np.isnan(found.coefficients).all()


def test_another_cap_is_another_term() -> None:
    bank = _bank((-1.0, "a"), (0.0, 0.0))
    wider = replace(bank, table=replace(bank.table, caps={"a": (0.0, 99.0)}))
    assert coefficients_of(wider, payoff_terms(bank).terms).reread


def test_many_products_become_one_term_for_each_formula() -> None:
    pays = "(a + b + `c d` + 1) * (a - 2 * b + `c d` * 5 - 3)"
    bank = _bank((-1.0, pays), (0.0, 0.0))
    found = payoff_terms(bank)
    assert len(found.terms) == 1
    np.testing.assert_allclose(_rebuilt(found), bank.payoffs(COLUMNS, 4))


def test_too_many_formulas_must_be_read_row_by_row() -> None:
    cells = [tuple(f"min(a, {3 * row + k + 0.5})" for k in range(3)) for row in range(3)]
    found = payoff_terms(_bank(*cells))
    assert found.terms == ()
    assert "more than 8 terms" in found.reread


def test_a_formula_that_grew_too_deep_must_be_read_row_by_row() -> None:
    deep = "max(" * 40 + "a" + ", 1)" * 40  # its cap takes two brackets more
    assert "too long" in payoff_terms(_bank((-1.0, deep), (0.0, 0.0))).reread


def test_amounts_decided_have_no_terms() -> None:
    bikes = RegressionValuation("EUR", UnitCosts(3, 1), {"ten": 10.0}, "ten")
    assert "amounts" in payoff_terms(bikes).reread
    assert "amounts" in coefficients_of(bikes, ("a",)).reread


def test_missing_money_is_not_guessed() -> None:
    found = payoff_terms(_bank((-1.0, "b"), (0.0, 0.0)))
    with pytest.raises(DataError, match="missing"):
        found.values({"b": np.array([1.0, np.nan])}, 2)
    with pytest.raises(DataError, match="not among"):
        found.values({}, 2)
