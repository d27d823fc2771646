"""A grid learned from a sample, with its ends moved out to what the whole reference has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from assay.stats.grid import CategoryAxis, Grid, NumberAxis
from assay.stats.profile import Profile
from assay.stats.tally import Tally

__all__ = ["names_of_rows", "widened", "without"]


def widened(
    grid: Grid, windows: Sequence[Profile], *, but: Collection[str] = ()
) -> tuple[Grid, list[Profile]]:
    """Move the first and last edge of each number out to its extremes over all windows.

    What lay outside is moved into the outermost cells; this is what counting anew with the wider
    grid would give, so that "never seen" means it. Axes named in `but` stay as they are, and
    features that the grid does not have are left out.

    >>> from assay.stats.grid import learn_grid
    >>> from assay.stats.profile import profile
    >>> grid = learn_grid({"age": np.array([20.0, 30.0])})
    >>> ages = {"age": np.array([10.0, 25.0, 99.0])}
    >>> wide, (found,) = widened(grid, [profile(ages, grid)])
    >>> found.features["age"].counts.tolist()
    [0, 1, 1, 1, 0, 0]
    >>> found.features["age"].counts.tolist() == profile(ages, wide).features["age"].counts.tolist()
    True
    """
    axes = dict(grid.axes)
    features = [{name: window.features[name] for name in grid.axes} for window in windows]
    for name, axis in grid.axes.items():
        if not isinstance(axis, NumberAxis) or name in but or len(axis.edges) < 2:
            continue
        tallies = [one[name] for one in features]
        axes[name] = _reaching(axis, tallies)
        for one, tally in zip(features, tallies, strict=True):
            one[name] = _moved_in(tally)
    profiles = [replace(one, features=two) for one, two in zip(windows, features, strict=True)]
    return Grid(axes), profiles


def _reaching(axis: NumberAxis, tallies: Sequence[Tally]) -> NumberAxis:
    edges = axis.edges.copy()
    edges[0] = min(edges[0], np.nextafter(min(one.least for one in tallies), -np.inf))
    edges[-1] = max(edges[-1], *(one.most for one in tallies))
    return NumberAxis(edges, axis.centre, axis.scale)


def _moved_in(tally: Tally) -> Tally:
    counts, sums = tally.counts.copy(), tally.sums.copy()
    for cells in (counts, sums):
        cells[1] += cells[0]
        cells[-3] += cells[-2]
        cells[0] = cells[-2] = 0
    return replace(tally, counts=counts, sums=sums)


def names_of_rows(grid: Grid, windows: Sequence[Profile]) -> list[str]:
    """Return the categories that tell rows apart instead of grouping them, such as keys.

    More than half of the rows have a value of their own there, or may have.

    >>> from assay.stats.grid import learn_grid
    >>> from assay.stats.profile import profile
    >>> keys = {"id": np.array([f"{n}" for n in range(10)], dtype=object)}
    >>> grid = learn_grid(keys)
    >>> names_of_rows(grid, [profile(keys, grid)])
    ['id']
    """
    found = []
    for name, axis in grid.axes.items():
        if isinstance(axis, CategoryAxis):
            counts = np.sum([window.features[name].counts for window in windows], axis=0)
            if len(axis.values) + int(counts[-2]) > int(counts[:-1].sum()) / 2:
                found.append(name)
    return found


def without(grid: Grid, names: Collection[str]) -> Grid:
    """Return a grid without some of its axes."""
    return Grid({name: axis for name, axis in grid.axes.items() if name not in names})
