"""Models under watch, made in memory, and cases that they decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import BestAction
from assay.monitor.watched import Watched
from assay.stats.amount_table import AmountTable
from assay.stats.calibration import fit_calibrator
from assay.stats.class_calibration import fit_class_calibrator
from assay.stats.class_tables import ClassTables, class_tables
from assay.stats.loss_metrics import loss_table
from assay.stats.profile import Profile, named_scores
from assay.stats.reference import make_reference, read_reference
from assay.stats.residuals import fit_predictive
from assay.stats.score_table import ALL, ScoreTable, score_table
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TABLE = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 3.0), (0.0, 0.0)))
THREE = PayoffTable(
    ("rest", "mend", "swap"),
    ("fine", "worn", "broken"),
    ((0.0, -5.0, -20.0), (-2.0, 4.0, -6.0), (-8.0, -4.0, 10.0)),
)


def bank() -> ClassificationValuation:
    return ClassificationValuation("EUR", TABLE, BestAction(), {"nobody": "skip"}, "nobody")


def drawn(
    rng: np.random.Generator, n: int, shift: float = 0.0, drift: float = 0.0
) -> tuple[Floats, Ints]:
    """Return scores that know the odds, and outcomes; `drift` moves the odds alone."""
    z = rng.normal(shift, 1.3, n)
    return 1 / (1 + np.exp(-z)), (rng.random(n) < 1 / (1 + np.exp(1.2 - z - drift))).astype(int)


def watched(seed: int, labels: int = 5000, windows: int = 12, rows: int = 12_000) -> Watched:
    """Return a model of two outcomes with labelled reference windows."""
    rng = np.random.default_rng(seed)
    score, y = drawn(rng, labels)
    held, came = drawn(rng, rows)
    reference = read_reference(make_reference({}, held, windows=windows))
    found = Watched((), bank(), fit_calibrator(score, y, "isotonic"), reference)
    parts = np.array_split(np.arange(rows), windows)
    tables = [counted(found, held[part], came[part]) for part in parts]
    return replace(found, reference=replace(reference, windows=_with(reference.windows, tables)))


def counted(
    model: Watched,
    score: Floats,
    outcomes: Ints | None = None,
    groups: Ints | None = None,
    names: tuple[str, ...] = (),
) -> ScoreTable:
    """Return the table of cases that the model decides; `groups` are places among `names`."""
    forecast = model.forecast(score)
    return score_table(
        model.cells_of(score),
        model.valuation.decide(forecast, {}),
        chance=forecast,
        pairs=((0, 1), (1, 1)),
        size=model.cells.size,
        score=score,
        outcomes=outcomes,
        segments=(ALL, *(("sex", name) for name in names)),
        memberships=() if groups is None else (groups + 1,),
    )


def drawn_of_three(rng: np.random.Generator, n: int, turn: float = 0.0) -> tuple[Floats, Ints]:
    """Return scores of three outcomes, and outcomes; `turn` mixes the last two up."""
    p = rng.dirichlet([3.0, 1.0, 0.7], n)
    law = (1 - turn) * p + turn * p[:, [0, 2, 1]]
    came = (rng.random((n, 1)) > np.cumsum(law, axis=1)).sum(axis=1)
    return p, np.minimum(came, 2).astype(np.int64)


def watched_of_three(seed: int, rows: int = 12_000, windows: int = 12) -> Watched:
    rng = np.random.default_rng(seed)
    score, y = drawn_of_three(rng, 5000)
    held, came = drawn_of_three(rng, rows)
    scores = named_scores(held, THREE.labels)
    reference = read_reference(make_reference(scores, windows=windows))
    valuation = ClassificationValuation("EUR", THREE, BestAction(), {"rest": "rest"}, "rest")
    found = Watched((), valuation, fit_class_calibrator(score, y), reference)
    parts = np.array_split(np.arange(rows), windows)
    kept = tuple(
        replace(window, classes=counted_of_three(found, held[part], came[part]))
        for window, part in zip(reference.windows, parts, strict=True)
    )
    return replace(found, reference=replace(reference, windows=kept))


def counted_of_three(model: Watched, score: Floats, outcomes: Ints | None = None) -> ClassTables:
    cells = model.class_cells
    return class_tables(cells.of(score), model.forecast(score), cells.size, outcomes=outcomes)


def watched_amounts(seed: int, rows: int = 12_000, windows: int = 12) -> Watched:
    """Return a model of amounts whose spread grows with the prediction."""
    rng = np.random.default_rng(seed)
    level, came = drawn_amounts(rng, 4000)
    held, later = drawn_amounts(rng, rows)
    reference = read_reference(make_reference({}, held, windows=windows))
    found = Watched((), bank(), fit_predictive(level, came), reference)
    parts = np.array_split(np.arange(rows), windows)
    tables = [counted_amounts(found, held[part], later[part]) for part in parts]
    return replace(found, reference=replace(reference, windows=_with(reference.windows, tables)))


def drawn_amounts(
    rng: np.random.Generator, n: int, spread: float = 1.0, off: float = 0.0
) -> tuple[Floats, Floats]:
    level = rng.uniform(10, 100, n)
    return level, level + rng.normal(off, spread * level / 10)


def counted_amounts(model: Watched, predictions: Floats, outcomes: Floats) -> AmountTable:
    return loss_table(
        model.cells_of(predictions),
        predictions,
        model.forecast(predictions),
        outcomes,
        size=model.cells.size,
    )


def _with(
    windows: Sequence[Profile], tables: Sequence[ScoreTable | AmountTable]
) -> tuple[Profile, ...]:
    return tuple(
        Profile(one.n, one.features, table) for one, table in zip(windows, tables, strict=True)
    )
