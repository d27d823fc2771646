"""Payoffs that a function works out."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.errors import DataError, ModelError
from assay.value import plugin
from assay.value.valuation import Valuation, valuation, valuation_from_document

FUNCTION = {
    "name": "margins",
    "bounds": [-1, 200],
    "columns": ["amount"],
    "actions": ["call", "skip"],
    "outcomes": ["no", "yes"],
}


def margins(action: str, outcome: str, columns: dict[str, Any]) -> Any:
    if action == "skip":
        return 0.0
    return columns["amount"] - 1 if outcome == "yes" else -1.0


def sale(decision: Any, outcome: Any, columns: dict[str, Any]) -> Any:
    return columns["price"] * np.minimum(decision, outcome) - 2 * decision


def model(function: dict[str, Any] | None = None, **changed: Any) -> ValueModel:
    given = {
        "currency": "EUR",
        "function": function,
        "baselines": {"nobody": "skip"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
    }
    return ValueModel.model_validate({**given, **changed})


DATA = Data(source="bank.csv", outcome="y", positive="yes")


def plugged(**changed: Any) -> Valuation:
    return valuation(model({**FUNCTION, **changed}), DATA, {"margins": margins})


def test_a_function_pays_as_the_same_table_does() -> None:
    cells = {"call": {"yes": "amount - 1", "no": -1}, "skip": 0}
    table = valuation(model(actions=cells, caps={"amount": [0, 200]}), DATA)
    valued, columns = plugged(), {"amount": np.array([2.0, 50.0, 9.0])}
    forecast = np.array([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    decided = valued.decide(forecast, columns)
    np.testing.assert_array_equal(decided, table.decide(forecast, columns))
    np.testing.assert_allclose(
        valued.expected(forecast, decided, columns), table.expected(forecast, decided, columns)
    )
    assert valued.bounds() == (-1, 200)
    assert valued.columns == {"amount"}


def test_a_result_outside_its_bounds_is_refused() -> None:
    with pytest.raises(DataError, match=r"returned 299 for 1 of 2 cases, outside .*\[-1, 200\]"):
        plugged().realised(np.zeros(2, int), np.ones(2, int), {"amount": np.array([9.0, 300.0])})


def test_a_function_for_amounts_pays_as_the_same_expression_does() -> None:
    caps = {"outcome": [0, 50], "price": [0, 9]}
    function = {"name": "sale", "bounds": [-100, 450], "columns": ["price"]}
    baselines: dict[str, Any] = {"baselines": {"none": 0}, "baseline": "none", "caps": caps}
    data = Data(source="sales.csv", outcome="sold")
    ours = valuation(model(function, **baselines), data, {"sale": sale})
    same = "price * min(decision, outcome) - 2 * decision"
    theirs = valuation(model(payoff=same, **baselines), data)
    rng = np.random.default_rng(8)
    forecast, columns = rng.uniform(0, 40, (30, 101)), {"price": rng.uniform(1, 9, 30)}
    decided = ours.decide(forecast, columns)
    np.testing.assert_allclose(decided, theirs.decide(forecast, columns))
    outcomes = rng.uniform(0, 40, 30)
    np.testing.assert_allclose(
        ours.realised(decided, outcomes, columns), theirs.realised(decided, outcomes, columns)
    )


def test_the_search_finds_the_best_of_all_quantiles() -> None:
    baselines: dict[str, Any] = {
        "baselines": {"none": 0},
        "baseline": "none",
        "caps": {"outcome": [0, 50]},
    }
    text = "5 * min(decision, outcome) - 2 * decision"
    data = Data(source="sales.csv", outcome="sold")
    valued = valuation(model(payoff=text, **baselines), data)
    forecast = np.random.default_rng(9).gamma(2, 5, (20, 199))
    best = valued.expected(forecast, valued.decide(forecast, {}), {})
    every = np.stack([valued.expected(forecast, forecast[:, i], {}) for i in range(199)])
    np.testing.assert_allclose(best, every.max(axis=0))


def test_a_bundle_names_the_function_and_only_installed_packages_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = valuation_from_document(json.loads(json.dumps(plugged().document())))
    columns = {"amount": np.array([5.0])}
    with pytest.raises(ModelError, match="No installed package offers the payoff function"):
        stored.decide(np.array([[0.5, 0.5]]), columns)
    offered = [EntryPoint("margins", f"{__name__}:margins", plugin.GROUP)]
    monkeypatch.setattr(plugin, "entry_points", lambda group: offered if group else [])
    monkeypatch.setattr(EntryPoint, "load", lambda _: margins)
    assert stored.names(stored.decide(np.array([[0.5, 0.5]]), columns)) == ["call"]
