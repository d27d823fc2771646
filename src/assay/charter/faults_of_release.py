"""A canary that could not be decided."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_payoffs import payoff_bounds
from assay.charter.faults_of_policy import outcomes_of
from assay.charter.finding import Finding, Path
from assay.errors import did_you_mean

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


def _unit_has_an_owner(charter: Charter) -> Iterator[Finding]:
    if charter.release.unit.most > 1 and charter.data.entity is None:
        yield Finding(
            ("release", "unit"),
            "several decisions of one entity are to count, and nothing says whose a decision is",
            "name the entity's column as `data.entity`, or take `unit` out",
        )


def _missing_outcome_known(charter: Charter) -> Iterator[Finding]:
    path: Path = ("release", "missing_outcome")
    given, outcomes = charter.release.missing_outcome, outcomes_of(charter.value)
    if given is None:
        return
    if charter.task == "regression":
        least, most = charter.value.caps.get("outcome", (-float("inf"), float("inf")))
        if isinstance(given, str):
            yield Finding(path, "the outcome of a regression is a number", "write a number")
        elif not least <= given <= most:
            mend = f"write a number from {least:g} to {most:g}"
            yield Finding(path, "lies beyond `value.caps.outcome`", mend)
    elif outcomes and _label(given) not in outcomes:
        mend = did_you_mean(_label(given), outcomes) or f"name one of: {', '.join(outcomes)}"
        yield Finding(path, "no payoff names this outcome", mend)


def _label(given: str | float) -> str:
    """Return an outcome as the payoff table writes it: `true`, `1`, `yes`."""
    if isinstance(given, bool):
        return str(given).lower()
    return str(int(given)) if isinstance(given, float) and given.is_integer() else str(given)


def _policy_decides(charter: Charter) -> Iterator[Finding]:
    release = charter.release
    control, exploration = release.control_share, release.exploration_share
    if control + exploration >= 1:
        left = (1 - control) * (1 - exploration)
        yield Finding(
            ("release", "exploration_share"),
            f"beside `control_share: {control:g}` the policy, and a canary's steps with it, would "
            f"decide only {100 * left:.0f} % of the cases",
            "lower one of the two; 0.05 of each shows what it is there for",
        )


RULES = (
    _canary_bounded,
    _budget_below_stakes,
    _unit_has_an_owner,
    _missing_outcome_known,
    _policy_decides,
)
