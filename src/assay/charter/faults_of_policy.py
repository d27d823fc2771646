"""A decision policy or a payoff function that does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from assay.charter.charter import Charter
from assay.charter.finding import Finding, Path
from assay.charter.merged import named_outcomes
from assay.charter.value import ValueModel
from assay.errors import did_you_mean

__all__ = ["RULES", "actions_of", "outcomes_of", "unknown_key", "unknown_name"]


def actions_of(value: ValueModel) -> tuple[str, ...]:
    """Return the actions that a charter names, without `refer`; none in regression."""
    plugged = value.function.actions if value.function is not None else None
    return tuple(value.actions or plugged or ())


def outcomes_of(value: ValueModel) -> tuple[str, ...]:
    """Return the outcomes that a charter's payoffs name, in their order."""
    plugged = value.function.outcomes if value.function is not None else None
    return named_outcomes(value.actions or {}) or plugged or ()


def unknown_name(
    path: Path, name: str, among: Collection[str], what: str = "action"
) -> Iterator[Finding]:
    """Yield a finding where a value is none of the names that it may be."""
    if name not in among:
        mend = did_you_mean(name, among) or f"name one of: {', '.join(among)}"
        yield Finding(path, f"no such {what} in `value.actions`", mend)


def unknown_key(path: Path, among: Collection[str], what: str = "action") -> Iterator[Finding]:
    """Yield a finding where the key at the end of a path is none of the names that it may be."""
    name = str(path[-1])
    for finding in unknown_name(path, name, among, what):
        yield finding._replace(given=f"`{name}`")


def _policy_of_task(charter: Charter) -> Iterator[Finding]:
    kind = charter.value.policy.kind
    if charter.task == "regression" and kind != "best_action":
        mend = "write `policy: best_action`; it decides the best amount"
        yield Finding(("value", "policy"), f"{kind} needs named actions", mend, kind)


def _acts(charter: Charter) -> Iterator[Finding]:
    policy, path = charter.value.policy, ("value", "policy", "action")
    if policy.kind == "best_action" or charter.task == "regression":
        return
    if policy.kind == "budget":
        return
    yield from unknown_name(path, policy.action, actions_of(charter.value))


def _acts_otherwise(charter: Charter) -> Iterator[Finding]:
    policy, path = charter.value.policy, ("value", "policy", "otherwise")
    if policy.kind == "best_action" or charter.task == "regression":
        return
    if policy.kind == "budget":
        return
    actions = actions_of(charter.value)
    if policy.otherwise is not None:
        yield from unknown_name(path, policy.otherwise, actions)
        if policy.action == policy.otherwise:
            yield Finding(path, "the same as `action`", "name another action")
    elif len(actions) > 2:
        mend = "add `otherwise: …`, what is done with the other cases"
        yield Finding(path, "missing among several actions", mend)


def _band(charter: Charter) -> Iterator[Finding]:
    policy = charter.value.policy
    if policy.kind != "threshold" or policy.refer_from is None:
        return
    path: Path = ("value", "policy", "refer_from")
    if charter.value.refer is None:
        mend = "add `value.refer` with its cost and accuracy, or take `refer_from` out"
        yield Finding(path, "nobody is there to refer cases to", mend)
    elif policy.at is not None and policy.refer_from > policy.at:
        mend = f"write a probability of at most {policy.at:g}"
        yield Finding(path, f"above the threshold `at: {policy.at:g}`", mend)


def _function_bounds(charter: Charter) -> Iterator[Finding]:
    function = charter.value.function
    if function is not None and function.bounds[0] > function.bounds[1]:
        least, most = function.bounds
        mend = f"write [{most:g}, {least:g}]"
        yield Finding(("value", "function", "bounds"), "the least is above the most", mend)


def _function_of_task(charter: Charter) -> Iterator[Finding]:
    function = charter.value.function
    if function is not None and (function.actions is None) != (function.outcomes is None):
        mend = "give both for classification, neither for regression"
        yield Finding(("value", "function"), "`actions` and `outcomes` go together", mend)


def _function_reads(charter: Charter) -> Iterator[Finding]:
    function = charter.value.function
    if function is None:
        return
    for column in charter.data.known_after:
        if column in function.columns:
            problem = f"it reads `{column}`, known only after the decision"
            path: Path = ("value", "function", "columns")
            yield Finding(path, problem, "use columns that are known before")


RULES = (
    _policy_of_task,
    _acts,
    _acts_otherwise,
    _band,
    _function_bounds,
    _function_of_task,
    _function_reads,
)
