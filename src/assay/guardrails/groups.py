"""The groups of a sensitive column, and which of them are large enough to judge."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_CASES", "MISSING", "groups_of", "judged_groups"]

LEAST_CASES = 30
"""Smaller groups are reported, not judged: their rates are mostly chance."""

MISSING = "missing"


def groups_of(values: NDArray[Any]) -> NDArray[np.str_]:
    """Return the name of each value's group: a category itself, a number's quartile.

    Missing values (NaN or "") are a group of their own. A number with at most four
    different values keeps them.

    >>> groups_of(np.array([20.0, 30.0, 40.0, 50.0, 60.0, np.nan])).tolist()
    ['20 to 30', '20 to 30', '30 to 40', '40 to 50', '50 to 60', 'missing']
    """
    if values.dtype == object or values.dtype.kind in "US":
        texts = values.astype(str)
        return np.where(texts == "", MISSING, texts)
    numbers = values.astype(np.float64)
    present = np.isfinite(numbers)
    names = np.full(len(numbers), MISSING, dtype=object)
    distinct = np.unique(numbers[present])
    if len(distinct) <= 4:
        names[present] = [f"{number:g}" for number in numbers[present]]
        return names.astype(str)
    edges = np.unique(np.quantile(numbers[present], [0, 0.25, 0.5, 0.75, 1]))
    cells = np.clip(np.searchsorted(edges, numbers[present], side="left") - 1, 0, len(edges) - 2)
    labels = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    names[present] = np.array(labels, dtype=object)[cells]
    return names.astype(str)


def judged_groups(groups: NDArray[np.str_]) -> tuple[list[str], list[str]]:
    """Return the names of the groups that are large enough to judge, and of those that are not."""
    names, counts = np.unique(groups, return_counts=True)
    large = [str(name) for name, count in zip(names, counts, strict=True) if count >= LEAST_CASES]
    return large, [str(name) for name in names if str(name) not in large]
