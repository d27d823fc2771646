"""Every rule that compares parts of a charter, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from assay.charter import (
    faults_of_capacity,
    faults_of_changes,
    faults_of_control,
    faults_of_data,
    faults_of_limits,
    faults_of_payoffs,
    faults_of_people,
    faults_of_policy,
    faults_of_refer,
    faults_of_release,
    faults_of_serving,
    faults_of_uncertainty,
    faults_of_value,
    faults_of_watching,
)
from assay.charter.charter import Charter
from assay.charter.faults_of_limits import guardrail_metrics
from assay.charter.finding import Finding
from assay.charter.unread import apart

__all__ = ["findings_between"]

_RULES = (
    *faults_of_data.RULES,
    *faults_of_value.RULES,
    *faults_of_payoffs.RULES,
    *faults_of_policy.RULES,
    *faults_of_capacity.RULES,
    *faults_of_refer.RULES,
    *faults_of_changes.RULES,
    *faults_of_uncertainty.RULES,
    *faults_of_people.RULES,
    *faults_of_limits.RULES,
    *faults_of_release.RULES,
    *faults_of_serving.RULES,
    *faults_of_watching.RULES,
    *faults_of_control.RULES,
)


def findings_between(charter: Charter, known_metrics: Collection[str] | None) -> list[Finding]:
    """Run every rule; one that needs an unreadable part stops there, the others go on.

    `charter` may be a Partial in the place of a charter.
    """
    rules: list[Callable[[Charter], Iterator[Finding]]] = [*_RULES]
    if known_metrics is not None:
        rules.append(partial(guardrail_metrics, known=known_metrics))
    return list(apart(rule(charter) for rule in rules))
