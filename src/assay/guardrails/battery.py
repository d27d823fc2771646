"""A public battery of checks for any guardrail: run it on your own plug-in.

from assay.guardrails.battery import check_guardrail
check_guardrail(MyGuardrail())
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import BestAction
from assay.guardrails.plugin import Cases, Guardrail, Measured
from assay.ports.engine import Columns, Floats
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import UnitCosts
from assay.value.payoff import PayoffTable
from assay.value.regression import RegressionValuation

__all__ = ["check_guardrail", "sample_cases"]


def check_guardrail(plugin: Guardrail) -> None:
    """Raise AssertionError naming the first thing that a guardrail does not keep.

    It has a name; it measures decisions between actions given two outcomes and three, and decided
    amounts, many cases, three
    and none, without raising; it gives a finite number, or None with a reason; the same
    cases and seed give the same; cases are left as they were; its detail is a JSON document.
    """
    _require(plugin.metric.isidentifier(), f"{plugin!r}: `metric` must be a plain name")
    for task in ("classification", "three outcomes", "regression"):
        for n in (400, 3, 0):
            cases = sample_cases(task, n)
            for column in ("group", "absent", None):
                _check_one(plugin, cases, column, f"{plugin.metric}, {task}, {n} cases, {column}")


def sample_cases(task: str, n: int, seed: int = 0) -> Cases:
    """Return made-up cases with one number, one category and a sensitive column `group`."""
    random = np.random.default_rng(seed)
    columns: Columns = {
        "size": random.normal(size=n),
        "kind": random.choice(np.array(["a", "b", ""], dtype=object), n),
    }
    outcomes = (random.random(n) < _positive(columns)).astype(np.int64)
    groups = {"group": random.choice(np.array(["east", "west"]), n)}
    if task == "classification":
        table = PayoffTable(("act", "rest"), ("no", "yes"), ((-1.0, 3.0), (0.0, 0.0)))
        valued = ClassificationValuation("EUR", table, BestAction(), {"none": "rest"}, "none")
        forecast = _probabilities(columns)
        decisions = valued.decide(forecast, columns)
        return Cases(valued, forecast, decisions, outcomes, columns, groups, _probabilities)
    if task == "three outcomes":
        return _three_outcomes(columns, outcomes, groups)
    amounts = RegressionValuation("EUR", UnitCosts(3, 1), {"none": 0.0}, "none")
    spread = _quantiles(columns)
    demand = columns["size"] + random.normal(size=n)
    return Cases(
        amounts, spread, amounts.decide(spread, columns), demand, columns, groups, _quantiles
    )


def _three_outcomes(
    columns: Columns, outcomes: NDArray[np.int64], groups: Mapping[str, NDArray[np.str_]]
) -> Cases:
    """Return cases of which every third that came out well came out very well."""
    cells = ((-1.0, 2.0, 5.0), (0.0, 0.0, 0.0), (-3.0, 0.0, 9.0))
    table = PayoffTable(("act", "rest", "press"), ("no", "some", "much"), cells)
    valued = ClassificationValuation("EUR", table, BestAction(), {"none": "rest"}, "none")
    came = outcomes * (1 + (np.arange(len(outcomes)) % 3 == 0))
    forecast = _three_probabilities(columns)
    decisions = valued.decide(forecast, columns)
    return Cases(valued, forecast, decisions, came, columns, groups, _three_probabilities)


def _three_probabilities(columns: Columns) -> Floats:
    positive = _positive(columns)
    return np.column_stack([1 - positive, positive * 2 / 3, positive / 3])


def _check_one(plugin: Guardrail, cases: Cases, column: str | None, where: str) -> None:
    before = _state(cases)
    first = plugin.measure(cases, column, 1)
    _require(_state(cases) == before, f"{where}: it changed the cases")
    _require(isinstance(first, Measured), f"{where}: it answered {first!r}, not Measured")
    if first.value is None:
        _require(bool(first.note), f"{where}: it measured nothing and gave no reason")
    else:
        _require(math.isfinite(first.value), f"{where}: it measured {first.value}")
    try:
        json.dumps(dict(first.detail), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{where}: its detail is no JSON document: {error}") from error
    _require(first == plugin.measure(cases, column, 1), f"{where}: measured again it differs")
    if plugin.by_group and column != "group":
        _require(first.value is None, f"{where}: it compares groups, and there are none to compare")


def _state(cases: Cases) -> tuple[bytes, ...]:
    return (
        cases.forecast.tobytes(),
        cases.decisions.tobytes(),
        cases.outcomes.tobytes(),
        *(repr(values.tolist()).encode() for values in cases.columns.values()),
        *(values.tobytes() for values in cases.sensitive.values()),
    )


def _positive(columns: Columns) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.nan_to_num(columns["size"].astype(np.float64))))
    return chance


def _probabilities(columns: Columns) -> Floats:
    positive = _positive(columns)
    return np.column_stack([1 - positive, positive])


def _quantiles(columns: Columns) -> Floats:
    point = np.nan_to_num(columns["size"].astype(np.float64))
    return point[:, None] + np.linspace(-1, 1, 5)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
