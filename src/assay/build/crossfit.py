"""Scores for rows by models that did not see them, and what decisions on them are worth."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.build.candidates import FAMILIES, Recipe
from assay.build.raw_scores import places_of, raw_scores
from assay.build.training_set import JUDGE, Place, TrainingSet, at, inner
from assay.errors import ModelError
from assay.ports.engine import Columns, Floats
from assay.value.stake import forecast_cases, learn_from_cases
from assay.value.valuation import Valuation

__all__ = ["HeldOut", "Judged", "UserTrain", "held_out", "judged", "one_thread"]

UserTrain = Callable[[Any, NDArray[Any]], Any]
"""The user's own `train(frame, outcomes) -> estimator`."""

_TINY = 1e-7


@dataclass(frozen=True)
class HeldOut:
    """Raw scores, (n,) or (n, K), of held-out rows with their outcomes and columns."""

    raw: Floats
    outcomes: NDArray[Any]
    columns: Columns


@dataclass(frozen=True)
class Judged:
    """How a recipe did on the judging folds: uplift per case in currency, and a proper score.

    The score is the log loss, or in regression the pinball loss averaged over the quantiles.
    """

    uplift: Floats
    loss: Floats


def one_thread() -> AbstractContextManager[Any]:
    """Hold numerical libraries to one thread: sums then do not depend on the machine's cores."""
    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def held_out(rows: TrainingSet, group: str, model: Recipe | UserTrain, seed: int) -> HeldOut:
    """Score the rows of every fold of a group by models that learned from the fold's other rows."""
    places = rows.places(group)
    return _joined(rows, places, _scores(rows, places, model, seed))


def judged(rows: TrainingSet, model: Recipe | UserTrain, valuation: Valuation, seed: int) -> Judged:
    """Return what a recipe's decisions were worth on the judging folds.

    A fold's scores are calibrated and its policy tuned on cases that the scoring models did not
    see: on folds within its own training rows where there are such, else on the other folds; in a
    regression in order on earlier folds only, so that there the first fold judges nothing.
    """
    places = rows.places(JUDGE)
    within = [rows.places(inner(number)) for _, number in places]
    everything = [*places, *(place for group in within for place in group)]
    scores = dict(zip(everything, _scores(rows, everything, model, seed), strict=True))
    parts = []
    for place, own in zip(places, within, strict=True):
        sources = own or _other_folds(rows, place)
        if sources:
            known = _joined(rows, sources, [scores[source] for source in sources])
            parts.append(_judge(known, _joined(rows, [place], [scores[place]]), valuation))
    return Judged(
        np.concatenate([part.uplift for part in parts]),
        np.concatenate([part.loss for part in parts]),
    )


def _other_folds(rows: TrainingSet, place: Place) -> list[Place]:
    """Return the judging folds that may teach calibration to one: with an order, earlier ones."""
    ordered = rows.fold(place).train.max() < rows.fold(place).test.min()
    others = [other for other in rows.places(JUDGE) if other != place]
    return [other for other in others if not ordered or other[1] < place[1]]


def _judge(known: HeldOut, new: HeldOut, valuation: Valuation) -> Judged:
    learned = learn_from_cases(valuation, known.raw, known.outcomes, known.columns)
    taught = forecast_cases(learned, valuation, known.raw, known.columns)
    tuned = valuation.tuned(taught, known.outcomes, known.columns)
    expected = forecast_cases(learned, valuation, new.raw, new.columns)
    decisions = tuned.decide(expected, new.columns)
    baseline = tuned.baseline(new.columns, len(new.raw))
    uplift = tuned.realised(decisions, new.outcomes, new.columns) - tuned.realised(
        baseline, new.outcomes, new.columns
    )
    return Judged(uplift, _loss(expected, new.outcomes, valuation.task))


def _loss(forecasts: Floats, outcomes: NDArray[Any], task: str) -> Floats:
    if task == "classification":
        given: Floats = forecasts[np.arange(len(outcomes)), outcomes]
        return -np.log(np.clip(given, _TINY, 1.0))
    levels = (np.arange(forecasts.shape[1]) + 0.5) / forecasts.shape[1]
    gap = outcomes[:, None] - forecasts
    pinball: Floats = np.maximum(levels * gap, (levels - 1) * gap).mean(axis=1)
    return pinball


def _joined(rows: TrainingSet, places: Sequence[Place], scores: Sequence[Floats]) -> HeldOut:
    where = np.concatenate([rows.fold(place).test for place in places])
    return HeldOut(np.concatenate(scores), rows.outcomes[where], at(rows.columns, where))


def _scores(
    rows: TrainingSet, places: Sequence[Place], model: Recipe | UserTrain, seed: int
) -> list[Floats]:
    """Score each fold's test rows; fits run side by side, each in one thread."""
    if isinstance(model, Recipe):
        for place in places:  # before threads start, so that each is prepared once
            rows.prepared(FAMILIES[model.family].prepared_for, place)
    workers = min(len(places), os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        return list(pool.map(lambda place: _fold_scores(rows, place, model, seed), places))


def _fold_scores(rows: TrainingSet, place: Place, model: Recipe | UserTrain, seed: int) -> Floats:
    fold = rows.fold(place)
    outcomes = rows.outcomes[fold.train]
    if rows.task == "classification" and len(np.unique(outcomes)) < 2:
        raise ModelError(
            f"The {len(outcomes)} rows of a training fold hold one outcome only, so that no model "
            "can learn from them. Give more rows, or fewer folds (`build.folds`)."
        )
    fitted: Any
    judge: Any = rows.frame[fold.test]
    if isinstance(model, Recipe):
        family = FAMILIES[model.family]
        learn, judge = rows.prepared(family.prepared_for, place)
        fitted = family.make(rows.task, model.params, seed).fit(learn, outcomes)
    else:
        fitted = model(rows.frame[fold.train], outcomes)
    return raw_scores(fitted, judge, rows.task, places_of(fitted, rows.classes))
