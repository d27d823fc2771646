"""Reasons: exact where they can be, adding up everywhere, and the same for the same row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.deploy.reasons import reasons, told, typical_row
from assay.deploy.scoring import Scorer
from assay.evidence.bundle import Input, Signature
from assay.ports.engine import Columns, Floats
from assay.stats.reference import make_reference
from assay.value.valuation import valuation

_REGRESSION = {"under": 3, "over": 1, "baselines": {"ten": 10}, "baseline": "ten"}
_CHOICE = {
    "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    "baselines": {"nobody": "skip"},
    "baseline": "nobody",
}


class _Engine:
    def __init__(self, function: Callable[[Columns], Floats]) -> None:
        self.function, self.calls = function, 0

    def score(self, columns: Columns) -> Floats:
        self.calls += 1
        return self.function(columns)


def _scorer(
    function: Callable[[Columns], Floats], inputs: tuple[Input, ...], value: dict[str, Any]
) -> Scorer:
    model = ValueModel.model_validate({"currency": "EUR", "decisions_per_month": 1, **value})
    valued = valuation(model, Data(source="x.csv", outcome="y", positive="yes"))
    signature = Signature(model.task, inputs, valued.labels, valued.actions)

    def calibrate(raw: Floats, columns: Columns) -> Floats:
        del columns
        if model.task == "regression":
            return raw[:, None]
        return raw if raw.ndim > 1 else np.column_stack([1 - raw, raw])

    return Scorer(signature, _Engine(function), calibrate, valued)


def _numbers(m: int) -> tuple[Input, ...]:
    return tuple(Input(f"x{place}", "number") for place in range(m))


def _linear(columns: Columns) -> Floats:
    total: Floats = np.sum([(i + 1) * columns[f"x{i}"] for i in range(len(columns))], axis=0)
    return total


@pytest.mark.parametrize("m", [1, 3, 6, 7, 15])
def test_of_a_sum_each_term_has_its_own_part(m: int) -> None:
    scorer = _scorer(_linear, _numbers(m), _REGRESSION)
    random = np.random.default_rng(m)
    columns = {f"x{i}": random.normal(size=5) for i in range(m)}
    typical = {f"x{i}": 0.5 for i in range(m)}
    for row, found in enumerate(reasons(scorer, columns, typical, most=m)):
        for reason in found:
            place = int(reason.column[1:])
            expected = (place + 1) * (columns[reason.column][row] - 0.5)
            assert reason.contribution == pytest.approx(expected)
        sizes = [abs(reason.contribution) for reason in found]
        assert sizes == sorted(sizes, reverse=True)


def _tangled(columns: Columns) -> Floats:
    x = np.column_stack([columns[f"x{i}"] for i in range(12)])
    odds: Floats = np.tanh(x[:, 0] * x[:, 1] + x[:, 2] * np.maximum(x[:, 3], x[:, 4]))
    answer: Floats = 1 / (1 + np.exp(-odds - 0.1 * x.sum(axis=1)))
    return answer


def test_contributions_add_up_to_the_answer_less_that_of_the_typical_row() -> None:
    scorer = _scorer(_tangled, _numbers(12), _CHOICE)
    random = np.random.default_rng(1)
    columns = {f"x{i}": random.normal(size=40) for i in range(12)}
    typical = {f"x{i}": 0.1 * i for i in range(12)}
    base = float(_tangled({name: np.array([value]) for name, value in typical.items()})[0])
    found = reasons(scorer, columns, typical, most=12)
    sums = [sum(reason.contribution for reason in row) for row in found]
    np.testing.assert_allclose(sums, _tangled(columns) - base, atol=1e-12)


def test_a_row_has_the_same_reasons_whatever_it_comes_with() -> None:
    scorer = _scorer(_tangled, _numbers(12), _CHOICE)
    random = np.random.default_rng(2)
    columns = {f"x{i}": random.normal(size=9) for i in range(12)}
    typical = {f"x{i}": 0.0 for i in range(12)}
    together = reasons(scorer, columns, typical)
    alone = [
        reasons(scorer, {name: values[[row]] for name, values in columns.items()}, typical)[0]
        for row in range(9)
    ]
    assert [told(row) for row in together] == [told(row) for row in alone]
    assert all(len(row) == 3 for row in together)


def test_drawn_orders_come_near_to_all_of_them() -> None:
    scorer = _scorer(_tangled, _numbers(12), _CHOICE)
    random = np.random.default_rng(3)
    columns = {f"x{i}": random.normal(size=1) for i in range(12)}
    typical = {f"x{i}": 0.0 for i in range(12)}
    masks = np.indices((2,) * 12).reshape(12, -1).T.astype(bool)
    mixed = {f"x{i}": np.where(masks[:, i], columns[f"x{i}"], 0.0) for i in range(12)}
    worth = _tangled(mixed)
    sizes = masks.sum(axis=1)
    exact = dict[str, float]()
    for i in range(12):
        without = np.flatnonzero(~masks[:, i])
        gains = worth[without + 2 ** (11 - i)] - worth[without]
        means = [gains[sizes[without] == size].mean() for size in range(12)]
        exact[f"x{i}"] = float(np.mean(means))
    for reason in reasons(scorer, columns, typical, most=12)[0]:
        assert reason.contribution == pytest.approx(exact[reason.column], abs=0.03)


def test_words_name_the_value_the_typical_one_and_what_it_moved() -> None:
    inputs = (Input("balance", "number"), Input("job", "category"), Input("age", "number"))

    def function(columns: Columns) -> Floats:
        chance: Floats = 0.1 + 0.08 * (columns["balance"] > 1000) + 0.2 * (columns["job"] == "a")
        return np.asarray(chance - 0.03 * np.isnan(columns["age"]))

    rows: dict[str, Any] = {
        "balance": np.full(100, 450.0),
        "job": np.array(["b"] * 60 + ["a"] * 40, dtype=object),
        "age": np.full(100, 40.0),
    }
    signature = Signature("classification", inputs)
    typical = typical_row(make_reference(rows), signature)
    assert typical == {"balance": 450.0, "job": "b", "age": 40.0}
    columns: dict[str, Any] = {
        "balance": np.array([1500.0, 450.0]),
        "job": np.array(["a", "b"], dtype=object),
        "age": np.array([np.nan, 40.0]),
    }
    scorer = _scorer(function, inputs, _CHOICE)
    first, second = reasons(scorer, columns, typical)
    assert [reason.words for reason in first] == [
        "job a (typical b) raises it by 0.2",
        "balance 1,500 (typical 450) raises it by 0.08",
        "age missing (typical 40) lowers it by 0.03",
    ]
    assert second == []


def test_of_many_outcomes_the_likeliest_one_is_explained() -> None:
    def function(columns: Columns) -> Floats:
        first = np.where(columns["x0"] > 0, 0.6, 0.2)
        return np.column_stack([first, (1 - first) * 0.7, (1 - first) * 0.3])

    value = {
        "actions": {"a": {"p": 1, "q": 0, "r": 0}, "b": {"p": 0, "q": 1, "r": 1}},
        "baselines": {"none": "a"},
        "baseline": "none",
    }
    model = ValueModel.model_validate({"currency": "EUR", "decisions_per_month": 1, **value})
    valued = valuation(model, Data(source="x.csv", outcome="y"))
    signature = Signature("classification", _numbers(1), valued.labels, valued.actions)
    scorer = Scorer(signature, _Engine(function), lambda raw, _: raw, valued)
    found = reasons(scorer, {"x0": np.array([5.0, -5.0])}, {"x0": 1.0})
    assert found[0] == []
    assert found[1][0].contribution == pytest.approx(0.8 * 0.7 - 0.4 * 0.7)


def test_many_rows_are_asked_in_few_calls() -> None:
    scorer = _scorer(_tangled, _numbers(12), _CHOICE)
    random = np.random.default_rng(4)
    columns = {f"x{i}": random.normal(size=100) for i in range(12)}
    assert len(reasons(scorer, columns, {f"x{i}": 0.0 for i in range(12)})) == 100
    assert isinstance(scorer.engine, _Engine)
    assert scorer.engine.calls == 2
    assert reasons(scorer, {f"x{i}": np.empty(0) for i in range(12)}, {}) == []
