"""A capacity or a budget that does not fit, or that could never bind."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_policy import actions_of, unknown_key
from assay.charter.finding import Finding, Path
from assay.charter.policy import REFER, Cell, Refer, Windowed
from assay.charter.unread import apart
from assay.charter.value import Payoffs, ValueModel
from assay.errors import ExpressionError
from assay.expression import parse

__all__ = ["RULES"]


def _most_cases(limit: Windowed, value: ValueModel) -> tuple[float, str]:
    """Return the cases that no window of a limit exceeds, and in words why.

    A window of time has few cases on some days and many on others: a day or a week is taken to have
    at most those of a month, a month at most those of a year.
    """
    if limit.of is not None:
        return float(limit.of), f"no window has more than {limit.of}"
    volume, likely = value.decisions_per_month, value.uncertainty.decisions_per_month
    volume = volume if likely is None else max(volume, likely[1])
    if limit.per == "month":
        return 12 * volume, f"a whole year has about {12 * volume:g} cases"
    return volume, f"a whole month has about {volume:g} cases"


def _top_k(charter: Charter) -> Iterator[Finding]:
    policy, path = charter.value.policy, ("value", "policy", "k")
    if policy.kind == "top_k":
        without = "write `policy: best_action`"
        yield from _never_binds(path, policy, policy.k, charter.value, without)


def _capacities(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    given: list[tuple[Path, Payoffs]] = [(("value",), value)]
    given += [(("value", "changes", i), change) for i, change in enumerate(value.changes)]
    yield from apart(_capacity((*path, "refer"), one, value) for path, one in given)


def _capacity(path: Path, given: Payoffs, value: ValueModel) -> Iterator[Finding]:
    refer: Refer | None = given.refer
    if refer is not None and refer.capacity is not None:
        limit = refer.capacity
        without = "take `capacity` out"
        yield from _never_binds((*path, "capacity", "k"), limit, limit.k, value, without)


def _never_binds(
    path: Path, limit: Windowed, k: int, value: ValueModel, without: str
) -> Iterator[Finding]:
    most, why = _most_cases(limit, value)
    if k >= most:
        window = f"of {limit.of}" if limit.of is not None else f"a {limit.per}"
        smaller = f"write a `k` below {most:g}, or " if most > 1 else ""
        mend = f"{smaller}{without} where there is no limit"
        yield Finding(path, f"{k} {window} can never bind: {why}", mend)


def _budget_names(charter: Charter) -> Iterator[Finding]:
    policy, value = charter.value.policy, charter.value
    if policy.kind == "budget":
        path: Path = ("value", "policy", "costs")
        yield from apart(_cost_named((*path, action), value) for action in policy.costs)


def _cost_named(path: Path, value: ValueModel) -> Iterator[Finding]:
    known = actions_of(value)
    if path[-1] != REFER:
        yield from unknown_key(path, known)
    elif value.refer is None:
        mend = "add `value.refer`, or take it out"
        yield Finding(path, "nobody is there to refer cases to", mend, f"`{REFER}`")


def _budget_amounts(charter: Charter) -> Iterator[Finding]:
    policy, value = charter.value.policy, charter.value
    if policy.kind != "budget":
        return
    used = {action: _bounds(cell, value) for action, cell in policy.costs.items()}
    for action, bounds in used.items():
        if bounds is not None and bounds[0] < 0:
            path: Path = ("value", "policy", "costs", action)
            yield Finding(path, "may be below zero", "give what one case uses up")
    most, why = _most_cases(policy, value)
    dearest = max((bounds[1] for bounds in used.values() if bounds is not None), default=0.0)
    if None not in used.values() and policy.amount >= most * dearest >= 0:
        yield Finding(
            ("value", "policy", "amount"),
            f"it can never be used up: {why}, and one uses up {dearest:g} at the most",
            f"write less than {most * dearest:g}, or write `policy: best_action` where there is "
            "no limit",
        )


def _bounds(cell: Cell, value: ValueModel) -> tuple[float, float] | None:
    """Return what one case can use up; None where that is told of elsewhere."""
    try:
        formula = parse(str(cell))
        if not formula.columns.issubset(value.caps):
            return None
        return formula.bounds(value.caps)
    except ExpressionError:
        return None


RULES = (_budget_amounts, _budget_names, _capacities, _top_k)
