"""Mergeable counts and sums of one window: all that monitoring needs to keep of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.amount_table import AmountTable
from assay.stats.class_tables import ClassTables
from assay.stats.coded import Coded, coded
from assay.stats.grid import CategoryAxis, Grid, NumberAxis
from assay.stats.score_table import ScoreTable
from assay.stats.tally import Tally
from assay.stats.tally_kernel import CategoryTallies, NumberTallies, runs_of

__all__ = [
    "PROFILE_FORMAT",
    "SCORE",
    "Profile",
    "Tally",
    "fits",
    "is_score",
    "merge",
    "merge_all",
    "named_scores",
    "profile",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PROFILE_FORMAT = 2
"""Raise it when a field's meaning changes, and teach `Profile.from_document` the old one.

Format 1 had another score table, of two outcomes only; it is left out when read.
"""

_WORTH_COMPILING = 200_000
"""Values below which numpy is done before the compiled loops are loaded (some 70 ms)."""

SCORE = "@score"
"""The feature name under which the model's own score is profiled; no column starts with @."""


@dataclass(frozen=True, eq=False)
class Profile:
    """Counts and sums of `n` rows, feature by feature, with the score table where there is one.

    `scores` tell what was decided at which score, `classes` (of three outcomes and more) what came
    at which score of each outcome.
    """

    n: int
    features: Mapping[str, Tally]
    scores: ScoreTable | AmountTable | None = None
    classes: ClassTables | None = None

    def document(self) -> dict[str, Any]:
        """Return the profile as a JSON document; cells without a count are left out."""
        document: dict[str, Any] = {
            "format": PROFILE_FORMAT,
            "n": self.n,
            "features": {name: _written(tally) for name, tally in self.features.items()},
        }
        if isinstance(self.scores, ScoreTable):
            document["scores"] = self.scores.document()
        if isinstance(self.scores, AmountTable):
            document["amounts"] = self.scores.document()
        if self.classes is not None:
            document["classes"] = self.classes.document()
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Profile:
        """Read a profile back; raises ValueError on a format this version does not know."""
        if document.get("format") not in (1, PROFILE_FORMAT):
            raise ValueError(
                f"A profile has format {document.get('format')!r}; this version of Assay reads "
                f"formats up to {PROFILE_FORMAT}. Profile the window again."
            )
        return cls(
            document["n"],
            {name: _read(tally) for name, tally in document["features"].items()},
            _read_scores(document) if document["format"] > 1 else None,
            ClassTables.from_document(document["classes"]) if "classes" in document else None,
        )


def profile(
    columns: Mapping[str, NDArray[Any]],
    grid: Grid,
    score: Floats | None = None,
    scores: ScoreTable | AmountTable | None = None,
    classes: ClassTables | None = None,
) -> Profile:
    """Count one window's columns into the grid's cells.

    `columns` are arrays of one length by name: float64 with NaN, or objects of text with "" (or
    `Coded` text).
    Columns without an axis are left out. An axis without a column, or with one of the other kind,
    counts every row as missing: `monitor.schema_drift` tells which. A `score` is profiled under the
    name `SCORE` where the grid has that axis; what is named @ and not given has no tally. `scores`
    is the window's score table, kept as given.

    >>> from assay.stats.grid import learn_grid
    >>> ages = {"age": np.array([20.0, 30.0, 40.0, np.nan])}
    >>> seen = profile(ages, learn_grid(ages))
    >>> seen.n, seen.features["age"].n, seen.features["age"].nulls
    (4, 3, 1)
    """
    given = dict(columns) if score is None else {**columns, SCORE: score}
    lengths = {len(column) for name, column in given.items() if name in grid.axes}
    if len(lengths) > 1:
        raise ValueError(f"The window's columns have different lengths: {sorted(lengths)}.")
    n = lengths.pop() if lengths else 0
    tallies = _tallies(given, grid)
    features = {
        name: tallies[name] if name in tallies else _all_missing(axis, n)
        for name, axis in grid.axes.items()
        if name in tallies or not name.startswith("@")
    }
    return Profile(n, features, scores, classes)


def named_scores(score: Floats, labels: Sequence[str]) -> dict[str, Floats]:
    """Return scores by the names under which they are profiled.

    Scores (n,) have the name `SCORE`; of scores (n, K) each outcome's column has its own.

    >>> list(named_scores(np.zeros((2, 3)), ("none", "small", "large")))
    ['@score: none', '@score: small', '@score: large']
    """
    if score.ndim == 1:
        return {SCORE: score}
    return {f"{SCORE}: {label}": score[:, code] for code, label in enumerate(labels)}


