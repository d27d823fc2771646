"""Parity: whether the packaged model answers as the trained one does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from assay.build.tested import Tested
from assay.errors import InputError, ModelError
from assay.evidence.bundle import Input
from assay.evidence.evidence import Check
from assay.ports.engine import Columns, Engine, Floats
from assay.value.stake import forecast_cases

__all__ = ["Engines", "Parity", "check_parity", "settled"]

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
    found = _parity(tested, seed)
    uncompiled = tested.made.uncompiled
    if uncompiled is None:
        return found
    note = f"not compiled: {uncompiled.why}. It is served by a process of its own, which is slower."
    check = Check(
        "compiled to ONNX", passed=False, measured=None, limit="yes", severity="warn", note=note
    )
    packaged = json.loads(msgspec.json.encode(uncompiled))
    return Parity((*found.checks, check), {**found.content, "not_compiled": packaged})


def settled(tested: Tested, seed: int, otherwise: Callable[[str], Tested]) -> Tested:
    """Return a model as it was compiled, or `otherwise` where that answers wrongly on test rows.

    `otherwise` gets the reason and returns the model as it was trained, packaged as it is. Where it
    raises ModelError, the compiled one stays: its failed parity check closes the gate.
    """
    if tested.made.trained is None or tested.made.uncompiled is not None:
        return tested
    wrong = [
        one for one in _parity(tested, seed).checks if not one.passed and one.severity != "warn"
    ]
    if not wrong:
        return tested
    measured = "; ".join(f"{one.name}: {one.measured:.3g}, {one.limit}" for one in wrong)
    try:
        return otherwise(f"compiled to ONNX it answers otherwise ({measured})")
    except ModelError:
        return tested


def _parity(tested: Tested, seed: int) -> Parity:
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
