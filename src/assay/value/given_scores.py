"""From scores as somebody has them to forecasts as the value layer needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats, Ints
from assay.value.stake import forecast_cases, learn_from_cases
from assay.value.valuation import Valuation

__all__ = [
    "as_given",
    "as_taught",
    "cross_fitted",
    "folds_of",
    "read_columns_of",
    "scores_of",
]

_FOLDS = 5


def scores_of(given: Any, valued: Valuation) -> Floats:
    """Return scores (n,) or (n, K) as numbers, named columns in the order of the outcomes.

    DataError where they are no numbers, missing or infinite, or where columns have names that are
    not the outcomes.
    """
    names = _column_names(given)
    if names is not None and valued.task == "classification":
        if sorted(names) != sorted(valued.labels):
            raise DataError(
                f"The scores have columns {', '.join(names)}, and the outcomes are "
                f"{', '.join(valued.labels)}. Name one column for each, or give a plain array in "
                "this order."
            )
        given = np.column_stack([np.asarray(given[name]) for name in valued.labels])
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            "Scores are numbers, one for each case; what is given holds something else. Are scores "
            "and outcomes in each other's place?"
        ) from None
    if numbers.ndim not in (1, 2):
        raise DataError(
            f"Scores are one number for each case, or one row; given has shape {numbers.shape}."
        )
    return _finite(numbers)


def as_given(valued: Valuation, scores: Floats) -> Floats:
    """Return scores that are forecasts already; DataError where they are no probabilities."""
    if valued.task == "regression":
        return scores
    count = len(valued.labels)
    if scores.ndim == 1 and count == 2:
        scores = np.column_stack([1 - scores, scores])
    if scores.ndim != 2 or scores.shape[1] != count:
        raise DataError(
            f"The value model has {count} outcomes ({', '.join(valued.labels)}), so that scores "
            f"have {count} columns in this order; given is shape {scores.shape}."
        )
    if scores.min() < 0 or np.abs(scores.sum(axis=1) - 1).max() > 1e-6:
        raise DataError(
            "Scores are taken as probabilities, and these are none (below 0, above 1, or not "
            "adding up to 1). Give probabilities, or `calibrate=True` for scores of any scale."
        )
    return scores


def folds_of(n: int, entities: Ints | None, seed: int) -> Ints:
    """Return the fold of each case, drawn at random, those of one entity together.

    In order of the table they would not do: many tables are sorted by what is to be learned.
    """
    rng = np.random.default_rng(seed)
    if entities is None:
        return rng.permutation(n) % min(_FOLDS, n)
    count = int(entities.max()) + 1
    return (rng.permutation(count) % min(_FOLDS, count))[entities]


def cross_fitted(
    valued: Valuation, scores: Floats, outcomes: NDArray[Any], columns: Columns, folds: Ints
) -> Floats:
    """Return forecasts, each fold's cases taught by the others."""
    if len(np.unique(folds)) < 2:
        raise DataError(
            "One case or one entity alone teaches nothing: give more of them, or `reference`."
        )
    parts, rows = [], []
    for fold in np.unique(folds):
        inside, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        taught = learn_from_cases(valued, scores[others], outcomes[others], _at(columns, others))
        parts.append(forecast_cases(taught, valued, scores[inside], _at(columns, inside)))
        rows.append(inside)
    found: Floats = np.concatenate(parts)[np.argsort(np.concatenate(rows), kind="stable")]
    return found


def as_taught(
    valued: Valuation, scores: Floats, columns: Columns, reference: tuple[Any, ...]
) -> Floats:
    """Return forecasts as older cases teach them: (scores, outcomes) or with their columns."""
    old, happened, *rest = reference
    old_scores = scores_of(old, valued)
    read = valued.table.columns if isinstance(valued, ClassificationValuation) else frozenset[str]()
    old_columns = read_columns_of(rest[0] if rest else None, read, len(old_scores))
    taught = learn_from_cases(valued, old_scores, valued.encode(np.asarray(happened)), old_columns)
    return forecast_cases(taught, valued, scores, columns)


def read_columns_of(given: Any, names: frozenset[str], n: int) -> Columns:
    """Return the named columns of a mapping or frame; DataError where one is not there."""
    if given is None:
        given = {}
    known = _column_names(given)
    if known is None:
        raise DataError(
            "`columns` is a frame, or a mapping from names to one value for each case; given is "
            f"{type(given).__name__}."
        )
    read = {name: np.asarray(given[name]) for name in sorted(names) if name in known}
    for name, values in read.items():
        if values.shape != (n,):
            raise DataError(
                f"The column {name!r} has shape {values.shape}, but there are {n} cases. Give one "
                "value for every case."
            )
        if values.dtype.kind in "mM":
            raise DataError(
                f"The column {name!r} holds dates or times, and the value model reads it as a "
                "number. Make a number of it first: days since, or a price."
            )
    missing = sorted(names - set(known))
    if missing:
        raise DataError(
            f"The value model reads {', '.join(missing)}, which `columns` does not have (it has "
            f"{', '.join(known) or 'nothing'}). Give these columns with the cases."
        )
    return read


def _column_names(given: Any) -> list[str] | None:
    """Return the names of a mapping's or a frame's columns; None where there are none."""
    if isinstance(given, Mapping):
        return [str(name) for name in given]
    named = getattr(given, "columns", None)
    return None if named is None else [str(name) for name in named]


def _finite(scores: Floats) -> Floats:
    wrong = ~np.isfinite(scores) if scores.ndim == 1 else ~np.isfinite(scores).all(axis=1)
    if wrong.any():
        count = int(wrong.sum())
        raise DataError(
            f"{count} of {len(scores)} scores are missing or infinite. Leave those cases out."
        )
    return scores


def _at(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}
