"""What the model saw when it was built: a grid and the profiles of held-out windows.

The reference is a list of windows, not one lump: their spread is what harmless movement
from window to window looks like, and every alarm is judged against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.stats.grid import CELLS, Grid, learn_grid
from assay.stats.profile import SCORE, Profile, merge_all, profile

__all__ = [
    "LEAST_ROWS",
    "LEAST_WINDOWS",
    "REFERENCE_FORMAT",
    "Reference",
    "make_reference",
    "read_reference",
]

REFERENCE_FORMAT = 1
"""Raise it when the document's meaning changes, and teach `read_reference` the old one."""

LEAST_WINDOWS = 10
"""Fewer reference windows say too little about their spread to judge another by it."""

LEAST_ROWS = 20
"""A reference window holds this many rows at least."""


@dataclass(frozen=True)
class Reference:
    """A grid and one profile for each reference window.

    `moments` (UTC) are those of each window's middle row, empty where there is no time; `of` names
    the season that windows were chosen for, empty where they are all there are.
    """

    grid: Grid
    windows: tuple[Profile, ...]
    moments: tuple[np.datetime64, ...] = ()
    of: str = ""

    @property
    def enough(self) -> bool:
        """Whether there are windows enough to judge another by their spread."""
        return len(self.windows) >= LEAST_WINDOWS

    @cached_property
    def pooled(self) -> Profile:
        """All reference windows added up; ValueError where there is none."""
        return merge_all(self.windows)

    @cached_property
    def counts(self) -> Mapping[str, NDArray[np.int64]]:
        """Counts of every feature that each window has, (J, cells): one row for each window."""
        return {
            name: np.stack([one.features[name].counts for one in self.windows])
            for name in self.grid.axes
            if all(name in one.features for one in self.windows)
        }


def make_reference(
    columns: Mapping[str, NDArray[Any]],
    score: NDArray[np.float64] | None = None,
    *,
    windows: int = 20,
    cells: int = CELLS,
    starts: NDArray[np.int64] | None = None,
    moments: NDArray[np.datetime64] | None = None,
) -> dict[str, Any]:
    """Cut held-out rows into consecutive windows and return their profiles as a JSON document.

    Rows come in the order of time where there is one, else in any order that has nothing to do
    with their values. Windows hold at least 20 rows, so few rows make few windows: with fewer
    than `LEAST_WINDOWS` of them drift is not judged. `score` is the model's raw score. `starts`
    says where windows start (the first row among them), in place of `windows` of equal size;
    `moments` (n,) in UTC let windows be chosen by their season.

    >>> rows = {"age": np.arange(1000.0) % 60}
    >>> len(read_reference(make_reference(rows)).windows)
    20
    """
    given = dict(columns) if score is None else {**columns, SCORE: score}
    n = len(next(iter(given.values()))) if given else 0
    if n == 0:
        raise ValueError("A reference needs rows, and none were given.")
    grid = learn_grid(given, cells=cells)
    count = max(1, min(windows, n // LEAST_ROWS))
    parts = np.array_split(np.arange(n), count if starts is None else starts[1:])
    profiles = [
        profile({name: column[part] for name, column in given.items()}, grid) for part in parts
    ]
    document = {
        "format": REFERENCE_FORMAT,
        "grid": grid.document(),
        "windows": [each.document() for each in profiles],
    }
    if moments is not None:
        middles = [moments[part[len(part) // 2]] for part in parts]
        document["moments"] = [str(one.astype("datetime64[us]")) for one in middles]
    return document


def read_reference(document: Mapping[str, Any]) -> Reference:
    """Read a reference back; raises ValueError on a format this version does not know."""
    if document.get("format") != REFERENCE_FORMAT:
        raise ValueError(
            f"A reference has format {document.get('format')!r}; this version of Assay reads "
            f"format {REFERENCE_FORMAT}. Build the model again."
        )
    return Reference(
        Grid.from_document(document["grid"]),
        tuple(Profile.from_document(window) for window in document["windows"]),
        tuple(np.datetime64(moment, "us") for moment in document.get("moments", ())),
    )
