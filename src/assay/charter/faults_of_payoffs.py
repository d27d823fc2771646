"""Payoffs that do not parse, are not bounded, or read what nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from assay.charter.charter import Charter
from assay.charter.finding import Finding, Path, dotted
from assay.charter.policy import Cell
from assay.charter.unread import Unread
from assay.charter.value import Payoffs
from assay.errors import ExpressionError, did_you_mean
from assay.expression import Expression, parse

__all__ = ["RULES", "expression_finding", "payoff_bounds"]

_OF_REGRESSION = ("decision", "outcome")


def _sources(charter: Charter) -> Iterator[Iterator[tuple[Path, Cell]]]:
    """Yield where formulas stand: payoffs, what actions use up, and payoffs of later dates."""
    yield _payoffs(("value",), charter.value)
    yield _used_up(charter)
    for i, change in enumerate(charter.value.changes):
        yield _payoffs(("value", "changes", i), change)


def _cells(charter: Charter) -> Iterator[tuple[Path, Cell]]:
    """Yield every cell that can be read; what cannot be is told at its own place."""
    for source in _sources(charter):
        with suppress(Unread):
            yield from source


def _used_up(charter: Charter) -> Iterator[tuple[Path, Cell]]:
    if charter.value.policy.kind == "budget":
        for action, cell in charter.value.policy.costs.items():
            yield ("value", "policy", "costs", action), cell


def _payoffs(path: Path, given: Payoffs) -> Iterator[tuple[Path, Cell]]:
    if given.payoff is not None:
        yield (*path, "payoff"), given.payoff
    for action, row in (given.actions or {}).items():
        if isinstance(row, dict):
            for outcome, cell in row.items():
                yield (*path, "actions", action, outcome), cell
        else:
            yield (*path, "actions", action), row


def _formulas(charter: Charter) -> Iterator[tuple[Path, Expression]]:
    """Yield the payoffs that are formulas and parse."""
    for path, cell in _cells(charter):
        try:
            yield path, parse(str(cell))
        except ExpressionError:
            continue


def _needed(formula: Expression, charter: Charter) -> frozenset[str]:
    """The names that a formula needs caps for; a decision has those of the outcome."""
    own = {"decision"} if charter.value.payoff is not None and "outcome" in formula.columns else ()
    return formula.columns.difference(own)


def expression_finding(path: Path, error: ExpressionError) -> Finding:
    """Turn the error of an expression into a finding of one line."""
    text = str(error)
    problem, _, mend = text.partition("To mend: ")
    problem = problem.splitlines()[0].rstrip(":. ")
    return Finding(path, problem[0].lower() + problem[1:], mend.rstrip(".") or "change it")


def _parse(charter: Charter) -> Iterator[Finding]:
    for path, cell in _cells(charter):
        try:
            parse(str(cell))
        except ExpressionError as error:
            yield expression_finding(path, error)


def _capped(charter: Charter) -> Iterator[Finding]:
    caps = charter.value.caps
    told: set[str] = set()
    for path, formula in _formulas(charter):
        for column in sorted(_needed(formula, charter).difference(caps, told)):
            told.add(column)
            yield Finding(
                ("value", "caps", column),
                f"nothing bounds `{column}`, which `{dotted(path)}` reads; bounds on value are "
                "known before data",
                did_you_mean(column, set(caps).difference(formula.columns))
                or f"add `{column}: [least, most]` under `value.caps`",
            )


def _caps_read(charter: Charter) -> Iterator[Finding]:
    formulas = [formula for _, formula in _formulas(charter)]
    if len(formulas) < sum(1 for source in _sources(charter) for _ in source):
        return  # a payoff that does not parse may read any column
    read = frozenset[str]().union(*(formula.columns for formula in formulas))
    known = read.union(_OF_REGRESSION) if charter.task == "regression" else read
    uncapped = read.difference(charter.value.caps)
    for column in set(charter.value.caps).difference(known):
        if not did_you_mean(column, uncapped):
            path = ("value", "caps", column)
            yield Finding(path, "no payoff reads this column", "take it out", f"`{column}`")


def _caps_ascend(charter: Charter) -> Iterator[Finding]:
    for column, (least, most) in charter.value.caps.items():
        if least > most:
            mend = f"write [{most:g}, {least:g}]"
            yield Finding(("value", "caps", column), "the least is above the most", mend)


def _caps(charter: Charter) -> dict[str, tuple[float, float]]:
    """The caps that hold together; a decision has those of the outcome."""
    caps = {name: cap for name, cap in charter.value.caps.items() if cap[0] <= cap[1]}
    if "outcome" in caps and charter.task == "regression":
        caps.setdefault("decision", caps["outcome"])
    return caps


def payoff_bounds(charter: Charter) -> tuple[float, float] | None:
    """Return the least and the most that one decision can pay, None where nothing bounds it.

    They hold on every date of `value.changes`.
    """
    value = charter.value
    if value.function is not None:
        least, most = value.function.bounds
        return (least, most) if least <= most and value.actions is None else None
    found = [_bounds(charter, given) for given in (value, *value.changes)]
    ends = [each for each in found if each is not None]
    if found[0] is None or not ends:
        return None
    asked = [given.refer.cost for given in (value, *value.changes) if given.refer is not None]
    return min(low for low, _ in ends) - max(asked, default=0.0), max(high for _, high in ends)


def _bounds(charter: Charter, given: Payoffs) -> tuple[float, float] | None:
    caps, value = _caps(charter), charter.value
    under = value.under if given.under is None else given.under
    over = value.over if given.over is None else given.over
    if under is not None and over is not None:
        if "outcome" not in caps:
            return None
        outcome, decision = caps["outcome"], caps["decision"]
        short, long = max(0.0, outcome[1] - decision[0]), max(0.0, decision[1] - outcome[0])
        return -max(under * short, over * long), 0.0
    try:
        ends = [parse(str(cell)).bounds(caps) for _, cell in _payoffs((), given)]
    except ExpressionError:
        return None
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def _bounded(charter: Charter) -> Iterator[Finding]:
    caps = _caps(charter)
    for path, formula in _formulas(charter):
        if formula.columns.issubset(caps):
            try:
                formula.bounds(caps)
            except ExpressionError as error:
                yield expression_finding(path, error)


def _known_in_time(charter: Charter) -> Iterator[Finding]:
    data = charter.data
    for path, formula in _formulas(charter):
        for column in sorted(formula.columns):
            if column in data.known_after:
                problem = f"the payoff reads `{column}`, known only after the decision"
                mend = "use a column that is known before, or a plain number"
                yield Finding(path, problem, mend)
            elif column == data.outcome:
                regression = charter.task == "regression"
                if regression and column in _OF_REGRESSION:
                    continue  # the column bears the name that payoffs call it by
                mend = "write `outcome` for it" if regression else "give a payoff to each outcome"
                yield Finding(path, f"the payoff reads the outcome column `{column}`", mend)


RULES = (_parse, _capped, _caps_read, _caps_ascend, _bounded, _known_in_time)
