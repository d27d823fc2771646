"""What a decision on a release rests on, as one document that stays readable for good.

Format 1, JSON: {format, model, environment, version, strategy, at, verdict, reason, plan, units,
missing_copies, difference, not_worse, worse, splits, sample_ratio, guardrails, course}. Estimates
are as `Estimate.document`; `not_worse` and `worse` are evidence (money won) with what is needed.
`course` is what the picture shows: {value: {units, mean, low, high}, guardrails: {name: {cases,
mean, low, high}}}, each a list of equal length. Raise `FORMAT` when a field's meaning changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from assay.deploy.rollout import Decision
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.rollout_state import RolloutState
from assay.evidence.digest import canonical_bytes
from assay.evidence.states import ReleaseState
from assay.lifecycle.looks import Look
from assay.ports.blobs import Blobs
from assay.stats.estimate import Estimate

__all__ = ["FORMAT", "decision_document", "keep_decision"]

FORMAT = 1

_POINTS = 24
"""Points of a course, evenly spaced over what was looked at: each costs an interval."""


def decision_document(
    decision: Decision, looks: Iterable[Look], state: ReleaseState, now: datetime
) -> dict[str, Any]:
    """Return a decision with its numbers and their course, as a JSON document.

    `looks` are those that it was decided on (`looks_of`); what came after them is left out.
    """
    found, plan = decision.state, decision.state.plan
    return {
        "format": FORMAT,
        "model": state.model,
        "environment": state.environment,
        "version": None if state.challenger is None else state.challenger.version,
        "strategy": state.strategy,
        "at": now.isoformat(),
        "verdict": decision.verdict,
        "reason": decision.reason,
        "plan": plan.document(),
        "units": found.n,
        "missing_copies": found.missing,
        "difference": decision.difference.document(),
        "not_worse": _won(found.not_worse.peak, plan.alpha),
        "worse": _won(found.worse.peak, plan.rollback_alpha),
        "splits": [[share, *counts] for share, counts in found.splits.items()],
        "sample_ratio": found.ratio_log_e,
        "guardrails": {
            name: {
                "share": one.share(plan.alpha).document(),
                "within": _won(one.within.peak, plan.alpha),
                "beyond": _won(one.beyond.peak, plan.rollback_alpha),
            }
            for name, one in found.guardrails.items()
        },
        "course": _course(plan, looks, found),
    }


def keep_decision(
    document: Mapping[str, Any], draw: Callable[[Mapping[str, Any]], str], blobs: Blobs
) -> dict[str, str]:
    """Keep a decision's document and its picture (SVG); return their digests by name.

    They go into the entry of the step that was decided: `evidence: {decision, picture}`.
    """
    return {
        "decision": blobs.put(canonical_bytes(document)),
        "picture": blobs.put(draw(document).encode()),
    }


def _won(log_money: float, alpha: float) -> dict[str, float]:
    """Return money won against a claim at its peak, and how much refutes it, as logarithms."""
    return {"log_money": log_money, "needed": float(-np.log(alpha))}


@dataclass(frozen=True)
class _Point:
    """An interval, and how many units or cases it rests on."""

    n: int
    estimate: Estimate


def _course(plan: RolloutPlan, looks: Iterable[Look], end: RolloutState) -> dict[str, Any]:
    """Return how each interval went, at evenly spaced counts up to those of the end."""
    state = RolloutState.start(plan)
    value: list[_Point] = []
    kept: dict[str, list[_Point]] = {name: [] for name in end.guardrails}
    for look in looks:
        if _counts(state) == _counts(end):
            break
        state = state.after(look.batch)
        if _due(value, state.n, end.n) and len(look.batch.differences):
            value.append(_Point(state.n, state.difference()))
        for name in look.batch.said:
            one = state.guardrails[name]
            if _due(kept[name], one.n, end.guardrails[name].n):
                kept[name].append(_Point(one.n, one.share(plan.alpha)))
    return {
        "value": _listed(value, "units"),
        "guardrails": {name: _listed(points, "cases") for name, points in kept.items()},
    }


def _counts(state: RolloutState) -> tuple[int, ...]:
    return (state.n, *(one.n for one in state.guardrails.values()))


def _due(points: Sequence[_Point], n: int, last: int) -> bool:
    """Whether a point is due: one for each even part of the whole, and the last one."""
    before = points[-1].n if points else 0
    return n == last or n * _POINTS // max(last, 1) > before * _POINTS // max(last, 1)


def _listed(points: Sequence[_Point], what: str) -> dict[str, list[float]]:
    return {
        what: [point.n for point in points],
        "mean": [point.estimate.mean for point in points],
        "low": [point.estimate.low for point in points],
        "high": [point.estimate.high for point in points],
    }
