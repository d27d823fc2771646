"""Training: money decides, the future does not leak, and the same seed gives the same model."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from assay.build.candidates import FAMILIES, Recipe
from assay.build.crossfit import held_out, judged
from assay.build.raw_scores import raw_scores
from assay.build.search import search
from assay.build.training import Model, refit, train, train_own
from assay.build.training_set import CALIBRATE, JUDGE, training_set
from assay.charter.charter import Charter
from assay.errors import InputError, ModelError
from assay.stats.calibration import Calibrator
from assay.stats.forecaster import (
    forecast,
    forecaster_document,
    forecaster_from_document,
    learn_forecaster,
)
from assay.value.valuation import valuation

ORDERED = {"order": "rows"}


def _valued(charter: Charter) -> Any:
    return valuation(charter.value, charter.data)


@pytest.fixture(scope="module", params=["classification", "regression"])
def trained(request: pytest.FixtureRequest, charter: Any, shop: pl.DataFrame) -> tuple[Any, Model]:
    given = charter(request.param, data=ORDERED)
    return given, train(shop[:600], given, _valued(given))


def test_a_trained_model_is_worth_more_than_its_baseline(
    trained: tuple[Any, Model], shop: pl.DataFrame
) -> None:
    given, model = trained
    new = shop[600:]
    columns = model.columns(new)
    outcomes = model.valuation.encode(new[given.data.outcome].to_numpy())
    decisions = model.decide(new)
    value = model.valuation.realised(decisions, outcomes, columns)
    base = model.valuation.realised(
        model.valuation.baseline(columns, len(outcomes)), outcomes, columns
    )
    assert value.mean() > base.mean()
    assert len(model.history["trials"]) == 2


def test_forecasts_have_the_shared_shape(trained: tuple[Any, Model], shop: pl.DataFrame) -> None:
    given, model = trained
    forecasts = model.forecast(shop[600:])
    if given.task == "classification":
        assert forecasts.shape == (300, 2)
        np.testing.assert_allclose(forecasts.sum(axis=1), 1.0)
        assert model.signature.labels == ("no", "yes")
    else:
        assert forecasts.shape[0] == 300
        assert (np.diff(forecasts, axis=1) >= 0).all()


def test_refitting_the_recipe_on_the_same_rows_gives_the_same_model(
    trained: tuple[Any, Model], shop: pl.DataFrame
) -> None:
    given, model = trained
    assert model.recipe is not None
    again = refit(Recipe.from_document(model.recipe.document()), shop[:600], given, _valued(given))
    np.testing.assert_array_equal(again.forecast(shop), model.forecast(shop))
    assert again.valuation.document() == model.valuation.document()


def test_forecasters_survive_their_documents(
    trained: tuple[Any, Model], shop: pl.DataFrame
) -> None:
    _, model = trained
    again = forecaster_from_document(forecaster_document(model.forecaster))
    raw = model.raw(shop)
    np.testing.assert_allclose(forecast(again, raw), forecast(model.forecaster, raw))


def test_a_row_scores_the_same_alone_and_among_others(
    trained: tuple[Any, Model], shop: pl.DataFrame
) -> None:
    _, model = trained
    np.testing.assert_allclose(model.raw(shop[5:6]), model.raw(shop)[5:6])


def test_rows_in_order_are_judged_by_the_past_alone(charter: Any, shop: pl.DataFrame) -> None:
    given = charter(data=ORDERED)
    rows = training_set(shop, given, _valued(given), seed=1, folds=3)
    for fold in rows.folds[JUDGE]:
        assert fold.train.max() < fold.test.min()
    assert sum(len(fold.test) for fold in rows.folds[CALIBRATE]) == shop.height
    poisoned = rows.outcomes.copy()
    last = rows.folds[JUDGE][-1].test
    poisoned[last] = 1 - poisoned[last]
    recipe = Recipe("linear", FAMILIES["linear"].defaults())
    honest = judged(rows, recipe, _valued(given), 1)
    poison = judged(replace(rows, outcomes=poisoned), recipe, _valued(given), 1)
    before = len(honest.uplift) - len(last)
    np.testing.assert_array_equal(honest.uplift[:before], poison.uplift[:before])


def test_a_regression_in_order_calibrates_on_earlier_folds(
    charter: Any, shop: pl.DataFrame
) -> None:
    given = charter("regression", data=ORDERED)
    rows = training_set(shop, given, _valued(given), seed=1, folds=3)
    recipe = Recipe("linear", FAMILIES["linear"].defaults())
    result = judged(rows, recipe, _valued(given), 1)
    assert len(result.uplift) == sum(len(fold.test) for fold in rows.folds[JUDGE][1:])
    assert len(held_out(rows, CALIBRATE, recipe, 1).raw) == 675


def test_the_search_puts_money_first(charter: Any, shop: pl.DataFrame) -> None:
    given = charter()
    rows = training_set(shop, given, _valued(given), seed=1, folds=3)
    told: list[tuple[float, str]] = []
    tried = search(
        rows,
        _valued(given),
        ("linear", "lightgbm"),
        trials=3,
        seed=1,
        progress=lambda share, what: told.append((share, what)),
    )
    assert [one.uplift for one in tried] == sorted((one.uplift for one in tried), reverse=True)
    assert {one.recipe.family for one in tried} == {"linear", "lightgbm"}
    assert [what for _, what in told] == [f"trying model {k} of 3" for k in (1, 2, 3)]


@pytest.mark.parametrize("trials", [0, -1])
def test_a_search_of_no_models_is_refused(charter: Any, shop: pl.DataFrame, trials: int) -> None:
    given = charter()
    with pytest.raises(InputError, match=f"try {trials} models"):
        train(shop, given, _valued(given), trials=trials)


def test_an_interrupted_search_is_not_logged(
    charter: Any, shop: pl.DataFrame, monkeypatch: Any
) -> None:
    given = charter()
    rows = training_set(shop, given, _valued(given), seed=1, folds=3)
    told: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", told.append)
    logging.getLogger("optuna").addHandler(handler)

    def interrupt(share: float, what: str) -> None:
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            search(rows, _valued(given), ("linear",), trials=3, seed=1, progress=interrupt)
    finally:
        logging.getLogger("optuna").removeHandler(handler)
    assert not told


def test_threshold_policies_and_constants_are_learned(charter: Any, shop: pl.DataFrame) -> None:
    policy = {"kind": "threshold", "action": "send"}
    given = charter(value={"policy": policy})
    recipe = Recipe("linear", FAMILIES["linear"].defaults())
    model = refit(recipe, shop, given, _valued(given))
    assert model.valuation.document() != _valued(given).document()
    amounts = charter("regression")
    model = refit(recipe, shop, amounts, _valued(amounts))
    assert model.valuation.baseline(model.columns(shop), 2)[0] > 0


def test_a_calibrated_forecast_is_near_the_rate(charter: Any, shop: pl.DataFrame) -> None:
    given = charter()
    model = refit(Recipe("lightgbm", FAMILIES["lightgbm"].defaults()), shop, given, _valued(given))
    assert isinstance(model.forecaster, Calibrator)
    rate = (shop["buys"] == "yes").mean()
    assert model.forecast(shop)[:, 1].mean() == pytest.approx(rate, abs=0.05)
    assert isinstance(learn_forecaster("classification", np.r_[0.1, 0.9], np.r_[0, 1]), Calibrator)


def test_the_user_s_own_function_trains_on_each_fold(charter: Any, shop: pl.DataFrame) -> None:
    sizes: list[int] = []

    def own(frame: pl.DataFrame, outcomes: Any) -> Any:
        sizes.append(len(outcomes))
        numbers = frame.select("n.visits", "age")
        model = LogisticRegression().fit(numbers, outcomes)
        model.predict_proba = lambda rows: LogisticRegression.predict_proba(
            model, rows.select("n.visits", "age")
        )
        return model

    given = charter()
    model = train_own(own, shop, given, _valued(given))
    assert max(sizes) == shop.height
    assert len(sizes) == 4
    assert model.recipe is None


class Answers:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, rows: Any) -> Any:
        return self.answer


def test_estimators_that_answer_oddly_are_refused() -> None:
    rows = np.zeros((3, 1))
    with pytest.raises(ModelError, match="no predict_proba"):
        raw_scores(Answers(None), rows, "classification")
    with pytest.raises(ModelError, match="shape"):
        raw_scores(Answers(np.zeros((3, 2))), rows, "regression")
    with pytest.raises(ModelError, match="1 of 3 rows"):
        raw_scores(Answers(np.array([1.0, np.nan, 2.0])), rows, "regression")
    assert raw_scores(Answers(np.ones((3, 1))), rows, "regression").shape == (3,)


def test_a_fold_with_one_outcome_is_refused(charter: Any, shop: pl.DataFrame) -> None:
    rare = shop.sort("buys")
    with pytest.raises(ModelError, match="one outcome only"):
        train(rare, charter(data=ORDERED), _valued(charter(data=ORDERED)))
