"""What an exported model's runner is told: the policy as trees and numbers, the door, the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.charter.policy import Threshold, TopK
from assay.errors import InputError
from assay.expression import Expression, parse
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.forecaster import Forecaster
from assay.value.classification import ClassificationValuation
from assay.value.continuous_payoff import PayoffFunction, UnitCosts
from assay.value.payoff import Caps, PayoffTable
from assay.value.regression import RegressionValuation
from assay.value.valuation import Valuation

__all__ = ["edge_policy", "tree"]

Tree = float | list[Any]
"""A number, `["column", name]`, or an operation and its arguments: `["+", tree, tree]`."""


def edge_policy(
    valuation: Valuation, forecaster: Forecaster, inputs: Sequence[str]
) -> dict[str, Any]:
    """Return `policy.json` of an exported model (see `edge/deciding.py`), format 1.

    `also` are the columns besides the model's `inputs` that a case must bring. Raises InputError
    for what cannot leave this installation: a payoff function of another package, or a capacity
    whose price was not learned.
    """
    also = sorted(valuation.columns - set(inputs))
    document: dict[str, Any] = {"format": 1, "task": valuation.task, "also": also}
    if isinstance(valuation, ClassificationValuation):
        return document | _of_choice(valuation, isinstance(forecaster, CellCalibrator))
    if isinstance(valuation, RegressionValuation):
        return document | {"payoff": _of_amount(valuation)}
    raise InputError(f"A valuation of the kind {type(valuation).__name__} cannot be exported.")


def tree(expression: Expression | float) -> Tree:
    """Return an expression as a tree, which a runner works out without reading text as code.

    >>> tree(parse("9 * (fee - 1)"))
    ['*', 9.0, ['-', ['column', 'fee'], 1.0]]
    """
    if not isinstance(expression, Expression):
        return float(expression)
    stack: list[Tree] = []
    for step in expression.program:
        if isinstance(step, float):
            stack.append(step)
        elif len(step) == 1:
            stack.append(["column", step.name])
        else:
            arguments = stack[-step.arguments :]
            del stack[-step.arguments :]
            stack.append([step.name, *arguments])
    return stack[0]


def _of_choice(valuation: ClassificationValuation, by_cells: bool) -> dict[str, Any]:
    if valuation.limits and valuation.prices is None:
        raise InputError(
            "The policy shares a capacity out among cases, and no price for it was learned: a case "
            "that comes alone cannot be decided. Build the model again, then export it."
        )
    return {
        "labels": list(valuation.labels),
        "actions": list(valuation.actions),
        "table": _table(valuation),
        "reviewer": None if valuation.reviewer is None else valuation.reviewer.document(),
        "policy": _rule(valuation),
        "limits": [[tree(_cell(cost)) for cost in limit.costs] for limit in valuation.limits],
        "prices": list(valuation.prices or ()),
        "stake": _stake(valuation.calibrated_under or valuation) if by_cells else None,
    }


def _table(valuation: ClassificationValuation) -> dict[str, Any]:
    table = valuation.table
    if not isinstance(table, PayoffTable):
        raise _code_stays(table.plugin.name)
    cells = [[tree(term) for term in row] for row in table.terms]
    return {"cells": cells, "caps": _caps(table.caps)}


def _rule(valuation: ClassificationValuation) -> dict[str, Any]:
    policy, actions = valuation.policy, valuation.actions
    refer = None if valuation.reviewer is None else len(actions) - 1
    if isinstance(policy, Threshold):
        at = policy.at if policy.at is not None else valuation.learned
        if at is None:
            raise InputError(
                "The policy's threshold was not learned yet: a case that comes alone cannot be "
                "decided. Build the model again, or give `value.policy.at`; then export it."
            )
        act, rest = actions.index(policy.action), actions.index(policy.otherwise or actions[0])
        codes = {"act": act, "rest": rest, "refer": refer}
        return {"kind": "threshold", "at": at, "refer_from": _refers_from(valuation), **codes}
    if isinstance(policy, TopK):
        act, rest = actions.index(policy.action), actions.index(policy.otherwise or actions[0])
        return {"kind": "top_k", "codes": [rest, act, *([] if refer is None else [refer])]}
    return {"kind": policy.kind}


def _refers_from(valuation: ClassificationValuation) -> float | None:
    """Return the probability from which a threshold policy refers; None where nobody is asked."""
    if valuation.reviewer is None:
        return None
    agreed = valuation.policy.refer_from if isinstance(valuation.policy, Threshold) else None
    found = valuation.refers_from if agreed is None else agreed
    if found is None:
        raise InputError(
            "The probability from which the policy refers to a person was not learned: a case that "
            "comes alone cannot be decided as others are. Build the model again, or give "
            "`value.policy.refer_from`; then export it."
        )
    return found


def _stake(valuation: ClassificationValuation) -> dict[str, Any] | None:
    """Return what says how much hangs on a case; None where no payoff reads a column."""
    table, policy = valuation.table, valuation.policy
    if not table.columns:
        return None
    pair = [0, 1] if len(table.actions) == 2 else None
    if isinstance(policy, Threshold | TopK):
        rest = policy.otherwise or table.actions[0]
        pair = [table.actions.index(policy.action), table.actions.index(rest)]
    return {"table": _table(valuation), "pair": pair}


def _of_amount(valuation: RegressionValuation) -> dict[str, Any]:
    payoff = valuation.payoff
    if isinstance(payoff, UnitCosts):
        return {"under": payoff.under, "over": payoff.over, "caps": _caps(payoff.caps)}
    if isinstance(payoff, PayoffFunction):
        return {"tree": tree(payoff.expression), "caps": _caps(payoff.caps)}
    raise _code_stays(payoff.plugin.name)


def _cell(cost: float | str) -> Expression | float:
    """Read a cost; an expression that names no column is worked out at once."""
    found = parse(str(cost))
    return found if found.columns else float(found.evaluate({}))


def _caps(caps: Caps) -> dict[str, list[float]]:
    return {name: list(cap) for name, cap in sorted(caps.items())}


def _code_stays(name: str) -> InputError:
    return InputError(
        f"The payoff function {name!r} is code of an installed package, and an export carries no "
        "code but its own runner. Write the payoff as an expression in the charter, or serve "
        "this model with `assay up` or `assay.load` where the package is installed."
    )
