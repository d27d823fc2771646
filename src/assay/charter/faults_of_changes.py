"""Changes by date that change nothing, or what the value model does not have."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_policy import outcomes_of, unknown_key
from assay.charter.finding import Finding, Path
from assay.charter.unread import apart
from assay.charter.value import Change, ValueModel

__all__ = ["RULES"]

_NEW = "a new one needs a new model"


def _each_change(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    yield from apart(
        check(("value", "changes", i), change, value)
        for i, change in enumerate(value.changes)
        for check in (_changes_something, _given_before, _known_actions, _known_outcomes)
    )


def _days(charter: Charter) -> Iterator[Finding]:
    changes = charter.value.changes
    yield from apart(_own_day(changes, i) for i in range(len(changes)))


def _own_day(changes: tuple[Change, ...], i: int) -> Iterator[Finding]:
    day = changes[i].since
    for other in changes[:i]:
        # Asked for apart: an earlier date that cannot be read hides no pair of later ones.
        yield from apart((_twice(("value", "changes", i, "since"), day, other),))


def _twice(path: Path, day: object, other: Change) -> Iterator[Finding]:
    if other.since == day:
        yield Finding(path, "the same day twice", "join the changes of one day in one entry")


def _changes_something(path: Path, change: Change, _: ValueModel) -> Iterator[Finding]:
    rest = [
        getattr(change, name) for name in Change.model_fields if name not in ("since", "actions")
    ]
    cells = [row for row in (change.actions or {}).values() if row != {}]
    if not cells and all(one is None for one in rest):
        mend = "name what holds from then on, as `run_cost_per_month: …`, or take the entry out"
        yield Finding(path, "it changes nothing", mend)


def _given_before(path: Path, change: Change, value: ValueModel) -> Iterator[Finding]:
    for key in ("actions", "payoff", "under", "over", "refer"):
        if getattr(change, key) is not None and getattr(value, key) is None:
            mend = f"change what `value` itself gives; {_NEW}"
            yield Finding((*path, key), f"`value.{key}` is not given", mend)


def _known_actions(path: Path, change: Change, value: ValueModel) -> Iterator[Finding]:
    if change.actions is not None and value.actions is not None:
        for action in change.actions:
            yield from unknown_key((*path, "actions", action), value.actions)


def _known_outcomes(path: Path, change: Change, value: ValueModel) -> Iterator[Finding]:
    outcomes = outcomes_of(value)
    if value.actions is None or not outcomes:
        return
    for action, row in (change.actions or {}).items():
        for outcome in row if isinstance(row, dict) else ():
            yield from unknown_key((*path, "actions", action, outcome), outcomes, "outcome")


RULES = (_days, _each_change)
