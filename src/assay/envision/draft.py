"""A first charter from a table: the data fills in what it can, and people see what is theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap

import polars as pl
import yaml

from assay.envision.table_reading import TableReading, read_table

__all__ = ["draft_charter"]


def draft_charter(frame: pl.DataFrame, source: str, outcome: str, name: str) -> str:
    r"""Return a charter as YAML text with comments; it loads without faults.

    `source` is the table's path as the charter is to name it. Payoffs, volumes and names of
    people are placeholders. Raises DataError where the outcome column cannot serve.

    >>> frame = pl.DataFrame({"age": [30, 40, 50] * 9, "bought": ["yes", "no", "no"] * 9})
    >>> "positive: \"yes\"" in draft_charter(frame, "sales.csv", "bought", "Sales 2024")
    True
    """
    read = read_table(frame, outcome)
    plain = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:80].strip("-") or "my-model"
    parts = (
        _head(plain, name, outcome),
        _people(read),
        _data(read, source, outcome),
        _value(read),
        _limits(read),
        _risk(read),
        _monitoring(read),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(plain: str, name: str, outcome: str) -> Iterable[str]:
    return (
        "# A first draft, made from the table. Read every line: comments say what was guessed, and",
        "# `TODO` marks what only you know. `assay check` tells every fault at once.",
        "",
        f"name: {_text(plain)}",
        f"title: {_text(name)}",
        "",
        "problem:",
        '  business: "TODO: what costs money or does harm today"',
        f"  analytical: {_text(f'Predict {outcome} before the decision is taken')}",
        '  hypothesis: "TODO: why acting on the prediction would mend the problem"',
        "",
        "strategy:",
        '  objective: "TODO: the objective that this serves"',
        '  kpi: "TODO: the number by which it is steered"',
    )


def _people(read: TableReading) -> Iterable[str]:
    if not read.sensitive:
        return (
            "# One person holds every role: allowed in the lowest risk tier only, and every page",
            "# says so.",
            "people: solo",
        )
    return (
        "# Who signs. Two lines of defence need two people.",
        "people:",
        '  product_manager: "TODO: your name"',
        '  risk_officer: "TODO: the name of another person"',
    )


def _data(read: TableReading, source: str, outcome: str) -> Iterable[str]:
    yield "data:"
    yield f"  source: {_text(source)}"
    yield f"  outcome: {_text(outcome)}"
    if read.missing:
        yield f"  # {read.missing:,} of {read.rows:,} rows have no outcome."
    yield from _outcomes(read)
    yield from _order(read)
    if read.entity:
        yield f"  entity: {_text(read.entity)}   # whose case it is: one owner stays on one arm"
    if read.sensitive:
        yield "  # Sensitive by their names; fairness looks at these."
        yield f"  sensitive: {_list(read.sensitive)}"
    yield from _mistrusted(read)
    if read.ignored:
        for column, reason in read.ignored.items():
            yield from _comment(f"{_text(column)} {reason}.")
        yield f"  ignore: {_list(read.ignored)}"
    yield "  label_delay: 0 windows   # TODO: how long after the decision is the outcome known?"


def _outcomes(read: TableReading) -> Iterable[str]:
    if read.positive is not None:
        share = f"{read.rates[-1]:.1%} of rows"
        yield f"  positive: {_scalar(read.positive)}   # the rarer outcome: {share}"
    elif read.labels:
        yield from _shares(read)
    elif read.few:
        yield "  # Few different numbers. If they stand for kinds and not for amounts, value them"
        yield "  # by `value.actions`, with a payoff for each number."


def _order(read: TableReading) -> Iterable[str]:
    if read.time is not None:
        yield f"  time: {_text(read.time)}   # trained on the past, judged on what came later"
    else:
        yield "  # No column of dates (YYYY-MM-DD) was found. If the rows stand in the order of"
        yield "  # time, say so: it matters."
        yield "  # order: rows"


def _mistrusted(read: TableReading) -> Iterable[str]:
    measure = "area under the ROC curve" if read.task == "classification" else "R squared"
    if read.strong:
        yield f"  # Strong alone ({measure}). Is each of them known BEFORE the decision? If not,"
        yield "  # name it under known_after:"
        yield from (f"  #   {_text(column)} {at:.2f}" for column, at in _strongest(read.strong))
    if read.gives_away:
        yield f"  # These nearly tell the outcome alone ({measure}), as columns do that are"
        yield "  # filled in afterwards. Take one out only if it is known before the decision:"
        yield from (f"  #   {_text(column)} {at:.2f}" for column, at in _strongest(read.gives_away))
        yield f"  known_after: {_list(read.gives_away)}"


def _comment(words: str) -> Iterable[str]:
    return wrap(words, 98, initial_indent="  # ", subsequent_indent="  # ", break_long_words=False)


def _strongest(powers: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(powers.items(), key=lambda entry: -entry[1])


def _value(read: TableReading) -> Iterable[str]:
    yield "value:"
    yield "  currency: EUR   # TODO"
    yield from _payoffs(read) if read.task == "classification" else _unit_costs(read)
    yield "  policy: best_action"
    volume = max(1, round(read.rows / (read.months or 12)))
    guess = "as in the table" if read.months else "TODO: a guess, the table's rows in a year"
    yield f"  decisions_per_month: {volume}   # {guess}"
    yield "  horizon_months: 12"
    yield "  build_cost: 0            # TODO"
    yield "  run_cost_per_month: 0    # TODO"


def _shares(read: TableReading) -> Iterable[str]:
    said = ", ".join(
        f"{_text(k)} {rate:.1%}" for k, rate in zip(read.labels, read.rates, strict=True)
    )
    yield from _comment(f"{len(read.labels)} outcomes, by their share of rows: {said}.")


def _payoffs(read: TableReading) -> Iterable[str]:
    names = [_text(label) for label in read.labels]
    gains = [max(1, round(1 / rate) - 1) for rate in read.rates]
    if len(names) == 2:
        pays = f"acting pays where the probability is above {1 / (gains[1] + 1):.0%}."
        row = [f"{names[1]}: {gains[1]}", f"{names[0]}: -1"]
    else:
        pays = "only one action is named; add as many as there are."
        row = [f"{names[0]}: -1"]
        row += [f"{name}: {gain}" for name, gain in zip(names[1:], gains[1:], strict=True)]
    asked = f"TODO: what is each action worth, given each outcome? At these placeholders {pays}"
    yield from _comment(asked)
    yield "  actions:"
    yield f"    act: {{{', '.join(row)}}}"
    yield "    skip: 0"
    yield "  baselines:"
    yield "    nobody: skip"
    yield "    everybody: act"
    yield "  baseline: nobody   # TODO: what happens today?"


def _unit_costs(read: TableReading) -> Iterable[str]:
    low, high = read.span
    least, most = (0.0 if low >= 0 else 2 * low), (0.0 if high <= 0 else 2 * high)
    yield "  # TODO: what does each unit decided too low cost, and each unit decided too high?"
    yield "  under: 1"
    yield "  over: 1"
    yield f"  caps: {{outcome: [{least:.6g}, {most:.6g}]}}   # beyond what can happen"
    yield "  baselines:"
    yield "    same_always: best_constant"
    yield "  baseline: same_always   # TODO: what happens today?"


def _limits(read: TableReading) -> Iterable[str]:
    yield "acceptance:"
    yield "  uplift_per_decision: {at_least: 0}   # judged on the low end of its interval"
    yield ""
    yield "guardrails:"
    yield "  - {metric: value_kept_under_noise, at_least: 0.5, severity: warn}"
    if read.task == "classification":
        for column in read.sensitive:
            named = f"metric: demographic_parity_ratio, column: {_text(column)}"
            yield f"  - {{{named}, at_least: 0.8, severity: warn}}"


def _risk(read: TableReading) -> Iterable[str]:
    yield "risk:"
    if read.sensitive:
        yield "  tier: medium   # decisions about people"
    else:
        yield "  tier: low      # TODO: medium or high, where people can come to harm"


def _monitoring(read: TableReading) -> Iterable[str]:
    return ("monitoring:", f"  window: {_window(read.rows)} rows")


def _window(rows: int) -> int:
    """Return a round number of rows of which the table holds some twenty."""
    steps = (20, 50, 100, 200, 500)
    return next((step for step in steps if step * 25 >= rows), 1000)


def _text(value: str) -> str:
    """Quote text so that no YAML reader takes it for anything else."""
    quoted: str = yaml.safe_dump(value, default_style='"', width=float("inf"), allow_unicode=True)
    return quoted.strip()


def _scalar(value: str | int | bool) -> str:
    return _text(value) if isinstance(value, str) else str(value).lower()


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(_text(name) for name in names)}]"
