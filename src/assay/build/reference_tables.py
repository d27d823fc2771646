"""What was decided and what came in each reference window: the null that live windows meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.build.tested import REVISED, Tested
from assay.stats.class_tables import class_tables
from assay.stats.decision_names import DECISION, named_decisions
from assay.stats.forecast_cells import class_score_cells, forecast_blocks, score_cells
from assay.stats.grid import Grid, learn_grid
from assay.stats.loss_metrics import loss_table
from assay.stats.profile import Profile, profile
from assay.stats.reference import Reference, read_reference
from assay.stats.score_table import ScoreTable, score_table
from assay.value.stake import gain_at_stake

__all__ = ["decided_anew", "with_tables"]

Rows = slice


def with_tables(reference: Mapping[str, Any], tested: Tested) -> dict[str, Any]:
    """Return the reference's document with tables of scores, decisions and outcomes in its windows.

    The windows must be those of the newest test rows, in their order. Tables have no segments and
    no payoff terms: they say how the model performed from window to window, not what it was worth.
    """
    known = read_reference(reference)
    first = len(tested.raw) - known.pooled.n
    ends = (first + np.cumsum([window.n for window in known.windows])).tolist()
    windows = [
        _tabled(known, window, tested, slice(end - window.n, end))
        for window, end in zip(known.windows, ends, strict=True)
    ]
    return {**reference, "windows": [window.document() for window in windows]}


def decided_anew(reference: Mapping[str, Any], tested: Tested) -> dict[str, Any]:
    """Return the reference's document as a moved policy would have decided.

    Where the test rows are those of the windows, decisions are made anew. Else (a version revised
    on served cases is judged on those) nobody knows what the policy would have decided there:
    decisions are put together under the pair (-1, -1), metrics of decisions have no reference, and
    decisions are not profiled, so that they cannot drift. Tables that hold no decisions stay, as do
    profiles of inputs and scores.
    """
    known = read_reference(reference)
    if known.pooled.n != len(tested.raw) or REVISED in tested.made.history:
        windows = [_undecided(window).document() for window in known.windows]
        return {**reference, "grid": _without_decisions(known.grid).document(), "windows": windows}
    profiled = _profiled_anew(reference, known, tested)
    decides = all(isinstance(window.scores, ScoreTable) for window in known.windows)
    return with_tables(profiled, tested) if decides else profiled


def _profiled_anew(
    reference: Mapping[str, Any], known: Reference, tested: Tested
) -> dict[str, Any]:
    """Return the document with profiles of the decisions that are made now."""
    decided = named_decisions(tested.cases.decisions, tested.made.valuation.actions)
    axes = learn_grid(decided).axes
    windows, start = [], 0
    for window in known.windows:
        rows = slice(start, start + window.n)
        now = profile({name: column[rows] for name, column in decided.items()}, Grid(axes))
        features = {**window.features, **now.features}
        windows.append(replace(window, features=features).document())
        start += window.n
    grid = Grid({**known.grid.axes, **axes})
    return {**reference, "grid": grid.document(), "windows": windows}


def _without_decisions(grid: Grid) -> Grid:
    return Grid({name: axis for name, axis in grid.axes.items() if name != DECISION})


def _undecided(window: Profile) -> Profile:
    features = {name: tally for name, tally in window.features.items() if name != DECISION}
    window, table = replace(window, features=features), window.scores
    if not isinstance(table, ScoreTable):
        return window
    names = [one.name for one in fields(table) if one.name not in ("segments", "pairs", "terms")]
    sums: dict[str, Any] = {
        name: getattr(table, name).sum(axis=-2, keepdims=True) for name in names
    }
    return replace(window, scores=replace(table, pairs=((-1, -1),), **sums))


def _tabled(known: Reference, window: Profile, tested: Tested, rows: Rows) -> Profile:
    made, raw = tested.made, tested.raw
    count = known.pooled.n
    if made.valuation.task == "regression":
        cells = score_cells(made.forecaster, known.grid, count)
        table = loss_table(
            cells.of(raw[rows]),
            raw[rows],
            tested.cases.forecast[rows],
            tested.outcomes[rows],
            size=cells.size,
        )
        return replace(window, scores=table)
    if raw.ndim > 1:
        of_classes = class_score_cells(made.forecaster, known.grid, made.valuation.labels)
        forecast, outcomes = tested.cases.forecast[rows], tested.outcomes[rows]
        places = of_classes.of(raw[rows])
        return replace(
            window, classes=class_tables(places, forecast, of_classes.size, outcomes=outcomes)
        )
    cells = score_cells(made.forecaster, known.grid, count)
    actions = len(made.valuation.actions)
    return replace(
        window,
        scores=score_table(
            cells.of(raw[rows], _blocks(tested, rows, count) if cells.crossed else None),
            _pairs(tested, rows),
            chance=tested.cases.forecast[rows],
            pairs=tuple((own, base) for own in range(actions) for base in range(actions)),
            size=cells.size,
            score=raw[rows],
            outcomes=tested.outcomes[rows],
        ),
    )


def _pairs(tested: Tested, rows: Rows) -> NDArray[np.int64]:
    """Return the place of each row's action and the baseline's among all pairs of actions."""
    valuation = tested.made.valuation
    baseline = valuation.baseline(tested.columns, len(tested.raw))[rows]
    places: NDArray[np.int64] = tested.cases.decisions[rows] * len(valuation.actions) + baseline
    return places


def _blocks(tested: Tested, rows: Rows, count: int) -> NDArray[np.int64]:
    made, raw = tested.made, tested.raw
    stakes = gain_at_stake(made.valuation, tested.columns, len(raw))
    return forecast_blocks(made.forecaster, raw, stakes, count)[0][rows]
