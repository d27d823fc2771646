"""What control and exploration shares cost on test rows, and what they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.build.tested import Tested
from assay.charter.charter import Charter
from assay.guardrails.plugin import Cases
from assay.value.assessment import Assessment
from assay.value.certain_baseline import baseline_varies
from assay.value.identification import identification
from assay.value.share_cost import Spread, exploration_cost
from assay.value.share_plan import SharePlan, Shares, share_plan

__all__ = ["share_notes", "shares_of"]


def share_notes(charter: Charter) -> tuple[str, ...]:
    """Return what will not be known of the uplift where actions change outcomes and no share helps.

    It needs neither data nor model: whoever writes the charter is told before either is paid for.
    """
    if not charter.data.moved_by:
        return ()
    live = identification(charter.value, charter.data, charter.release).live
    if live.identified:
        return ()
    return (f"What a model is worth once it serves will not be identified. {live.reason}",)


def shares_of(tested: Tested, assessment: Assessment, seed: int) -> SharePlan:
    """Return what the charter's shares cost and show, and what an uplift may be taken for."""
    charter, cases = tested.charter, tested.cases
    valued, release = cases.valuation, charter.release
    explores = release.exploration_share > 0 and bool(valued.actions)
    base = valued.baseline(cases.columns, len(cases))
    shares = Shares(
        control=release.control_share,
        exploration=release.exploration_share,
        exploration_cost=exploration_cost(
            valued,
            cases.forecast,
            cases.columns,
            # Entities in the control are not explored.
            release.exploration_share * (1 - release.control_share),
            charter.value.decisions_per_month,
            seed=seed,
            clusters=tested.clusters,
        )
        if explores
        else None,
        differing=float(np.mean(cases.decisions != base)),
        actions=len(valued.actions),
    )
    return share_plan(
        identification(charter.value, charter.data, release),
        charter.value,
        shares,
        assessment.uplift_per_decision,
        _spread(cases, base, assessment),
        charter.monitoring.boundary.floor_per_month,
    )


def _spread(cases: Cases, base: NDArray[Any], assessment: Assessment) -> Spread:
    """Return how payoffs spread on the test rows, and how rare those off the commonest are."""
    valued = cases.valuation
    own, other = (
        valued.realised(decisions, cases.outcomes, cases.columns)
        for decisions in (cases.decisions, base)
    )
    found = Spread.of(
        assessment.value, assessment.baselines[assessment.baseline], paid=(own, other)
    )
    if not baseline_varies(valued):
        return replace(found, baseline_deviates=0.0)
    # A payoff that no test row has may still come: as rare as one that one row had.
    return replace(found, baseline_deviates=max(found.baseline_deviates, 1 / len(cases)))
