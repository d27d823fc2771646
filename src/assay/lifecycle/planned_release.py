"""The plan of a release, from the charter and what evaluations showed of both arms."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.charter.delay import rows_or_time
from assay.deploy.pace import Pace
from assay.deploy.prospect import Arms
from assay.deploy.release_plan import ReleasePlan, plan_release
from assay.deploy.rollout_plan import RolloutPlan
from assay.deploy.spread import Spread
from assay.errors import CheckFailed
from assay.evidence.folds import ModelState, ReleaseState
from assay.lifecycle.agreed_rollout import rollout_plan, untold_because
from assay.lifecycle.centre import payoff_centre
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.release_course import strategy_of
from assay.lifecycle.shown import Shown, evaluations_of, shown_by
from assay.lifecycle.unknown_share import unknown_payoffs
from assay.ports.blobs import Blobs
from assay.stats.estimate import Estimate

__all__ = ["planned_release"]

_NORMAL = 1.959964
"""Half the width of a 95 % interval in standard errors."""

_DAYS_PER_MONTH = 365 / 12


def planned_release(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    version: int | None,
    now: datetime,
) -> ReleasePlan:
    """Return the plan of a running release, or of one that would be started with a version.

    The deviation of payoffs is that of the evaluation's interval, so that what it knows of
    entities and of time is in it; the decisions of an entity are taken to hang together as there.
    The difference of two versions on one unit, which no evaluation saw, is taken to spread as if
    their uplifts were independent, which is too much rather than too little. Payoffs that the
    charter's facts will keep unknown count against the challenger, as when the release is decided,
    and all are those of the day on which the running release started. Where value cannot be told at
    all (`untold_because`) the plan says so and what guardrails take. Raises CheckFailed where
    nothing is to be planned: the release waits for no evidence, nothing is left of the loss
    budget, or a version has no evaluation.
    """
    strategy = strategy_of(charter, state)
    if strategy not in {"canary", "shadow", "staged"}:
        raise CheckFailed(
            f"{charter.name} goes live without waiting for evidence (`release.strategy: "
            f"{strategy}`), so that there is no canary to plan. Write `strategy: canary`, `shadow` "
            "or `staged` to try a version before it serves all."
        )
    charter = charter_of_release(charter, state)
    number = _number(state, versions, version)
    centre = payoff_centre(charter, state, versions, blobs, number, now)
    untold = untold_because(charter, state, versions, blobs, number, now)
    rollout = rollout_plan(charter, state, now, centre, untold)
    if rollout.tolerance <= 0:
        raise CheckFailed(
            f"Nothing is left of the loss budget of {charter.name}, so that no release could "
            "promote anything: see `release.loss_budget_per_year`."
        )
    release = charter.release
    return plan_release(
        rollout,
        _both(charter, state, versions, blobs, number, rollout),
        _pace(charter, strategy),
        unit=_unit(charter, strategy),
        most_days=release.most_days,
        named=_NAMES[strategy],
        grouped=frozenset(one.label for one in release.guardrails if one.column is not None),
    )


_NAMES = {"canary": "canary", "shadow": "shadow", "staged": "staged release"}


def _both(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    number: int,
    rollout: RolloutPlan,
) -> Arms:
    """Return what evaluations showed of both arms; the control's is the baseline's."""
    tried = _shown(charter, versions, blobs, number)
    champion = None if rollout.against == "control" else state.champion
    before = None if champion is None else _shown(charter, versions, blobs, champion.version)
    took = None if before is None else before.decisions
    unknown, paired = unknown_payoffs(charter, tried.decisions, took)
    arms = replace(_arms(rollout, tried, before, charter.release.unit.usual), unknown=unknown)
    return arms if paired and rollout.against != "control" else replace(arms, paired=None)


def _pace(charter: Charter, strategy: str) -> Pace:
    """Return how fast units come; of a shadow, those that are copied."""
    unit, copied = charter.release.unit, 1.0
    if strategy == "shadow":
        copied = charter.release.shadow_share
    horizon = charter.value.horizon_months * _DAYS_PER_MONTH
    a_month = charter.value.decisions_per_month * copied
    return Pace(a_month, unit.usual, _waiting(charter), horizon)


def _number(state: ReleaseState, versions: ModelState, version: int | None) -> int:
    if version is not None:
        return version
    if state.challenger is not None:
        return state.challenger.version
    if versions.newest is None:
        raise CheckFailed("There is no version to plan a release of. Run `assay build` first.")
    return versions.newest.version


def _shown(charter: Charter, versions: ModelState, blobs: Blobs, number: int) -> Shown:
    for one in reversed(evaluations_of(versions, number)):
        if blobs.has(one.digest):
            return shown_by(one, blobs)
    raise CheckFailed(
        f"Version {number} of {charter.name} has no evaluation to plan by. Name a version that was "
        "built or submitted: `assay status` lists them."
    )


def _arms(rollout: RolloutPlan, tried: Shown, before: Shown | None, usual: float) -> Arms:
    """Return what both arms pay a unit of `usual` decisions: deviations grow as its root."""
    root = float(np.sqrt(usual))
    promised, paired = tried.uplift, _deviation(tried.uplift)
    other = tried.baseline
    if before is not None:
        promised = _minus(tried.uplift, before.uplift)
        paired = float(np.hypot(paired, _deviation(before.uplift)))
        other = before.value
    promised = promised.scaled(usual, f"{rollout.currency} per unit")
    mean = tried.value.mean * usual
    return Arms(
        challenger=Spread.around(mean, _deviation(tried.value) * root, rollout.bounds),
        other=Spread.around(mean - promised.mean, _deviation(other) * root, rollout.bounds),
        promised=promised,
        paired=paired * root,
    )


def _deviation(estimate: Estimate) -> float:
    """Return the deviation of one decision that an interval of a mean implies.

    It is infinite where the interval is: then payoffs spread as wide as their bounds allow.
    """
    return (estimate.high - estimate.low) / 2 / _NORMAL * float(np.sqrt(estimate.n))


def _minus(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two independent estimates."""
    mean = one.mean - other.mean
    down = float(np.hypot(one.mean - one.low, other.high - other.mean))
    up = float(np.hypot(one.high - one.mean, other.mean - other.low))
    n = min(one.n, other.n)
    return Estimate(mean, mean - down, mean + up, n, "difference of two evaluations", one.unit)


