"""What inputs were like in all known rows: ranges, categories, gaps and typical values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.evidence.bundle import Input
from assay.ports.engine import Columns

__all__ = ["seen"]

_MOST_CATEGORIES = 1000
"""Beyond so many categories none is written down: any may come."""


def seen(inputs: Sequence[Input], parts: Sequence[Columns]) -> dict[str, Any]:
    """Return what each input had in any of the parts, as a JSON document by column.

    Parts are the rows that taught a model and those that tested it. Numbers tell their `least`,
    `most` and `typical` (the median; all None where none was there), categories their `values`
    (None where there are more than 1000) and the `typical` one (the most frequent); both whether a
    value was `missing`. The door and the reasons of a served answer read it.

    >>> rows = {"age": np.array([20.0, 70.0, np.nan]), "job": np.array(["b", "a", "b"], object)}
    >>> found = seen([Input("age", "number"), Input("job", "category")], [rows])
    >>> found["age"]
    {'least': 20.0, 'most': 70.0, 'typical': 45.0, 'missing': True}
    >>> found["job"]
    {'values': ['a', 'b'], 'typical': 'b', 'missing': False}
    """
    return {
        one.name: (_numbers if one.kind == "number" else _categories)(
            np.concatenate([part[one.name] for part in parts])
        )
        for one in inputs
    }


def _numbers(values: NDArray[Any]) -> dict[str, Any]:
    there = values[~np.isnan(values)]
    ends = [float(f(there)) if len(there) else None for f in (np.min, np.max, np.median)]
    least, most, typical = ends
    return {
        "least": least,
        "most": most,
        "typical": typical,
        "missing": len(there) < len(values),
    }


def _categories(values: NDArray[Any]) -> dict[str, Any]:
    counts = Counter(values.tolist())
    missing = counts.pop("", 0) > 0
    # Ties are broken by the value, so that the order of rows does not matter.
    common = min(counts, key=lambda value: (-counts[value], value), default="")
    few = len(counts) <= _MOST_CATEGORIES
    return {"values": sorted(counts) if few else None, "typical": common, "missing": missing}
