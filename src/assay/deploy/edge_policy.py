"""What an exported model's runner is told: the policy as trees and numbers, the door, the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
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
    """Return `policy.json` of an exported model, as `Choice` or `Amounts` of the runner read it.

    All that can be worked out here is: what a runner gets are trees of arithmetic, one for each
    action and outcome, referring to a person among them. `also` are the columns besides the
    model's `inputs` that a case must bring. Raises InputError for what cannot leave this
    installation: a payoff function of another package, or a capacity whose price was not learned.
    """
    also = sorted(valuation.columns - set(inputs))
    document: dict[str, Any] = {"also": also}
    if isinstance(valuation, ClassificationValuation):
        return document | _of_choice(valuation, isinstance(forecaster, CellCalibrator))
    if isinstance(valuation, RegressionValuation):
        return document | _of_amount(valuation)
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
    table = _table(valuation)
    if valuation.reviewer is not None:
        table["cells"].append(_reviewed(table["cells"], valuation.reviewer.document()))
    codes, threshold = _rule(valuation)
    uses = [[tree(_cell(cost)) for cost in limit.costs] for limit in valuation.limits]
    return {
        "actions": list(valuation.actions),
        "table": table,
        "codes": codes,
        "threshold": threshold,
        "uses": {"cells": uses, "caps": table["caps"]},
        "prices": list(valuation.prices or ()) if uses else [],
        "stake": _stake(valuation.calibrated_under or valuation) if by_cells else None,
    }


def _table(valuation: ClassificationValuation) -> dict[str, Any]:
    table = valuation.table
    if not isinstance(table, PayoffTable):
        raise _code_stays(table.plugin.name)
    cells = [[tree(term) for term in row] for row in table.terms]
    return {"cells": cells, "caps": _caps(table.caps)}


def _reviewed(cells: list[list[Tree]], reviewer: Mapping[str, Any]) -> list[Tree]:
    """Return what a person's decision brings by outcome: their payoffs of the others', less cost.

    They take each action in some share of cases, or the best one as often as they are right and
    the worst one else.
    """
    found: list[Tree] = []
    for outcome, column in enumerate(zip(*cells, strict=True)):
        if reviewer["shares"] is None:
            right = reviewer["accuracy"] or 0.0
            terms: list[Tree] = [
                ["*", right, ["max", *column]],
                ["*", 1 - right, ["min", *column]],
            ]
        else:
            shares = reviewer["shares"][outcome]
            terms = [["*", cell, share] for cell, share in zip(column, shares, strict=True)]
        found.append(["-", reduce(lambda a, b: ["+", a, b], terms), reviewer["cost"]])
    return found


def _rule(valuation: ClassificationValuation) -> tuple[list[int], dict[str, Any] | None]:
    """Return the actions that are chosen among, and a threshold where there is one."""
    policy, actions = valuation.policy, valuation.actions
    refer = None if valuation.reviewer is None else len(actions) - 1
    every = list(range(len(actions)))
    if not isinstance(policy, Threshold | TopK):
        return every, None
    act, rest = actions.index(policy.action), actions.index(policy.otherwise or actions[0])
    if isinstance(policy, TopK):
        return [rest, act, *([] if refer is None else [refer])], None
    at = policy.at if policy.at is not None else valuation.learned
    if at is None:
        raise InputError(
            "The policy's threshold was not learned yet: a case that comes alone cannot be "
            "decided. Build the model again, or give `value.policy.at`; then export it."
        )
    band = {"act": act, "rest": rest, "refer": refer}
    return every, {"at": at, "refer_from": _refers_from(valuation), **band}


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
    """Return trees of the gain at stake and the gain left; None where no payoff reads a column."""
    table, policy = valuation.table, valuation.policy
    if not table.columns:
        return None
    told = _table(valuation)
    pair = (0, 1) if len(table.actions) == 2 else None
    if isinstance(policy, Threshold | TopK):
        other = policy.otherwise or table.actions[0]
        pair = table.actions.index(policy.action), table.actions.index(other)
    if pair is not None:
        act, rest = (told["cells"][place] for place in pair)
        left, right = (["-", act[outcome], rest[outcome]] for outcome in (0, 1))
        stakes = [["-", right, left], left]
    else:
        rises = [["-", row[1], row[0]] for row in told["cells"]]
        firsts = [row[0] for row in told["cells"]]
        stakes = [["-", ["max", *some], ["min", *some]] for some in (rises, firsts)]
    return {"cells": [stakes], "caps": told["caps"]}


def _of_amount(valuation: RegressionValuation) -> dict[str, Any]:
    payoff = valuation.payoff
    if isinstance(payoff, UnitCosts):
        under, over = payoff.under, payoff.over
        level = under / (under + over) if under + over else 0.5
        short: Tree = ["-", ["column", "outcome"], ["column", "decision"]]
        ends = ["*", under, ["max", short, 0.0]], ["*", over, ["max", ["negative", short], 0.0]]
        return {"tree": ["negative", ["+", *ends]], "level": level, "caps": _caps(payoff.caps)}
    if isinstance(payoff, PayoffFunction):
        return {"tree": tree(payoff.expression), "level": None, "caps": _caps(payoff.caps)}
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
