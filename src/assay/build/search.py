"""The search for a recipe: its objective is money, not a statistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import Trial

from assay.build.candidates import FAMILIES, Knob, Recipe
from assay.build.crossfit import judged
from assay.build.training_set import TrainingSet
from assay.errors import InputError
from assay.value.valuation import Valuation

__all__ = ["Progress", "Tried", "search"]

Progress = Callable[[float, str], None]
"""Called with the share of the work that is done, 0 to 1, and a word on what is being done."""


@dataclass(frozen=True)
class Tried:
    """One recipe, its mean uplift in currency per decision and its mean loss (a proper score)."""

    recipe: Recipe
    uplift: float
    standard_error: float
    loss: float

    def document(self) -> dict[str, Any]:
        """Return the trial as evidence keeps it."""
        return {
            **self.recipe.document(),
            "uplift_per_decision": self.uplift,
            "standard_error": self.standard_error,
            "loss": self.loss,
        }


def search(
    rows: TrainingSet,
    valuation: Valuation,
    families: Sequence[str],
    *,
    trials: int,
    seed: int,
    progress: Progress | None = None,
) -> list[Tried]:
    """Try recipes and return them, the best first.

    The objective is cross-validated uplift in currency per decision under the charter's policy.
    Each family's defaults are tried first, then a tree-structured Parzen estimator proposes
    (Bergstra, Bardenet, Bengio and Kégl, Algorithms for hyper-parameter optimization, NIPS 2011).
    Where uplift is the same (all may be worth deciding as the baseline does), the lesser loss
    wins, then the recipe tried first. Raises InputError for fewer than one trial.
    """
    if trials < 1:
        raise InputError(f"The search was to try {trials} models. Let it try 1 or more.")
    tried: list[Tried] = []

    def objective(trial: Trial) -> float:
        if progress is not None:
            progress(len(tried) / trials, f"trying model {len(tried) + 1} of {trials}")
        tried.append(_try(rows, valuation, _suggested(trial, families), seed))
        return tried[-1].uplift

    # A trial that was interrupted is a warning with a traceback to optuna; it is no news to people.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=2 * len(families)),
    )
    for name in families[:trials]:
        defaults = FAMILIES[name].defaults().items()
        study.enqueue_trial({"family": name, **{f"{name}.{k}": v for k, v in defaults}})
    study.optimize(objective, n_trials=trials)
    return sorted(tried, key=lambda one: (-one.uplift, one.loss))


def _try(rows: TrainingSet, valuation: Valuation, recipe: Recipe, seed: int) -> Tried:
    result = judged(rows, recipe, valuation, seed)
    error = float(result.uplift.std() / np.sqrt(len(result.uplift)))
    return Tried(recipe, float(result.uplift.mean()), error, float(result.loss.mean()))


def _suggested(trial: Trial, families: Sequence[str]) -> Recipe:
    name = trial.suggest_categorical("family", list(families))
    knobs = FAMILIES[name].knobs
    return Recipe(name, {knob: _turn(trial, f"{name}.{knob}", knobs[knob]) for knob in knobs})


def _turn(trial: Trial, name: str, knob: Knob) -> float | int:
    if knob.whole:
        return int(trial.suggest_int(name, int(knob.low), int(knob.high), log=knob.log))
    return float(trial.suggest_float(name, knob.low, knob.high, log=knob.log))
