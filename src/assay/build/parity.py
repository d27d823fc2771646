"""Parity: whether the packaged model answers as the trained one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.build.tested import Tested
from assay.errors import InputError
from assay.evidence.bundle import Input
from assay.evidence.evidence import Check
from assay.ports.engine import Columns, Engine, Floats
from assay.value.stake import forecast_cases

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


def check_parity(tested: Tested, seed: int) -> Parity:
    """Compare the served model with the trained one on test rows, whole and with cells spoiled.

    Scores may differ by rounding only: by 1e-4 at most, in standard deviations of the score in
    regression; and no more than one decision in 1,000 may differ. The served model reads numbers in
    single precision; so does the trained one (see `to_columns`).

    Spoiled: a tenth of the cells is missing or holds a category never seen, as traffic will. There
    a difference is a warning: some converters send what training never saw elsewhere, but
    value and guardrails are measured on the served model.
    """
    trained = tested.made.trained
    if trained is None:
        name, note = tested.made.came
        check = Check(name, passed=True, measured=0.0, limit="0", note=note)
        return Parity((check,), {"rows": len(tested.raw)})
    scale = 1.0
    if tested.made.valuation.task == "regression":
        scale = float(np.std(tested.raw)) or 1.0
    spoiled = _spoiled(tested.columns, tested.made.valuation.columns, seed)
    content: dict[str, Any] = {"rows": len(tested.raw), "scale": scale}
    whole = _Pair(trained(tested.columns), tested.raw, tested.columns)
    checks = _compared(tested, "test rows", whole, scale, content)
    try:
        pair = _Pair(trained(spoiled), tested.made.score(spoiled), spoiled)
    except InputError as error:
        checks.append(
            Check(
                "spoiled rows are scored",
                passed=False,
                measured=None,
                limit="all",
                severity="warn",
                note=str(error),
            )
        )
    else:
        found = _compared(tested, "spoiled rows", pair, scale, content)
        checks += [replace(check, severity="warn") for check in found]
    return Parity(tuple(checks), content)


@dataclass(frozen=True)
class _Pair:
    """Scores of the trained and of the served model on the same columns."""

    trained: Floats
    served: Floats
    columns: Columns


def _compared(
    tested: Tested, what: str, pair: _Pair, scale: float, content: dict[str, Any]
) -> list[Check]:
    """Return the checks of one comparison, and note its numbers down in `content`."""
    gap = float(np.abs(pair.trained - pair.served).max()) / scale
    differ = _differing(tested, pair, scale)
    content[what] = {"largest_score_difference": gap, "decisions_that_differ": differ}
    return [
        _at_most(f"largest score difference on {what}", gap, _SCORE_LIMIT),
        _at_most(f"decisions that differ on {what}", differ, _DECISION_LIMIT),
    ]


def _differing(tested: Tested, pair: _Pair, scale: float) -> float:
    """Return the share of rows that the two models decide differently."""
    made = tested.made
    one, other = (
        made.valuation.decide(
            forecast_cases(made.forecaster, made.valuation, raw, pair.columns), pair.columns
        )
        for raw in (pair.trained, pair.served)
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