def is_score(name: str) -> bool:
    """Return whether a feature's name is that of a score (see `named_scores`)."""
    return name.startswith(SCORE)


def merge(a: Profile, b: Profile) -> Profile:
    """Add two profiles of one grid: counts exactly, sums to rounding.

    >>> from assay.stats.grid import learn_grid
    >>> ages = np.array([20.0, 30.0, 40.0])
    >>> grid = learn_grid({"age": ages})
    >>> merge(profile({"age": ages[:1]}, grid), profile({"age": ages[1:]}, grid)).n
    3
    """
    if a.features.keys() != b.features.keys():
        raise ValueError("Profiles of different features do not add up: use one grid for both.")
    features = {name: tally + b.features[name] for name, tally in a.features.items()}
    scores = _together(a.scores, b.scores)
    classes = a.classes if b.classes is None else b.classes
    if a.classes is not None and b.classes is not None:
        classes = a.classes + b.classes
    return Profile(a.n + b.n, features, scores, classes)


def merge_all(profiles: Iterable[Profile]) -> Profile:
    """Add up one or more profiles of one grid."""
    return reduce(merge, profiles)


def _together(
    one: ScoreTable | AmountTable | None, two: ScoreTable | AmountTable | None
) -> ScoreTable | AmountTable | None:
    if one is None or two is None:
        return one or two
    if isinstance(one, ScoreTable) and isinstance(two, ScoreTable):
        return one + two
    if isinstance(one, AmountTable) and isinstance(two, AmountTable):
        return one + two
    raise ValueError("A table of actions and one of amounts do not add up: use one model for both.")


def _read_scores(document: Mapping[str, Any]) -> ScoreTable | AmountTable | None:
    if "amounts" in document:
        return AmountTable.from_document(document["amounts"])
    return ScoreTable.from_document(document["scores"]) if "scores" in document else None


def _tallies(given: Mapping[str, Any], grid: Grid) -> dict[str, Tally]:
    """Count each column: by the compiled loops where there is enough to count."""
    columns = {
        name: given[name]
        for name, axis in grid.axes.items()
        if name in given and fits(given[name], axis)
    }
    values = sum(map(len, columns.values()))
    slowly = values < _WORTH_COMPILING
    return {name: _tally(column, grid.axes[name], slowly) for name, column in columns.items()}


def fits(column: Any, axis: NumberAxis | CategoryAxis) -> bool:
    """Return whether a column is of its axis' kind: a number, or text."""
    numeric = not isinstance(column, Coded) and np.asarray(column).dtype.kind in "fiub"
    return numeric == isinstance(axis, NumberAxis)


def _all_missing(axis: NumberAxis | CategoryAxis, n: int) -> Tally:
    counts = np.zeros(axis.size, dtype=np.int64)
    counts[-1] = n
    return Tally(counts, np.zeros(axis.size if isinstance(axis, NumberAxis) else 0))


def _tally(column: Any, axis: NumberAxis | CategoryAxis, slowly: bool) -> Tally:
    runs = runs_of(np.zeros(len(column), dtype=np.int64))
    if isinstance(axis, NumberAxis):
        numbers = NumberTallies(axis, 1, slowly=slowly)
        numbers.add(np.asarray(column), runs)
        return numbers.tally(0)
    categories = CategoryTallies(axis, 1, slowly=slowly)
    categories.add(column if isinstance(column, Coded) else coded(column), runs)
    return categories.tally(0)


def _written(tally: Tally) -> dict[str, Any]:
    used = np.flatnonzero(tally.counts)
    document: dict[str, Any] = {
        "size": len(tally.counts),
        "cells": used.tolist(),
        "counts": tally.counts[used].tolist(),
    }
    if len(tally.sums):
        document["sums"] = tally.sums[used].tolist()
        document["squares"] = tally.squares
        if tally.n:
            document["range"] = [tally.least, tally.most]
    return document


def _read(document: Mapping[str, Any]) -> Tally:
    counts = np.zeros(document["size"], dtype=np.int64)
    counts[document["cells"]] = document["counts"]
    if "sums" not in document:
        return Tally(counts, np.empty(0))
    sums = np.zeros(document["size"])
    sums[document["cells"]] = document["sums"]
    least, most = document.get("range", (np.inf, -np.inf))
    return Tally(counts, sums, document["squares"], least, most)
