"""What a release is decided by: agreed in the charter before its first unit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from assay.charter.charter import Charter
from assay.charter.release import ReleaseGuardrail, Strategy
from assay.deploy.rollout_plan import RolloutPlan
from assay.evidence.states import ModelState, ReleaseState
from assay.lifecycle.canary_units import unit_bounds
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.guardrail_cases import condition_of
from assay.lifecycle.loss_budget import loss_budget
from assay.lifecycle.release_course import began, steps_of, strategy_of
from assay.lifecycle.shown import evaluations_of, shown_by
from assay.lifecycle.unknown_share import unpaired_because
from assay.ports.blobs import Blobs
from assay.value.valuation import valuation

__all__ = ["rollout_plan", "untold_because"]

_NO_VALUE = 1e-9
"""The tolerance where value is not told: nothing rests on it, and no budget is needed."""


def rollout_plan(
    charter: Charter,
    state: ReleaseState,
    now: datetime,
    centre: float = 0.0,
    untold: str = "",
) -> RolloutPlan:
    """Return what the running release is decided by, or one that were started; amounts per unit.

    Its tolerance comes from the loss budget that was left when it was started: what it takes a
    decision, times the decisions that a unit usually has. `centre` is from where payoffs are
    counted (`payoff_centre`), `untold` why value cannot be told (`untold_because`). A canary's
    shares are the charter's steps, and those under which the running release has assigned units,
    where the charter was changed since; a shadow scores both arms on each unit; a staged release
    stands beside the control share. Payoffs are those of the day on which the running release
    started (`charter_of_release`), and of `charter` where none runs.
    """
    charter = charter_of_release(charter, state)
    release, strategy = charter.release, strategy_of(charter, state)
    bounds = valuation(charter.value, charter.data).bounds()
    against, shares = _compared(charter, state)
    tolerance = loss_budget(charter, state, now).tolerance * release.unit.usual
    shown = {one.label: _shows(strategy, one) for one in release.guardrails}
    return RolloutPlan(
        currency=charter.value.currency,
        bounds=unit_bounds(bounds, release.unit.most),
        tolerance=max(tolerance, _NO_VALUE if untold else 0.0),
        most_units=release.most_decisions,
        shares=shares,
        alpha=release.alpha,
        conditions=tuple(condition_of(one) for one in release.guardrails if shown[one.label]),
        undecided=release.undecided,
        against=against,
        centre=centre,
        untold=untold,
        left_out=tuple(label for label, told in shown.items() if not told),
    )


def _shows(strategy: Strategy, guardrail: ReleaseGuardrail) -> bool:
    """Whether a way of releasing shows anything of a guardrail.

    Copies are scored off the answers' path, so that how long that took says nothing of answers; and
    parts of a fleet were not drawn by chance, so that they cannot be compared.
    """
    if strategy == "shadow":
        return guardrail.metric != "latency"
    return not (strategy == "staged" and guardrail.compared)


def untold_because(
    charter: Charter,
    state: ReleaseState,
    versions: ModelState,
    blobs: Blobs,
    challenger: int,
    now: datetime,
) -> str:
    """Return why a release cannot tell value, whatever its traffic; empty where it can.

    It rests on the charter's facts, and on which actions both versions took in the evaluations
    that were recorded until the release's start. Raises StoreError where one of these is lost.
    """
    charter = charter_of_release(charter, state)
    strategy = strategy_of(charter, state)
    if strategy == "staged" and not charter.release.control_share:
        return (
            "the parts of the fleet were not drawn by chance, so that comparing them tells regions "
            "apart and not versions, and no control share stands beside (`release.control_share`)"
        )
    if strategy != "shadow":
        return ""
    until = began(state) if state.running else now
    champion = state.champion
    decided = _decided(versions, blobs, challenger, until)
    before = None if champion is None else _decided(versions, blobs, champion.version, until)
    return unpaired_because(charter, decided, before)


def _decided(versions: ModelState, blobs: Blobs, number: int, until: datetime) -> Mapping[str, int]:
    """Return how often a version took each action in its last evaluation; empty without one."""
    recorded = evaluations_of(versions, number, until=until)
    return shown_by(recorded[-1], blobs).decisions if recorded else {}


def _compared(
    charter: Charter, state: ReleaseState
) -> tuple[Literal["champion", "baseline", "control"], tuple[float, ...]]:
    """Return the arm that the challenger is compared with, and its own shares beside it."""
    strategy, release = strategy_of(charter, state), charter.release
    if strategy == "shadow":
        return state.against, ()
    if strategy == "staged":
        return "control", (1.0 - release.control_share,) if release.control_share else ()
    had = (step.weight for step in steps_of(state))
    shares = (*release.steps, *(weight for weight in had if 0.0 < weight < 1.0))
    return state.against, tuple(dict.fromkeys(shares))
