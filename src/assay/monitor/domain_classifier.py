"""Whether rows of a window can be told from reference rows by all their columns together.

It sees what no single feature shows, such as two that no longer move together. It needs the rows
themselves, of the window and of the reference: profiles do not say which values came together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from assay.errors import InputError
from assay.ports.engine import Columns, Floats
from assay.stats.estimate import Estimate
from assay.stats.metrics import roc_auc

__all__ = ["LEAST_ROWS", "DomainDrift", "domain_drift"]

LEAST_ROWS = 100
"""A window, and each of the ten parts of the reference, holds this many rows at least."""

_PARTS = 10
_MOST_ROWS = 2000
_MOST_CATEGORIES = 200
_FOLDS = 3
_TOLD = 5
_EFFECT = 0.02
"""Least excess of the area under the curve that is worth a word."""


@dataclass(frozen=True)
class DomainDrift:
    """How well a classifier tells window from reference, and parts of the reference from the rest.

    `auc` is the area under its ROC curve out of fold (0.5: not at all), with the interval of one
    more part of the reference's spread; `among` are the areas of the reference's parts, each
    against the others; `p` is how seldom one more such part would reach the window's. `telling`
    are features by how much area is lost when their values are shuffled among unseen rows, the most
    first; of features that tell the same none may lose much.
    """

    auc: Estimate
    among: tuple[float, ...]
    p: float
    telling: tuple[tuple[str, float], ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the window stands out more than the reference's own parts do."""
        return self.p < 0.05 and self.auc.mean - float(np.mean(self.among)) >= _EFFECT

    def document(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return {
            "auc": self.auc.document(),
            "among": list(self.among),
            "p": self.p,
            "moved": self.moved,
            "telling": [{"feature": name, "area": area} for name, area in self.telling],
        }


def domain_drift(reference: Columns, window: Columns, *, seed: int = 0) -> DomainDrift:
    """Train a classifier to tell the window's rows from the reference's, and judge how well it can.

    `reference` and `window` are columns by name, float64 with NaN or objects of text, the
    reference's rows in order of time where there is one. The null is what the same classifier
    reaches on each tenth of the reference against the rest of it, so that harmless movement is no
    alarm: a t distribution for one more (Lopez-Paz and Oquab 2017, Revisiting classifier
    two-sample tests, ICLR, with the reference's parts in place of a permutation). Of more than
    2,000 rows a side, 2,000 are drawn. Raises InputError where rows or columns are too few.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2, 3000))
    >>> known = {"a": x[0], "b": x[0] + 0.1 * x[1]}
    >>> apart = {"a": rng.normal(size=500), "b": rng.normal(size=500)}
    >>> domain_drift(known, apart).moved
    True
    """
    names = sorted(reference.keys() & window.keys())
    known, here = _rows(reference, names), _rows(window, names)
    _require(len(names), known, here)
    generator = np.random.default_rng(seed)
    codes = {name: _codes(reference[name]) for name in names}
    before, now = _design(reference, names, codes), _design(window, names, codes)
    parts = np.array_split(np.arange(known), _PARTS)
    # Windows and parts are of one size, so that all are as hard to learn.
    size = min(here, len(parts[-1]), _MOST_ROWS)
    among = [
        _area(
            before[_drawn(generator, part, size)],
            before[_drawn(generator, np.setdiff1d(np.arange(known), part), _MOST_ROWS)],
            seed,
        )
        for part in parts
    ]
    drawn = now[_drawn(generator, np.arange(here), size)]
    rest = before[_drawn(generator, np.arange(known), _MOST_ROWS)]
    own = _area(drawn, rest, seed)
    spread = float(np.std(among, ddof=1)) * np.sqrt(1 + 1 / _PARTS)
    spread = max(spread, float(np.sqrt((1 / size + 1 / min(known, _MOST_ROWS)) / 12)))
    p = float(stdtr(_PARTS - 1, -(own - np.mean(among)) / spread))
    half = float(stdtrit(_PARTS - 1, 0.975)) * spread
    auc = Estimate(
        own,
        max(0.0, own - half),
        min(1.0, own + half),
        size,
        "domain classifier (gradient boosting, three folds), rows read",
    )
    return DomainDrift(auc, tuple(among), p, _telling(drawn, rest, names, seed))


def _require(columns: int, known: int, here: int) -> None:
    if not columns:
        raise InputError(
            "A domain classifier compares columns that reference and window share, and they share "
            "none. Give both with the columns that the model reads."
        )
    if here < LEAST_ROWS or known < LEAST_ROWS * _PARTS:
        raise InputError(
            f"A domain classifier needs rows: {LEAST_ROWS} of the window and "
            f"{LEAST_ROWS * _PARTS} of the reference at least, and was given {here} and {known}. "
            "Profiles do not do; give more rows, or look at the drift of single features."
        )


def _rows(columns: Columns, names: list[str]) -> int:
    return len(columns[names[0]]) if names else 0


def _codes(column: NDArray[Any]) -> Mapping[Any, float] | None:
    """Return a number for each common value, the commonest first; None for numbers."""
    if column.dtype.kind in "fiub":
        return None
    values, counts = np.unique(column.astype(str), return_counts=True)
    common = values[np.argsort(-counts, kind="stable")][:_MOST_CATEGORIES]
    return {value: float(code) for code, value in enumerate(common.tolist()) if value}


def _design(
    columns: Columns, names: list[str], codes: Mapping[str, Mapping[Any, float] | None]
) -> Floats:
    design = []
    for name in names:
        known, column = codes[name], columns[name]
        if known is None:
            design.append(column.astype(np.float64))
        else:
            other = float(len(known))
            numbers = [np.nan if not one else known.get(str(one), other) for one in column.tolist()]
            design.append(np.array(numbers, dtype=np.float64))
    return np.stack(design, axis=1)


def _drawn(generator: np.random.Generator, rows: NDArray[Any], most: int) -> NDArray[Any]:
    return rows if len(rows) <= most else generator.choice(rows, most, replace=False)


def _telling(
    own: Floats, others: Floats, names: list[str], seed: int
) -> tuple[tuple[str, float], ...]:
    """Return features whose shuffling costs area, by how much (permutation importance)."""
    rows, which = _labelled(own, others)
    generator = np.random.default_rng(seed)
    unseen = generator.permutation(len(rows)) % 2 == 0
    found = []
    with threadpool_limits(1):
        model = _classifier(seed).fit(rows[~unseen], which[~unseen])
        whole = float(roc_auc(which[unseen], model.predict_proba(rows[unseen])[:, 1]))
        for place, name in enumerate(names):
            shuffled = rows[unseen].copy()
            generator.shuffle(shuffled[:, place])
            area = float(roc_auc(which[unseen], model.predict_proba(shuffled)[:, 1]))
            found.append((name, whole - area))
    told = [one for one in found if one[1] > 0]
    return tuple(sorted(told, key=lambda one: (-one[1], one[0]))[:_TOLD])


def _labelled(own: Floats, others: Floats) -> tuple[Floats, NDArray[np.int64]]:
    which = np.concatenate([np.ones(len(own)), np.zeros(len(others))]).astype(np.int64)
    return np.concatenate([own, others]), which


def _classifier(seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=15, learning_rate=0.15, random_state=seed
    )


def _area(own: Floats, others: Floats, seed: int) -> float:
    rows, which = _labelled(own, others)
    model = _classifier(seed)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    # So few rows are learned fastest by one thread.
    with threadpool_limits(1):
        chance = cross_val_predict(model, rows, which, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc(which, chance))
