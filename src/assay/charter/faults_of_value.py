"""A value model whose outcomes and baselines do not go together."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from assay.charter.charter import Charter
from assay.charter.data import Data
from assay.charter.faults_of_payoffs import expression_finding
from assay.charter.faults_of_policy import actions_of, outcomes_of
from assay.charter.finding import Finding, Path
from assay.charter.policy import REFER, Cell
from assay.errors import ExpressionError, did_you_mean
from assay.expression import parse

__all__ = ["RULES"]

_COLUMN = "column:"


def _baseline_defined(charter: Charter) -> Iterator[Finding]:
    names = charter.value.baselines
    if charter.value.baseline not in names:
        mend = did_you_mean(charter.value.baseline, names) or f"name one of: {', '.join(names)}"
        yield Finding(("value", "baseline"), "no such baseline in `value.baselines`", mend)


def _two_actions(charter: Charter) -> Iterator[Finding]:
    actions = charter.value.actions
    if actions is not None and len(actions) < 2:
        mend = "add what is done otherwise, as in `skip: 0`"
        yield Finding(("value", "actions"), "one action leaves nothing to decide", mend)


def _several_outcomes(charter: Charter) -> Iterator[Finding]:
    if charter.value.actions is None:
        return
    outcomes = outcomes_of(charter.value)
    if not outcomes:
        mend = "give an action one payoff for each outcome: `call: {yes: 9, no: -1}`"
        yield Finding(("value", "actions"), "no payoff depends on the outcome", mend)
    elif len(outcomes) == 1:
        problem = f"it names one outcome ({outcomes[0]}); two or more are needed"
        mend = "give a payoff for each outcome that the data has"
        yield Finding(("value", "actions"), problem, mend)


def _table_complete(charter: Charter) -> Iterator[Finding]:
    outcomes = outcomes_of(charter.value)
    for action, row in (charter.value.actions or {}).items():
        missing = [name for name in outcomes if isinstance(row, dict) and name not in row]
        if missing and len(outcomes) > 1:
            names = ", ".join(f"`{name}`" for name in missing)
            plural = "s" if len(missing) > 1 else ""
            path = ("value", "actions", action, missing[0])
            mend = f"add `{missing[0]}: …` (0 where nothing happens), or mend its spelling"
            yield Finding(path, f"no payoff for outcome{plural} {names}", mend)


def _positive_in_table(charter: Charter) -> Iterator[Finding]:
    """Two outcomes, or a threshold on one's probability, need to know which is positive."""
    if charter.task == "regression":
        return
    outcomes, path = outcomes_of(charter.value), ("data", "positive")
    if charter.data.positive is None:
        if len(outcomes) > 2 and charter.value.policy.kind != "threshold":
            return
        mend = "add `positive: …`, one of the outcomes in `value.actions`"
        yield Finding(path, "missing: which outcome counts as positive?", mend)
        return
    positive = _label(charter.data)
    if outcomes and positive not in outcomes:
        mend = did_you_mean(positive, outcomes) or f"name one of: {', '.join(outcomes)}"
        yield Finding(path, "not an outcome in `value.actions`", mend)


def _label(data: Data) -> str:
    positive = data.positive
    return str(positive).lower() if isinstance(positive, bool) else str(positive)


def _costs_weigh(charter: Charter) -> Iterator[Finding]:
    value = charter.value
    if value.under == 0 and value.over == 0:
        mend = "give what a unit too low and a unit too high cost"
        yield Finding(("value", "under"), "being wrong costs nothing", mend)


def _baselines_fit(charter: Charter) -> Iterator[Finding]:
    for name, rule in charter.value.baselines.items():
        path = ("value", "baselines", name)
        if charter.task == "classification":
            asked = (REFER,) if charter.value.refer is not None else ()
            yield from _names_action(path, rule, (*actions_of(charter.value), *asked))
        elif rule != "best_constant":
            yield from _formula(path, rule, charter.data)


def _names_action(path: Path, rule: Cell, actions: Collection[str]) -> Iterator[Finding]:
    text = str(rule)
    if text.startswith(_COLUMN):
        if not text.removeprefix(_COLUMN).strip():
            yield Finding(path, "no column is named", 'write "column: NAME"')
    elif text not in actions:
        mend = did_you_mean(text, actions) or (
            f'name an action ({", ".join(actions)}), or "column: NAME" that holds actions'
        )
        yield Finding(path, "no such action in `value.actions`", mend)


def _formula(path: Path, rule: Cell, data: Data) -> Iterator[Finding]:
    try:
        columns = parse(str(rule)).columns
    except ExpressionError as error:
        yield expression_finding(path, error)
        return
    for column in sorted(columns.intersection({*data.known_after, data.outcome})):
        problem = f"the baseline reads `{column}`, which nobody knows when deciding"
        yield Finding(path, problem, "use columns that are known before the decision")
    if "".join(filter(str.isalpha, str(rule))).lower() == "bestconstant":
        yield Finding(path, "no such rule", "did you mean `best_constant`?")


RULES = (
    _baseline_defined,
    _two_actions,
    _several_outcomes,
    _table_complete,
    _positive_in_table,
    _costs_weigh,
    _baselines_fit,
)