def _waiting(charter: Charter) -> float:
    """Return the days from a unit's assignment until it may enter."""
    return sum(
        _days(span, charter) for span in (charter.release.unit.horizon, charter.data.label_delay)
    )


def _days(span: Span, charter: Charter) -> float:
    length = rows_or_time(span, charter)
    if isinstance(length, timedelta):
        return length / timedelta(days=1)
    return Pace(charter.value.decisions_per_month).days(length)


def _unit(charter: Charter, strategy: str) -> str:
    """Return what counts as a unit, and what there is to know of how units come."""
    told = [_counted(charter)]
    share = charter.release.shadow_share
    if strategy == "shadow" and share < 1:
        told.append(f"{share:.0%} of them are copied: decisions are those.")
    if strategy == "staged":
        told.append(
            "Days count as if the part of the fleet that comes first had all traffic: with a tenth "
            "of it they are ten times as many."
        )
        if charter.release.control_share:
            told.append(
                "What is compared is the new version with the control share beside it, which tells "
                "its uplift over the baseline; comparing one region with another tells regions "
                "apart and not versions."
            )
    return " ".join(told)


def _counted(charter: Charter) -> str:
    entity, unit = charter.data.entity, charter.release.unit
    if entity is None:
        return "Each request is a unit, as the charter names no entity column."
    if unit.most == 1:
        return f"Each `{entity}` is a unit, with its first decision."
    return (
        f"Each `{entity}` is a unit, with the sum of its decisions within {unit.horizon} of the "
        f"first, at most {unit.most}, usually {unit.usual:g}."
    )
