"""A release that could not be decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.charter.delay import rows_or_time
from assay.charter.faults_of_payoffs import payoff_bounds
from assay.charter.faults_of_policy import outcomes_of
from assay.charter.finding import Finding, Path
from assay.charter.policy import REFER
from assay.errors import did_you_mean

__all__ = ["RULES"]

_MONTHS = 12


def _canary_bounded(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    unbounded = value.under is not None and "outcome" not in value.caps
    if charter.release.watched and unbounded:
        yield Finding(
            ("value", "caps", "outcome"),
            f"a {charter.release.strategy} release is decided by the most that one decision can "
            "cost, and nothing bounds that",
            "add `outcome: [least, most]` under `value.caps`, or write "
            "`release.strategy: immediate`",
        )


def _tried_by_value(charter: Charter) -> str:
    """Return the strategy, in any environment, that promotes by value; empty where none does."""
    used = (charter.release.strategy, *(one.strategy for one in charter.environments.values()))
    return next((one for one in ("canary", "shadow") if one in used), "")


def _budget_below_stakes(charter: Charter) -> Iterator[Finding]:
    release, bounds = charter.release, payoff_bounds(charter)
    if not release.watched or bounds is None:
        return
    stakes = bounds[1] - bounds[0]
    if stakes <= 0:
        yield Finding(
            ("release", "strategy"),
            f"every decision pays the same, so that a {release.strategy} release has nothing to "
            "compare",
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


def _guardrails_tell(charter: Charter) -> Iterator[Finding]:
    release, capture = charter.release, charter.serving.capture
    labels = [one.label for one in release.guardrails]
    for i, one in enumerate(release.guardrails):
        path: Path = ("release", "guardrails", i)
        if one.label in labels[:i]:
            yield Finding(path, "it stands there twice", "take one of them out")
        if one.compared and release.strategy == "staged":
            yield Finding(
                (*path, "compared"),
                "parts of a fleet are not drawn by chance, so that comparing them tells regions "
                "apart and not versions",
                "give a `limit` of its own, or take another strategy",
            )
        column = one.column
        lost = column is not None and capture.columns is not None and column not in capture.columns
        if column is not None and (lost or column in capture.protected):
            yield Finding(
                (*path, "column"),
                f"captures do not keep `{column}` as it is, so that nobody sees whose case one is",
                "keep it under `serving.capture`, or take the guardrail out",
            )


def _guardrails_name_actions(charter: Charter) -> Iterator[Finding]:
    actions = tuple(charter.value.actions or ())
    if charter.value.refer is not None and actions:
        actions = (*actions, REFER)
    for i, one in enumerate(charter.release.guardrails):
        path: Path = ("release", "guardrails", i)
        if one.action is not None and actions and one.action not in actions:
            mend = did_you_mean(one.action, actions) or f"name one of: {', '.join(actions)}"
            yield Finding((*path, "action"), "no payoff names this action", mend)
        if one.metric == "referrals" and charter.value.refer is None:
            yield Finding(
                (*path, "metric"),
                "no case is ever referred to a person: the charter has no `value.refer`",
                "give `value.refer` a cost and an accuracy, or take the guardrail out",
            )


def _copies_are_known(charter: Charter) -> Iterator[Finding]:
    release, entity = charter.release, charter.data.entity
    shadow = release.strategy == "shadow" and release.shadow_share < 1
    if shadow and entity is not None and entity in charter.serving.capture.protected:
        yield Finding(
            ("release", "shadow_share"),
            f"captures do not keep `{entity}` as it is, so that a copy that was dropped cannot be "
            "told from one that was never due",
            "copy every case: `shadow_share: 1`",
        )


def _soak_in_time(charter: Charter) -> Iterator[Finding]:
    places: list[tuple[Path, Span]] = [(("release", "soak"), charter.release.soak)]
    places += [
        (("environments", name, "soak"), one.soak) for name, one in charter.environments.items()
    ]
    for path, soak in places:
        if soak.count and not isinstance(rows_or_time(soak, charter), timedelta):
            yield Finding(
                path,
                "the controller looks at a clock, and this is a number of rows",
                "write hours or days: `12 hours`",
            )


RULES = (
    _soak_in_time,
    _canary_bounded,
    _budget_below_stakes,
    _unit_has_an_owner,
    _missing_outcome_known,
    _policy_decides,
    _guardrails_tell,
    _guardrails_name_actions,
    _copies_are_known,
)
