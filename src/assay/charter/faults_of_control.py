"""Actions that move outcomes, and a control share that could not be given."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_policy import actions_of
from assay.charter.finding import Finding
from assay.errors import did_you_mean

__all__ = ["RULES"]

_COLUMN = "column:"
_AMOUNT = "decision"
"""What a regression calls the action that may move its outcome."""


def _moved_by(charter: Charter) -> Iterator[Finding]:
    regression = charter.task == "regression"
    actions = (_AMOUNT,) if regression else tuple(actions_of(charter.value))
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


RULES = (_control_can_be_given, _moved_by)
