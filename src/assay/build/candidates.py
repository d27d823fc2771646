"""The families of models that a search tries: what they look like and what can be turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from assay.ports.engine import Columns

__all__ = ["FAMILIES", "Family", "Knob", "Recipe", "pipeline", "preparation"]

Task = Literal["classification", "regression"]
Params = Mapping[str, float | int]


@dataclass(frozen=True)
class Knob:
    """One number that the search may turn, between two ends; `log` for a logarithmic scale."""

    low: float
    high: float
    default: float
    log: bool = True
    whole: bool = False


@dataclass(frozen=True)
class Recipe:
    """What a model was made by: the family and its numbers; enough to make it again.

    >>> Recipe("linear", {"strength": 1.0}).document()
    {'family': 'linear', 'params': {'strength': 1.0}}
    """

    family: str
    params: Params = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the recipe as a JSON document."""
        return {"family": self.family, "params": dict(self.params)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Recipe:
        """Read a recipe back."""
        return cls(document["family"], document["params"])


@dataclass(frozen=True)
class Family:
    """A kind of model: how inputs are prepared, its knobs, and its making."""

    prepared_for: Literal["trees", "lines"]
    knobs: Mapping[str, Knob]
    make: Callable[[Task, Params, int], Any]

    def defaults(self) -> dict[str, float | int]:
        """Return the setting that is tried first."""
        return {
            name: int(knob.default) if knob.whole else knob.default
            for name, knob in self.knobs.items()
        }


def preparation(
    columns: Columns, names: Sequence[str], prepared_for: Literal["trees", "lines"]
) -> ColumnTransformer:
    """Return the unfitted step from input columns to the numbers a family learns from.

    Categories are those seen in `columns` (for lines the 30 most frequent, for trees 250): rarer
    and new ones count as one. Numbers that are never missing in `columns` are filled with their
    median should they ever be; for trees, the others keep their gaps, which trees learn from.
    """
    numbers = [name for name in names if columns[name].dtype != object]
    texts = [name for name in names if columns[name].dtype == object]
    gaps = [name for name in numbers if np.isnan(columns[name]).any()]
    whole = [name for name in numbers if name not in gaps]
    known = [_frequent(columns[name], 30 if prepared_for == "lines" else 250) for name in texts]
    if prepared_for == "lines":
        fill = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        encode = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
        parts = [("numbers", fill, numbers), ("categories", encode, texts)]
    else:
        codes = OrdinalEncoder(
            categories=known, handle_unknown="use_encoded_value", unknown_value=-1
        )
        parts = [
            ("numbers", SimpleImputer(strategy="median"), whole),
            ("gaps", "passthrough", gaps),
            ("categories", codes, texts),
        ]
    return ColumnTransformer([part for part in parts if part[2]])


def pipeline(recipe: Recipe, task: Task, columns: Columns, names: Sequence[str], seed: int) -> Any:
    """Return the unfitted scikit-learn pipeline of a recipe, over a frame of input columns."""
    family = FAMILIES[recipe.family]
    prepare = preparation(columns, names, family.prepared_for)
    return Pipeline([("prepare", prepare), ("model", family.make(task, recipe.params, seed))])


def _frequent(values: np.ndarray, most: int) -> np.ndarray:
    seen, counts = np.unique(values.astype(str), return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:most])
    return seen[kept].astype(object)


def _linear(task: Task, params: Params, seed: int) -> Any:
    if task == "classification":
        return LogisticRegression(
            C=params["strength"], solver="newton-cholesky", max_iter=100, random_state=seed
        )
    return Ridge(alpha=1.0 / params["strength"], random_state=seed)


def _lightgbm(task: Task, params: Params, seed: int) -> Any:
    kind = LGBMClassifier if task == "classification" else LGBMRegressor
    return kind(
        **params,
        random_state=seed,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )


def _histogram(task: Task, params: Params, seed: int) -> Any:
    classify = task == "classification"
    kind = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    return kind(**params, early_stopping=False, random_state=seed)


FAMILIES: Mapping[str, Family] = {
    "linear": Family("lines", {"strength": Knob(1e-3, 30.0, 1.0)}, _linear),
    "lightgbm": Family(
        "trees",
        {
            "n_estimators": Knob(40, 200, 100, whole=True),
            "learning_rate": Knob(0.02, 0.2, 0.06),
            "num_leaves": Knob(5, 63, 20, whole=True),
            "min_child_samples": Knob(10, 200, 30, whole=True),
            "reg_lambda": Knob(1e-2, 30.0, 1.0),
        },
        _lightgbm,
    ),
    "hist_gradient_boosting": Family(
        "trees",
        {
            "max_iter": Knob(40, 150, 80, whole=True),
            "learning_rate": Knob(0.02, 0.2, 0.08),
            "max_leaf_nodes": Knob(5, 40, 16, whole=True),
            "min_samples_leaf": Knob(10, 200, 30, whole=True),
            "l2_regularization": Knob(1e-2, 30.0, 1.0),
        },
        _histogram,
    ),
}
"""Everything that `build.families` can name."""
