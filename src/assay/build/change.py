"""How far the test rows are from the rows that taught: said plainly beside every result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.build.columns import to_columns
from assay.build.tested import Tested
from assay.ports.engine import Columns
from assay.stats.distances import jensen_shannon, kolmogorov_smirnov
from assay.stats.grid import learn_grid
from assay.stats.profile import profile

__all__ = ["Change", "change_since_training"]

_NOTABLE = 0.2
_SHOWN = 5


@dataclass(frozen=True)
class Change:
    """The mean outcome of training and test rows, and each feature's distance between them.

    In classification it is the share of the last outcome, the positive one of two.
    Distances lie between 0 and 1: Kolmogorov-Smirnov for numbers, Jensen-Shannon for categories.
    """

    trained_outcome: float
    tested_outcome: float
    features: Mapping[str, float]
    words: tuple[str, ...]


def change_since_training(tested: Tested) -> Change:
    """Compare test rows with training rows; words where they differ more than chance explains."""
    made, outcome = tested.made, tested.charter.data.outcome
    before = made.valuation.encode(tested.learned_from[outcome].to_numpy())
    read = [column for column in made.inputs if column.name in made.features]
    features = _distances(
        to_columns(tested.learned_from, read),
        {column.name: tested.columns[column.name] for column in read},
    )
    words = list(_about_outcomes(tested, before))
    trained, now = _last(tested, before), _last(tested, tested.outcomes)
    far = [f"{name} {distance:.2f}" for name, distance in features.items() if distance > _NOTABLE]
    if far:
        words.append(
            f"{len(far)} of {len(features)} features moved far between training and test rows "
            f"(distance 0 to 1): {', '.join(far[:_SHOWN])}{', …' if len(far) > _SHOWN else ''}."
        )
    return Change(trained, now, features, tuple(words))


def _last(tested: Tested, outcomes: NDArray[Any]) -> float:
    """Return the mean amount, or the share of the last outcome."""
    labels = tested.made.valuation.labels
    return float((outcomes == len(labels) - 1).mean() if labels else outcomes.mean())


def _about_outcomes(tested: Tested, before: NDArray[Any]) -> Iterator[str]:
    """Say how the outcomes moved: the amounts, the positive of two outcomes, or each of more."""
    labels, after = tested.made.valuation.labels, tested.outcomes
    if not labels and _moved(before, after):
        yield (
            f"The mean outcome is {after.mean():.4g} in the test rows and was {before.mean():.4g} "
            "in the training rows: the world moved, and the model is judged on the new one."
        )
    for code in range(0 if len(labels) > 2 else 1, len(labels)):
        yield from _about_label(labels[code], before == code, after == code)


def _about_label(label: str, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Iterator[str]:
    if _moved(before.astype(np.float64), after.astype(np.float64)):
        yield (
            f"{label!r} is {after.mean():.1%} of the test rows and was {before.mean():.1%} of the "
            "training rows: the world moved, and the model is judged on the new one."
        )


def _moved(before: NDArray[np.number], after: NDArray[np.number]) -> bool:
    """Whether two means differ by more than five standard errors and a fifth of the first."""
    gap = abs(float(after.mean() - before.mean()))
    error = float(np.sqrt(before.var() / len(before) + after.var() / len(after)))
    return gap > 5 * error and gap > 0.2 * abs(float(before.mean()))


def _distances(before: Columns, after: Columns) -> dict[str, float]:
    grid = learn_grid(before)
    old, new = profile(before, grid), profile(after, grid)
    distances = {
        name: _distance(
            old.features[name].counts, new.features[name].counts, values.dtype == object
        )
        for name, values in before.items()
    }
    return dict(sorted(distances.items(), key=lambda item: -item[1]))


def _distance(a: NDArray[np.int64], b: NDArray[np.int64], categories: bool) -> float:
    """Compare counts, missing ones last; a column present on one side only is as far as can be."""
    present = a[:-1].sum(), b[:-1].sum()
    if not categories and min(present) == 0:
        return float(max(present) > 0)
    return jensen_shannon(a, b) if categories else kolmogorov_smirnov(a[:-1], b[:-1])
