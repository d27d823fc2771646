"""What the charter promises about value, in the rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.charter.charter import Charter
from assay.charter.policy import Budget, Cell, Refer, Threshold, Windowed
from assay.charter.value import Change, ValueModel
from assay.value.policy_words import policy_in_words
from assay.value.valuation import valuation

__all__ = ["agreed_amounts", "agreed_changes", "agreed_decisions", "payoff_table"]


def agreed_decisions(charter: Charter) -> tuple[tuple[str, str], ...]:
    """Return how it is decided, against what, who is asked, and what chance decides.

    Each row is a name and a text. Cuts that a version learned are not among what was promised.
    """
    model, release = charter.value, charter.release
    rows = [("Policy", _policy(charter))]
    if model.refer is not None:
        rows.append(("Referring to a person", _refer(model.refer, model.currency)))
    for name, rule in model.baselines.items():
        measured = " (the uplift is measured against it)" if name == model.baseline else ""
        rows.append((f"Baseline {name}", f"{rule}{measured}"))
    rows.append(("Control share", _share(release.control_share, "entities", "the baseline's")))
    explored = _share(release.exploration_share, "cases", "a random")
    rows.append(("Exploration share", explored))
    rows.append(("The outcome is seen", _after(charter.data.revealed_by, "after every action")))
    if charter.data.moved_by:
        rows.append(("The outcome is changed by", _listed(charter.data.moved_by)))
    return tuple(rows)


def agreed_amounts(model: ValueModel) -> tuple[tuple[str, str, str], ...]:
    """Return what the business case rests on: name, what is likeliest, and its stated range."""
    money = f" {model.currency}"
    rows: tuple[tuple[str, str, str], ...] = (
        ("decisions_per_month", "Decisions per month", ""),
        ("build_cost", "Build cost", money),
        ("run_cost_per_month", "Running cost per month", money),
        ("cost_per_decision", "Cost of each decision", money),
        ("retraining_cost", "Cost of each retraining", money),
        ("uplift_kept_per_year", "Uplift kept per year", "%"),
    )
    found = [
        (name, _amount(getattr(model, key), unit), _range(getattr(model.uncertainty, key), unit))
        for key, name, unit in rows
    ]
    found.append(("Discount rate per year", _amount(model.discount_rate, "%"), ""))
    found.append(("Horizon", f"{model.horizon_months:,} months", ""))
    return tuple(found)


def agreed_changes(
    model: ValueModel, made: Sequence[str] | None, *, dated: bool
) -> tuple[tuple[str, str, str], ...]:
    """Return each dated change: its day, what holds from then on, and where figures have it.

    `made` are the days of the changes that the figures were measured with, None where there are no
    figures or they do not say; `dated` says whether their business case knows its months.
    """
    rows = []
    for change in sorted(model.changes, key=lambda one: one.since):
        day = f"{change.since:%Y-%m-%d}"
        what = list(_changed(change, model.currency))
        held = "" if made is None else "yes" if day in made else _held_ahead(change, dated=dated)
        rows.append((day, "; ".join(what), held))
    return tuple(rows)


def payoff_table(model: ValueModel) -> dict[str, Any]:
    """Return the payoffs as the head and the rows of a table."""
    if model.actions is None:
        if model.function is not None:
            low, high = model.function.bounds
            text = f"by the function {model.function.name}, between {low:,g} and {high:,g} a case"
        else:
            text = model.payoff or _unit_costs(model.under, model.over)
        return {"head": ["payoff"], "rows": [["each" if model.function else "amount", text]]}
    tables = [cells for cells in model.actions.values() if isinstance(cells, dict)]
    head = list(dict.fromkeys(name for cells in tables for name in cells)) or ["any outcome"]
    rows = [
        [
            action,
            *(_cell(cells.get(name)) if isinstance(cells, dict) else _cell(cells) for name in head),
        ]
        for action, cells in model.actions.items()
    ]
    return {"head": head, "rows": rows}


def _policy(charter: Charter) -> str:
    policy = charter.value.policy
    words = policy_in_words(valuation(charter.value, charter.data))
    if isinstance(policy, Budget):
        costs = ", ".join(f"{action} {_cell(cost)}" for action, cost in policy.costs.items())
        words += f"; each case uses up: {costs}"
    if isinstance(policy, Threshold) and policy.at is None:
        words += " (learned from known outcomes)"
    if isinstance(policy, Threshold) and policy.refer_from is not None:
        words += f"; referred from a probability of {policy.refer_from:g} on"
    return words


def _refer(refer: Refer, currency: str) -> str:
    parts = [f"costs {_amount(refer.cost, ' ' + currency)} a case"]
    if refer.accuracy is not None:
        parts.append(f"decides rightly in {_amount(refer.accuracy, '%')} of cases")
    for outcome, shares in (refer.confusion or {}).items():
        chances = ", ".join(f"{action} {_amount(share, '%')}" for action, share in shares.items())
        parts.append(f"given `{outcome}`: {chances}")
    if refer.capacity is not None:
        parts.append(f"at most {refer.capacity.k:,}{_window(refer.capacity)}")
    return "; ".join(parts)


def _window(limit: Windowed) -> str:
    return f" a {limit.per}" if limit.of is None else f" of {limit.of:,} cases"


def _share(share: float, of: str, action: str) -> str:
    if not share:
        return "none"
    return f"{_amount(share, '%')} of {of} get {action} action"


def _after(actions: Sequence[str], always: str) -> str:
    return f"only after {_listed(actions)}" if actions else always


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _changed(change: Change, currency: str) -> Iterator[str]:
    for action, cells in (change.actions or {}).items():
        yield f"{action}: {_cells(cells)}"
    if change.under is not None or change.over is not None:
        yield _unit_costs(change.under, change.over)
    if change.payoff is not None:
        yield f"payoff: {change.payoff}"
    if change.refer is not None:
        yield f"referring {_refer(change.refer, currency)}"
    for key, name in (
        ("run_cost_per_month", "running cost per month"),
        ("cost_per_decision", "cost of each decision"),
        ("retraining_cost", "cost of each retraining"),
    ):
        if getattr(change, key) is not None:
            yield f"{name}: {_amount(getattr(change, key), ' ' + currency)}"


def _held_ahead(change: Change, *, dated: bool) -> str:
    costs = {"run_cost_per_month", "cost_per_decision", "retraining_cost"}
    given = {name for name in Change.model_fields if getattr(change, name) is not None}
    if not dated or not given & costs:
        return "no"
    only = "" if given <= costs | {"since"} else "costs only, "
    return f"{only}from its month on"


def _unit_costs(under: float | None, over: float | None) -> str:
    costs = ((under, "low"), (over, "high"))
    return ", ".join(
        f"-{cost:g} for each unit too {way}" for cost, way in costs if cost is not None
    )


def _cells(cells: Cell | Mapping[str, Cell]) -> str:
    if not isinstance(cells, Mapping):
        return _cell(cells)
    return ", ".join(f"{outcome} {_cell(cell)}" for outcome, cell in cells.items())


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else f"{cell:,.10g}"


def _amount(amount: float, unit: str) -> str:
    return f"{100 * amount:.6g} %" if unit == "%" else f"{amount:,.10g}{unit}"


def _range(ends: tuple[float, float] | None, unit: str) -> str:
    if ends is None:
        return "taken as certain"
    return f"{_amount(ends[0], unit)} to {_amount(ends[1], unit)}"
