"""What the charter changes on agreed dates: what a model was measured with, and what comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from assay.charter.charter import Charter
from assay.charter.value import Change

__all__ = ["changes_ahead", "changes_in_words", "changes_made"]

_COSTS = {
    "run_cost_per_month": "the running cost",
    "cost_per_decision": "the cost of each decision",
    "retraining_cost": "the cost of a retraining",
}
_PAYOFFS = {
    "actions": "payoffs",
    "under": "payoffs",
    "over": "payoffs",
    "payoff": "payoffs",
    "refer": "referring",
}


def changes_made(charter: Charter) -> tuple[Change, ...]:
    """Return the dated changes that this charter, as it holds on some day, has made already."""
    changes = _in_order(charter)
    now, agreed = dict(charter.value), charter.agreed.value
    if now == dict(agreed):
        return ()
    held = [one.since for one in changes if dict(agreed.at(one.since)) == now]
    return tuple(one for one in changes if held and one.since <= max(held))


def changes_ahead(charter: Charter) -> tuple[Change, ...]:
    """Return the dated changes that are still to come."""
    return _in_order(charter)[len(changes_made(charter)) :]


def changes_in_words(charter: Charter, start: date | None) -> tuple[str, ...]:
    """Say how the business case, which begins on a day or no one knows when, takes what changes."""
    ahead = changes_ahead(charter)
    if not ahead:
        return ()
    costs, payoffs = list(_named(ahead, _COSTS)), list(_named(ahead, _PAYOFFS))
    if start is None:
        words = (
            f"The charter changes {_listed([*payoffs, *costs])}. The business case leaves that "
            f"out, for {_undated(charter)}; with dates it would charge changed costs in their "
            "months."
        )
        return (words,)
    words = f"The business case begins on {start:%Y-%m-%d}."
    if costs:
        words += f" It charges what changes in its month: {_listed(costs)}."
    if payoffs:
        words += (
            f" It leaves out what changes {_listed(payoffs)}: the uplift stays as measured on the "
            "test rows."
        )
    return (words,)


def _in_order(charter: Charter) -> tuple[Change, ...]:
    return tuple(sorted(charter.value.changes, key=lambda one: one.since))


def _named(changes: Sequence[Change], names: dict[str, str]) -> Iterator[str]:
    """Say of each change what it changes of the named fields, and from when on."""
    for one in changes:
        found = [words for name, words in names.items() if getattr(one, name) is not None]
        if found:
            yield f"{' and '.join(dict.fromkeys(found))} from {one.since:%Y-%m-%d} on"


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts)


def _undated(charter: Charter) -> str:
    if charter.data.time is None:
        return "`data.time` names no column of dates that would say when its months are"
    return (
        f"the column that `data.time` names, `{charter.data.time}`, holds no dates that would say "
        "when its months are"
    )
