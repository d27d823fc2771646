"""A person that cases are referred to, who does not fit the payoffs."""

from __future__ import annotations

from collections.abc import Iterator

from assay.charter.charter import Charter
from assay.charter.faults_of_policy import actions_of, outcomes_of, unknown_key
from assay.charter.finding import Finding, Path
from assay.charter.policy import REFER
from assay.charter.unread import apart
from assay.charter.value import Payoffs, ValueModel

__all__ = ["RULES"]


def _named_actions(charter: Charter) -> Iterator[Finding]:
    if charter.value.refer is None:
        return
    if charter.task == "regression":
        mend = "take it out: an amount is decided for every case"
        yield Finding(("value", "refer"), "a regression has no named actions", mend)
    elif REFER in actions_of(charter.value):
        mend = "give that action another name"
        yield Finding(("value", "actions", REFER), "is also what `value.refer` adds", mend)


def _confusions(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    if charter.task == "regression":
        return
    given: list[tuple[Path, Payoffs]] = [(("value",), value)]
    given += [(("value", "changes", i), change) for i, change in enumerate(value.changes)]
    yield from apart(
        check((*path, "refer", "confusion"), one, value)
        for path, one in given
        for check in (_every_outcome, _known_names, _whole)
    )


def _every_outcome(path: Path, given: Payoffs, value: ValueModel) -> Iterator[Finding]:
    if given.refer is None or given.refer.confusion is None:
        return
    for outcome in outcomes_of(value):
        if outcome not in given.refer.confusion:
            mend = f"add `{outcome}: {{…}}`, how people decide then"
            yield Finding((*path, outcome), "missing", mend)


def _known_names(path: Path, given: Payoffs, value: ValueModel) -> Iterator[Finding]:
    if given.refer is None or given.refer.confusion is None:
        return
    for outcome, shares in given.refer.confusion.items():
        yield from unknown_key((*path, outcome), outcomes_of(value), "outcome")
        for action in shares:
            yield from unknown_key((*path, outcome, action), actions_of(value))


def _whole(path: Path, given: Payoffs, _: ValueModel) -> Iterator[Finding]:
    if given.refer is None or given.refer.confusion is None:
        return
    for outcome, shares in given.refer.confusion.items():
        if abs(sum(shares.values()) - 1) > 1e-6:
            mend = "the shares of the actions add up to 1"
            yield Finding((*path, outcome), f"the shares add up to {sum(shares.values()):g}", mend)


RULES = (_confusions, _named_actions)
