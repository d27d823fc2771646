"""The check of inputs against what the reference rows had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Checked", "DoorCheck", "Rule"]


@dataclass(frozen=True)
class Rule:
    """What is known of one column, and what is done about anything else.

    A number lies from `low` to `high`; a category (`text`) is among the `known` ones, any of them
    where that is None. A `complete` column lacked no value. `new` is the reaction to a number out
    of range or a new category, `missing` the one to a value that is not there: `reject`, `clip`,
    `refer` or `flag`.
    """

    name: str
    text: bool = False
    low: float = -np.inf
    high: float = np.inf
    known: frozenset[str] | None = None
    complete: bool = False
    new: str = "flag"
    missing: str = "flag"

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Rule:
        """Read a rule of `door.json`, where what is null or left out is as above.

        >>> Rule.from_document({"name": "age", "low": 17.0, "high": None})
        Rule(name='age', text=False, low=17.0, high=inf, known=None, complete=False, new='flag', \
missing='flag')
        """
        told = {name: value for name, value in document.items() if value is not None}
        if "known" in told:
            told["known"] = frozenset(told["known"])
        return cls(**told)


class Checked(NamedTuple):
    """What the door says of n rows.

    `columns` are those given, clipped ones in their place. `flags` tell which rows (n,) are strange
    in which way. `referred` (n,) are rows for a person, None where there is none; `rejected`
    are rows that are not answered, with the reason.
    """

    columns: Mapping[str, Any]
    flags: Mapping[str, Any]
    referred: Any
    rejected: Mapping[int, str]


class DoorCheck:
    """Holds rules against columns; those without one pass.

    >>> door = DoorCheck([Rule("age", low=17.0, high=98.0, complete=True, new="clip")])
    >>> found = door.check({"age": np.array([40.0, 120.0])})
    >>> found.columns["age"].tolist(), {name: rows.tolist() for name, rows in found.flags.items()}
    ([40.0, 98.0], {'age clipped': [False, True]})
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def check(self, columns: Mapping[str, Any]) -> Checked:
        """Check columns of one length: float64 with NaN, or object arrays of str with ""."""
        flags, referred, rejected = dict[str, Any](), list[Any](), dict[int, str]()
        for rule in self.rules:
            for reaction, rows, told in _strange(rule, columns[rule.name]):
                if reaction == "reject":
                    for row in np.flatnonzero(rows).tolist():
                        rejected.setdefault(row, _reason(rule, columns[rule.name][row]))
                    continue
                flags[f"{rule.name} {told}"] = rows
                if reaction == "clip":
                    columns = {**columns, rule.name: _clipped(rule, columns[rule.name], rows)}
                elif reaction == "refer":
                    referred.append(rows)
        return Checked(columns, flags, np.any(referred, axis=0) if referred else None, rejected)


def _strange(rule: Rule, values: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield the reaction to what a column never had, the rows that have it, and what is told."""
    if rule.text:
        absent, known = values == "", values if rule.known is None else rule.known
        new = ~absent & [one not in known for one in values.tolist()]
        told = "taken as missing" if rule.new == "clip" else "has a new category"
    else:
        absent, new = np.isnan(values), (values < rule.low) | (values > rule.high)
        told = "clipped" if rule.new == "clip" else "out of range"
    if new.any():
        yield rule.new, new, told
    if rule.complete and absent.any():
        # What is missing has no edge to go to: clipping leaves it as it is.
        yield "flag" if rule.missing == "clip" else rule.missing, absent, "missing"


def _clipped(rule: Rule, values: Any, rows: Any) -> Any:
    return np.where(rows, "", values) if rule.text else np.clip(values, rule.low, rule.high)


def _reason(rule: Rule, value: Any) -> str:
    if value == "" or value != value:  # noqa: PLR0124 - NaN
        return f"{rule.name} is missing, which no known case lacks; send it"
    if rule.text:
        return f"{rule.name} is {str(value)[:60]!r}, which no known case has; send a known category"
    return f"{rule.name} is {value:g}, outside {rule.low:g} to {rule.high:g}; send one inside"
