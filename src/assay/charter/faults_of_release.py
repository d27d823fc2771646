"""A canary that could not be decided."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_payoffs import payoff_bounds
from assay.charter.finding import Finding

__all__ = ["RULES"]

_MONTHS = 12


def _canary_bounded(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    unbounded = value.under is not None and "outcome" not in value.caps
    if charter.release.strategy == "canary" and unbounded:
        yield Finding(
            ("value", "caps", "outcome"),
            "a canary is decided by the most that one decision can cost, and nothing bounds that",
            "add `outcome: [least, most]` under `value.caps`, or write "
            "`release.strategy: immediate`",
        )


def _budget_below_stakes(charter: Charter) -> Iterator[Finding]:
    release, bounds = charter.release, payoff_bounds(charter)
    if release.strategy != "canary" or bounds is None:
        return
    stakes = bounds[1] - bounds[0]
    if stakes <= 0:
        yield Finding(
            ("release", "strategy"),
            "every decision pays the same, so that a canary has nothing to compare",
            "give payoffs that differ, or write `immediate`",
        )
        return
    budget, decisions = release.loss_budget_per_year, _MONTHS * charter.value.decisions_per_month
    if budget is not None and budget / decisions >= stakes:
        yield Finding(
            ("release", "loss_budget_per_year"),
            f"that is {budget / decisions:.4g} a decision, and payoffs differ by {stakes:.4g} at "
            "the most: it would let any version pass",
            f"write less than {stakes * decisions:.6g} (1 % of it is usual: "
            f"{0.01 * stakes * decisions:.6g})",
        )


RULES = (_canary_bounded, _budget_below_stakes)
