"""Parity: whether the packaged model answers as the trained one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.build.forecaster import forecast
from assay.build.tested import Tested
from assay.evidence.bundle import Input
from assay.evidence.evidence import Check
from assay.ports.engine import Columns, Engine, Floats

__all__ = ["Engines", "Parity", "check_parity"]

Engines = Callable[[bytes, Sequence[Input]], Engine]
"""Loads model bytes that take these inputs."""

_SCORE_LIMIT = 1e-4
_DECISION_LIMIT = 1e-3
_WORSE = 0.1


@dataclass(frozen=True)
class Parity:
    """The checks, and what was measured."""

    checks: tuple[Check, ...]
    content: Mapping[str, Any]


def check_parity(tested: Tested, engine: Engine, seed: int) -> Parity:
    """Compare the served model with the trained one on test rows, whole and with cells spoiled.

    Spoiled: a tenth of the cells is missing or holds a category never seen, as traffic will. The
    served model reads numbers in single precision; so does the trained one (see `to_columns`).
    Scores may differ by rounding only: by 1e-4 at most, in standard deviations of the score in
    regression; and no more than one decision in 1,000 may differ.
    """
    scale = 1.0
    if tested.made.valuation.task == "regression":
        scale = float(np.std(tested.raw)) or 1.0
    checks: list[Check] = []
    content: dict[str, Any] = {"rows": len(tested.raw), "scale": scale}
    spoiled = _spoiled(tested.columns, tested.made.valuation.columns, seed)
    for what, columns in (("test rows", tested.columns), ("spoiled rows", spoiled)):
        trained = tested.made.score(columns) if columns is spoiled else tested.raw
        served = engine.score(columns)
        gap = float(np.abs(trained - served).max()) / scale
        differ = _differing(tested, trained, served, columns, scale)
        content[what] = {"largest_score_difference": gap, "decisions_that_differ": differ}
        checks += [
            _at_most(f"largest score difference on {what}", gap, _SCORE_LIMIT),
            _at_most(f"decisions that differ on {what}", differ, _DECISION_LIMIT),
        ]
    return Parity(tuple(checks), content)


def _differing(
    tested: Tested, trained: Floats, served: Floats, columns: Columns, scale: float
) -> float:
    """Return the share of rows that the two models decide differently."""
    made = tested.made
    one, other = (
        made.valuation.decide(forecast(made.forecaster, raw), columns) for raw in (trained, served)
    )
    if made.valuation.task == "regression":
        return float((np.abs(one - other) > _SCORE_LIMIT * 10 * scale).mean())
    return float((one != other).mean())


def _spoiled(columns: Columns, fixed: frozenset[str], seed: int) -> Columns:
    """Return the columns with some cells missing or strange; those that payoffs read stay whole."""
    random = np.random.default_rng(seed)
    spoiled = {}
    for name, values in columns.items():
        changed = values.copy()
        if name not in fixed:
            hit = random.random(len(values))
            changed[hit < _WORSE] = "" if values.dtype == object else np.nan
            if values.dtype == object:
                changed[hit > 1 - _WORSE] = "never seen before"
        spoiled[name] = changed
    return spoiled


def _at_most(name: str, measured: float, limit: float) -> Check:
    return Check(name, measured <= limit, measured, f"at most {limit:g}")
