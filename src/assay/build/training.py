"""Training: from rows to a model that forecasts and decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from numpy.typing import NDArray

from assay.build.candidates import Recipe, pipeline
from assay.build.columns import to_columns, to_frame
from assay.build.crossfit import UserTrain, held_out, one_thread
from assay.build.raw_scores import places_of, raw_scores
from assay.build.search import Progress, search
from assay.build.training_set import CALIBRATE, TrainingSet, training_set
from assay.charter.charter import Charter
from assay.evidence.bundle import Input, Signature
from assay.ports.engine import Columns, Floats
from assay.stats.forecaster import Forecaster
from assay.value.stake import forecast_cases, learn_from_cases
from assay.value.valuation import Valuation

__all__ = ["Model", "refit", "train", "train_own"]


@dataclass(frozen=True)
class Model:
    """A fitted estimator with what turns its scores into forecasts and decisions.

    `inputs` are the columns it takes, `features` those the estimator reads. `valuation` is tuned:
    its thresholds, cuts and constants were learned on held-out training rows. `recipe` makes the
    model again (`refit`); it is None where the user's own function made it. `history` says how
    it was found.
    """

    inputs: tuple[Input, ...]
    features: tuple[str, ...]
    estimator: Any
    forecaster: Forecaster
    valuation: Valuation
    recipe: Recipe | None
    history: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signature(self) -> Signature:
        """What the model takes and answers."""
        valued = self.valuation
        return Signature(valued.task, self.inputs, valued.labels, valued.actions)

    @property
    def places(self) -> tuple[int, ...]:
        """Where the estimator's probabilities hold the outcomes (see `Places`)."""
        return places_of(self.estimator, len(self.valuation.labels))

    def columns(self, frame: pl.DataFrame) -> Columns:
        """Return a table's input columns."""
        return to_columns(frame, self.inputs)

    def raw(self, frame: pl.DataFrame) -> Floats:
        """Return raw scores, (n,) or (n, K), for a table's rows."""
        return self.raw_of(self.columns(frame))

    def raw_of(self, columns: Columns) -> Floats:
        """Return raw scores, (n,) or (n, K), for input columns."""
        rows = to_frame({name: columns[name] for name in self.features})
        with one_thread():
            return raw_scores(self.estimator, rows, self.valuation.task, self.places)

    def forecast(self, frame: pl.DataFrame) -> Floats:
        """Return forecasts (n, K) for a table's rows."""
        return self.forecast_of(self.columns(frame))

    def forecast_of(self, columns: Columns) -> Floats:
        """Return forecasts (n, K) for input columns."""
        return forecast_cases(self.forecaster, self.valuation, self.raw_of(columns), columns)

    def decide(self, frame: pl.DataFrame) -> NDArray[Any]:
        """Return the policy's decisions for a table's rows."""
        columns = self.columns(frame)
        return self.valuation.decide(self.forecast_of(columns), columns)


def train(
    frame: pl.DataFrame,
    charter: Charter,
    valuation: Valuation,
    *,
    seed: int | None = None,
    trials: int | None = None,
    progress: Progress | None = None,
) -> Model:
    """Search for the recipe of highest cross-validated uplift and fit it on all rows.

    `frame` holds training rows only, in the order of time where the charter names one, every
    outcome known. Seed and trials are the charter's where not given.
    """
    build = charter.build
    seed = build.seed if seed is None else seed
    with one_thread():
        rows = training_set(frame, charter, valuation, seed=seed, folds=build.folds)
        tried = search(
            rows,
            valuation,
            build.families,
            trials=build.trials if trials is None else trials,
            seed=seed,
            progress=progress,
        )
        history = {"trials": [one.document() for one in tried], "folds": build.folds}
        return _finished(rows, valuation, tried[0].recipe, seed, history)


def refit(
    recipe: Recipe,
    frame: pl.DataFrame,
    charter: Charter,
    valuation: Valuation,
    *,
    seed: int | None = None,
    folds: int | None = None,
) -> Model:
    """Fit a known recipe on other rows, without a search: for retraining and replay.

    Calibration and policy are learned anew on held-out folds of these rows.
    """
    return _fit(recipe, frame, charter, valuation, seed, folds)


def train_own(
    function: UserTrain,
    frame: pl.DataFrame,
    charter: Charter,
    valuation: Valuation,
    *,
    seed: int | None = None,
) -> Model:
    """Fit by the user's own `train(frame, outcomes)`, once for each fold and once on all rows."""
    return _fit(function, frame, charter, valuation, seed, None)


def _fit(
    model: Recipe | UserTrain,
    frame: pl.DataFrame,
    charter: Charter,
    valuation: Valuation,
    seed: int | None,
    folds: int | None,
) -> Model:
    seed = charter.build.seed if seed is None else seed
    folds = charter.build.folds if folds is None else folds
    with one_thread():
        rows = training_set(frame, charter, valuation, seed=seed, folds=folds, judge=False)
        return _finished(rows, valuation, model, seed, {"folds": folds})


def _finished(
    rows: TrainingSet,
    valuation: Valuation,
    model: Recipe | UserTrain,
    seed: int,
    history: Mapping[str, Any],
) -> Model:
    """Fit on all rows; learn calibration and policy from the held-out scores."""
    if isinstance(model, Recipe):
        unfitted = pipeline(model, rows.task, rows.columns, rows.features, seed)
        estimator = unfitted.fit(rows.frame, rows.outcomes)
    else:
        estimator = model(rows.frame, rows.outcomes)
    held = held_out(rows, CALIBRATE, model, seed)
    forecaster = learn_from_cases(valuation, held.raw, held.outcomes, held.columns)
    forecasts = forecast_cases(forecaster, valuation, held.raw, held.columns)
    tuned = valuation.tuned(forecasts, held.outcomes, held.columns)
    return Model(
        inputs=rows.inputs,
        features=rows.features,
        estimator=estimator,
        forecaster=forecaster,
        valuation=tuned,
        recipe=model if isinstance(model, Recipe) else None,
        history=history,
    )
