"""A decision policy, a capacity or a person that cases are referred to, which do not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from assay.charter.charter import Charter
from assay.charter.faults_of_payoffs import expression_finding
from assay.charter.finding import Finding, Path
from assay.charter.policy import REFER, Refer
from assay.charter.value import Uncertainty, ValueModel
from assay.errors import ExpressionError, did_you_mean
from assay.expression import parse

__all__ = ["RULES", "actions_of", "outcomes_of"]


def actions_of(value: ValueModel) -> tuple[str, ...]:
    """Return the actions that a charter names, without `refer`; none in regression."""
    plugged = value.function.actions if value.function is not None else None
    return tuple(value.actions or plugged or ())


def outcomes_of(value: ValueModel) -> tuple[str, ...]:
    """Return the outcomes that a charter's payoffs name, in their order."""
    plugged = value.function.outcomes if value.function is not None else None
    return _outcomes(value.actions or {}) or plugged or ()


def _outcomes(actions: Mapping[str, Any]) -> tuple[str, ...]:
    rows = [row for row in actions.values() if isinstance(row, dict)]
    return tuple(dict.fromkeys(outcome for row in rows for outcome in row))


def _policy_fits(charter: Charter) -> Iterator[Finding]:
    policy, actions = charter.value.policy, actions_of(charter.value)
    if policy.kind == "best_action":
        return
    if charter.task == "regression":
        mend = "write `policy: best_action`; it decides the best amount"
        yield Finding(("value", "policy"), f"{policy.kind} needs named actions", mend, policy.kind)
        return
    if policy.kind == "budget":
        return
    for key, action in (("action", policy.action), ("otherwise", policy.otherwise)):
        if action is not None:
            yield from _known(("value", "policy", key), action, actions)
    if policy.action == policy.otherwise:
        mend = "name another action"
        yield Finding(("value", "policy", "otherwise"), "the same as `action`", mend)
    if policy.otherwise is None and len(actions) > 2:
        mend = "add `otherwise: …`, what is done with the other cases"
        yield Finding(("value", "policy", "otherwise"), "missing among several actions", mend)


def _known(
    path: Path, name: str, among: Collection[str], what: str = "action"
) -> Iterator[Finding]:
    if name not in among:
        mend = did_you_mean(name, among) or f"name one of: {', '.join(among)}"
        yield Finding(path, f"no such {what} in `value.actions`", mend)


def _capacity(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    limits: list[tuple[Path, Any]] = []
    if value.policy.kind == "top_k":
        limits.append((("value", "policy"), value.policy))
    if value.refer is not None and value.refer.capacity is not None:
        limits.append((("value", "refer", "capacity"), value.refer.capacity))
    for path, limit in limits:
        if limit.of is not None and limit.k > limit.of:
            mend = f"write a `k` of at most {limit.of}"
            yield Finding((*path, "k"), f"the best {limit.k} of {limit.of}", mend)


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


def _costs(charter: Charter) -> Iterator[Finding]:
    policy = charter.value.policy
    if policy.kind != "budget":
        return
    actions = actions_of(charter.value)
    known = (*actions, REFER) if charter.value.refer is not None else actions
    for action, cell in policy.costs.items():
        path: Path = ("value", "policy", "costs", action)
        yield from _known(path, action, known)
        try:
            formula = parse(str(cell))
            if formula.bounds(charter.value.caps)[0] < 0:
                yield Finding(path, "may be below zero", "give what one case uses up")
        except ExpressionError as error:
            yield expression_finding(path, error)


def _refer_fits(charter: Charter) -> Iterator[Finding]:
    refer, path = charter.value.refer, ("value", "refer")
    if refer is None:
        return
    if charter.task == "regression":
        mend = "take it out: an amount is decided for every case"
        yield Finding(path, "a regression has no named actions", mend)
        return
    if REFER in actions_of(charter.value):
        mend = "give that action another name"
        yield Finding(("value", "actions", REFER), "is also what `value.refer` adds", mend)
    if refer.confusion is not None:
        yield from _confusion(refer, charter.value)


def _confusion(refer: Refer, value: ValueModel) -> Iterator[Finding]:
    outcomes, actions = outcomes_of(value), actions_of(value)
    table = refer.confusion or {}
    path: Path = ("value", "refer", "confusion")
    for outcome in outcomes:
        if outcome not in table:
            mend = f"add `{outcome}: {{…}}`, how people decide then"
            yield Finding((*path, outcome), "missing", mend)
    for outcome, shares in table.items():
        yield from _known((*path, outcome), outcome, outcomes, "outcome")
        for action in shares:
            yield from _known((*path, outcome, action), action, actions)
        if abs(sum(shares.values()) - 1) > 1e-6:
            mend = "the shares of the actions add up to 1"
            yield Finding((*path, outcome), f"the shares add up to {sum(shares.values()):g}", mend)


def _changes(charter: Charter) -> Iterator[Finding]:
    value, told = charter.value, set()
    for i, change in enumerate(value.changes):
        path: Path = ("value", "changes", i)
        if change.since in told:
            mend = "join the changes of one day in one entry"
            yield Finding((*path, "since"), "the same day twice", mend)
        told.add(change.since)
        for key in ("actions", "payoff", "under", "over"):
            if getattr(change, key) is not None and getattr(value, key) is None:
                mend = "change what `value` itself gives"
                yield Finding((*path, key), f"`value.{key}` is not given", mend)
        if change.actions is not None and value.actions is not None:
            same = set(change.actions) == set(value.actions)
            if not same or set(_outcomes(change.actions)) != set(_outcomes(value.actions)):
                mend = "name the same actions and outcomes; a new one needs a new model"
                yield Finding((*path, "actions"), "not the actions and outcomes of `value`", mend)


def _ranges(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    for key in Uncertainty.model_fields:
        given = getattr(value.uncertainty, key)
        path: Path = ("value", "uncertainty", key)
        if given is None:
            continue
        least, most = given
        likeliest = getattr(value, key)
        if least < 0:
            yield Finding(path, "below zero", "give the least and the most, from 0 on")
        elif not least <= likeliest <= most:
            problem = f"`value.{key}` ({likeliest:g}), the likeliest, is not between the two"
            yield Finding(path, problem, "write [least, most] around it")


def _function(charter: Charter) -> Iterator[Finding]:
    function = charter.value.function
    if function is None:
        return
    path: Path = ("value", "function")
    if function.bounds[0] > function.bounds[1]:
        least, most = function.bounds
        yield Finding((*path, "bounds"), "the least is above the most", f"write [{most}, {least}]")
    if (function.actions is None) != (function.outcomes is None):
        mend = "give both for classification, neither for regression"
        yield Finding(path, "`actions` and `outcomes` go together", mend)
    for column in charter.data.known_after:
        if column in function.columns:
            problem = f"it reads `{column}`, known only after the decision"
            yield Finding((*path, "columns"), problem, "use columns that are known before")


RULES = (
    _policy_fits,
    _capacity,
    _band,
    _costs,
    _refer_fits,
    _changes,
    _ranges,
    _function,
)
