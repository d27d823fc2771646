"""How far single predictions will be off, learned from labelled rows and read from rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lightgbm import LGBMRegressor
from numpy.typing import NDArray

from assay.ports.engine import Columns, Floats
from assay.stats.estimate import Estimate

__all__ = ["DirectLoss", "learn_direct_loss"]

_LEAST_ROWS = 100
_FOLDS = 5
_Z = 1.96
_METHOD = "direct loss estimation by gradient boosting, rows read"


@dataclass(frozen=True)
class DirectLoss:
    """Two models of the loss of a prediction, and how far their means were off on rows unseen.

    `levels` are the texts known of each input column, empty for numbers.
    `absolute` and `squared` predict the absolute and the squared error of a row from its inputs and
    its prediction; `offsets` are what their out-of-fold means missed by, `spreads` the standard
    deviations of what single rows missed by, `learned_from` how many rows taught them.
    """

    levels: Mapping[str, tuple[str, ...]]
    absolute: Callable[[Floats], Floats]
    squared: Callable[[Floats], Floats]
    offsets: tuple[float, float]
    spreads: tuple[float, float]
    learned_from: int

    def estimates(self, columns: Columns, predictions: Floats) -> Mapping[str, Estimate]:
        """Return MAE and RMSE to expect of rows (n,) whose outcomes are not known yet.

        The interval holds what single losses miss their model by, in these rows and in those that
        taught it. Unlike losses from the table (`performance_before_labels`) it follows inputs that
        the prediction hides, and does not add up over windows: every row must be there.
        """
        given = _design(columns, predictions, self.levels)
        n = len(predictions)
        reach = 1 / n + 1 / self.learned_from
        losses = (
            np.maximum(model(given) + offset, 0.0)
            for model, offset in zip((self.absolute, self.squared), self.offsets, strict=True)
        )
        mae, mse = (float(each.mean()) for each in losses)
        wide, wider = (_Z * spread * float(np.sqrt(reach)) for spread in self.spreads)
        ends = [np.sqrt(max(0.0, end)) for end in (mse - wider, mse + wider)]
        return {
            "mae": Estimate(mae, max(0.0, mae - wide), mae + wide, n, _METHOD),
            "rmse": Estimate(float(np.sqrt(mse)), float(ends[0]), float(ends[1]), n, _METHOD),
        }


def learn_direct_loss(
    columns: Columns, predictions: Floats, outcomes: Floats, *, seed: int = 0
) -> DirectLoss:
    """Learn from labelled rows (n,) that the model did not learn from.

    The idea is NannyML's (direct loss estimation, 2022): a second model predicts the loss of the
    first. Its out-of-fold predictions say how far it can be believed. Raises ValueError for fewer
    than 100 rows. It takes the rows of reference and window, which profiles do not keep, so that no
    command runs it: call it with rows that are at hand.

    >>> rng = np.random.default_rng(0)
    >>> held, now = ({"x": rng.uniform(low, 10, 2000)} for low in (0, 5))
    >>> outcomes = 3 * held["x"] + rng.normal(0, held["x"])  # the larger x, the wider off
    >>> losses = learn_direct_loss(held, 3 * held["x"], outcomes)
    >>> expected = losses.estimates(now, 3 * now["x"])["mae"]  # of rows without outcomes
    >>> bool(expected.low < 7.5 * np.sqrt(2 / np.pi) < expected.high)
    True
    """
    n = len(predictions)
    if n < _LEAST_ROWS:
        raise ValueError(f"a model of the loss takes {_LEAST_ROWS} labelled rows; there are {n}")
    levels = _levels(columns)
    given, error = _design(columns, predictions, levels), outcomes - predictions
    folds = np.random.default_rng(seed).permutation(n) % _FOLDS
    models, offsets, spreads = [], [], []
    for loss in (np.abs(error), error**2):
        unseen = np.empty(n)
        for fold in range(_FOLDS):
            out = folds == fold
            unseen[out] = _fitted(given[~out], loss[~out], seed).predict(given[out])
        missed = loss - unseen
        offsets.append(float(missed.mean()))
        spreads.append(float(missed.std()))
        models.append(_fitted(given, loss, seed).predict)
    return DirectLoss(
        levels, models[0], models[1], (offsets[0], offsets[1]), (spreads[0], spreads[1]), n
    )


def _fitted(given: Floats, loss: Floats, seed: int) -> Any:
    model = LGBMRegressor(
        n_estimators=150,
        learning_rate=0.05,
        num_leaves=15,
        min_child_samples=40,
        random_state=seed,
        n_jobs=1,
        verbose=-1,
    )
    return model.fit(given, loss)


def _levels(columns: Columns) -> dict[str, tuple[str, ...]]:
    """Return the texts that each column holds, in order; none for a column of numbers."""
    given = {name: np.asarray(columns[name]) for name in sorted(columns)}
    return {
        name: () if values.dtype.kind in "fiub" else tuple(np.unique(values.astype(str)).tolist())
        for name, values in given.items()
    }


def _design(columns: Columns, predictions: Floats, levels: Mapping[str, tuple[str, ...]]) -> Floats:
    """Return numbers (n, columns + 1); a text stands at its place among those that were known."""
    parts = [_numbers(np.asarray(columns[name]), known) for name, known in levels.items()]
    return np.column_stack([*parts, predictions])


def _numbers(values: NDArray[Any], known: tuple[str, ...]) -> Floats:
    """Return numbers (n,), missing where a text was never seen."""
    if not known:
        return values.astype(np.float64)
    place = {text: float(code) for code, text in enumerate(known)}
    return np.array([place.get(str(text), np.nan) for text in values.tolist()])
