"""Actions that move outcomes, and a control share that could not be given."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_policy import actions_of, outcomes_of
from assay.charter.finding import Finding, Path
from assay.charter.policy import REFER
from assay.charter.value import Payoffs
from assay.errors import did_you_mean

__all__ = ["RULES"]

_COLUMN = "column:"
_AMOUNT = "decision"
"""What a regression calls the action that may move its outcome."""


def _moved_by(charter: Charter) -> Iterator[Finding]:
    regression = charter.task == "regression"
    asked = (REFER,) if charter.value.refer is not None else ()
    actions = (_AMOUNT,) if regression else (*actions_of(charter.value), *asked)
    for i, action in enumerate(charter.data.moved_by):
        if action not in actions:
            mend = did_you_mean(action, actions) or f"name one of: {', '.join(actions)}"
            problem = "no such action in `value.actions`"
            if regression:
                problem = "a regression has no named actions, only the amount decided"
            yield Finding(("data", "moved_by", i), problem, mend)


def _control_can_be_given(charter: Charter) -> Iterator[Finding]:
    """The control gets the baseline's action when it is served: its column must be known then."""
    value, data = charter.value, charter.data
    rule = str(value.baselines.get(value.baseline, ""))
    if not charter.release.control_share or not rule.startswith(_COLUMN):
        return
    column = rule.removeprefix(_COLUMN).strip()
    if column in (data.outcome, *data.known_after):
        yield Finding(
            ("value", "baselines", value.baseline),
            f"`release.control_share` gives this baseline's action to the control when it is "
            f"served, and nobody knows `{column}` by then",
            "take the actions from a column that is sent with each case, name another baseline, "
            "or set the control share to 0",
        )


def _unmoved_is_paid(charter: Charter) -> Iterator[Finding]:
    """What comes anyway has its worth: no share can show what the payoffs leave out."""
    yield from _paid_alike(charter, ("value",), charter.value)
    for i, change in enumerate(charter.value.changes):
        yield from _paid_alike(charter, ("value", "changes", i), change)


def _paid_alike(charter: Charter, path: Path, given: Payoffs) -> Iterator[Finding]:
    """Yield actions of one amount beside an action that changes the outcome and pays by it."""
    moved = charter.data.moved_by
    paid = {**(charter.value.actions or {}), **(given.actions or {})}
    moving = next((name for name in moved if isinstance(paid.get(name), dict)), None)
    if moving is None:
        return
    outcomes = outcomes_of(charter.value)
    positive = str(charter.data.positive)
    wanted = positive if positive in outcomes else outcomes[0]
    for action, cell in (given.actions or {}).items():
        if action in moved or isinstance(cell, dict):
            continue
        amount = f"{cell:g}" if isinstance(cell, int | float) else f"`{cell}`"
        open_row = ", ".join(f"{name}: …" for name in outcomes)
        same = ", ".join(f"{name}: {amount.strip('`')}" for name in outcomes)
        yield Finding(
            (*path, "actions", action),
            f"`{moving}` changes the outcome (`data.moved_by`), but `{action}` pays {amount} also "
            f"when `{wanted}` comes without it",
            f"say what it is worth then, with a payoff for each outcome: `{action}: "
            f"{{{open_row}}}`; if it is worth no other amount, state it so: `{{{same}}}`",
        )


RULES = (_control_can_be_given, _moved_by, _unmoved_is_paid)
