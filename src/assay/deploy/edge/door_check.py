"""The check of inputs against what the reference rows had: cheap while all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def document(self) -> dict[str, Any]:
        """Return the rule as a JSON document; an open end is null."""
        return {
            "name": self.name,
            "text": self.text,
            "low": self.low if np.isfinite(self.low) else None,
            "high": self.high if np.isfinite(self.high) else None,
            "known": None if self.known is None else sorted(self.known),
            "complete": self.complete,
            "new": self.new,
            "missing": self.missing,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Rule:
        """Read a rule back.

        >>> rule = Rule("age", low=17.0, complete=True)
        >>> Rule.from_document(rule.document()) == rule
        True
        """
        known, low, high = document["known"], document["low"], document["high"]
        return cls(
            document["name"],
            document["text"],
            -np.inf if low is None else low,
            np.inf if high is None else high,
            None if known is None else frozenset(known),
            document["complete"],
            document["new"],
            document["missing"],
        )


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
    """Rules made ready for checking; columns without one pass.

    >>> door = DoorCheck([Rule("age", low=17.0, high=98.0, complete=True, new="clip")])
    >>> found = door.check({"age": np.array([40.0, 120.0])})
    >>> found.columns["age"].tolist(), {name: rows.tolist() for name, rows in found.flags.items()}
    ([40.0, 98.0], {'age clipped': [False, True]})
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        numbers = [one for one in rules if not one.text]
        self._strict = _Block([one for one in numbers if one.complete])
        self._lax = _Block(
            [
                one
                for one in numbers
                if not one.complete and (one.low > -np.inf or one.high < np.inf)
            ]
        )
        self._known = [
            (one.name, one.known if one.complete else one.known | {""})
            for one in rules
            if one.text and one.known is not None
        ]
        self._filled = [
            one.name for one in rules if one.text and one.known is None and one.complete
        ]

    def check(self, columns: Mapping[str, Any]) -> Checked:
        """Check columns of one length: float64 with NaN, or object arrays of str with ""."""
        if self._well(columns):
            return Checked(columns, {}, None, {})
        found = _Found(columns)
        for rule in self.rules:
            found.hold(rule, columns[rule.name])
        return Checked(found.columns, found.flags, found.referred, found.rejected)

    def _well(self, columns: Mapping[str, Any]) -> bool:
        strict, lax = self._strict, self._lax
        if strict.names:
            m = strict.stacked(columns)
            if not ((m >= strict.low) & (m <= strict.high)).all():
                return False
        if lax.names:
            m = lax.stacked(columns)
            if ((m < lax.low) | (m > lax.high)).any():  # no comparison holds of NaN
                return False
        for name, known in self._known:
            if not known.issuperset(columns[name].tolist()):
                return False
        return not any("" in columns[name].tolist() for name in self._filled)


class _Block:
    """Number columns that are compared at once, with their ranges."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.names = [one.name for one in rules]
        self.low = np.array([[one.low] for one in rules])
        self.high = np.array([[one.high] for one in rules])

    def stacked(self, columns: Mapping[str, Any]) -> Any:
        """Return the columns as rows of one matrix."""
        whole = np.concatenate([columns[name] for name in self.names])
        return whole.reshape(len(self.names), -1)


class _Found:
    """What is gathered rule by rule once something is strange."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns = columns
        self.flags: dict[str, Any] = {}
        self.referred: Any = None
        self.rejected: dict[int, str] = {}

    def hold(self, rule: Rule, values: Any) -> None:
        """Hold one rule against its column."""
        if rule.text:
            absent = values == ""
            new = np.zeros(len(values), dtype=bool)
            if rule.known is not None:
                new = np.array([one not in rule.known for one in values.tolist()]) & ~absent
            told = "has a new category"
        else:
            absent = np.isnan(values)
            new = (values < rule.low) | (values > rule.high)
            told = "out of range"
        if new.any():
            self._react(rule, rule.new, new, told)
        if rule.complete and absent.any():
            # What is missing has no edge to go to: clipping leaves it as it is.
            self._react(rule, "flag" if rule.missing == "clip" else rule.missing, absent, "missing")

    def _react(self, rule: Rule, reaction: str, rows: Any, told: str) -> None:
        if reaction == "reject":
            for row in np.flatnonzero(rows).tolist():
                self.rejected.setdefault(row, _reason(rule, self.columns[rule.name][row]))
            return
        if reaction == "clip":
            self._clip(rule, rows)
            told = "taken as missing" if rule.text else "clipped"
        elif reaction == "refer":
            self.referred = rows if self.referred is None else self.referred | rows
        self.flags[f"{rule.name} {told}"] = rows

    def _clip(self, rule: Rule, rows: Any) -> None:
        values = self.columns[rule.name]
        if rule.text:
            inside = values.copy()
            inside[rows] = ""
        else:
            inside = np.clip(values, rule.low, rule.high)
        self.columns = {**self.columns, rule.name: inside}


def _reason(rule: Rule, value: Any) -> str:
    if value == "" or value != value:  # noqa: PLR0124 - NaN
        return f"{rule.name} is missing, which no known case lacks; send it"
    if rule.text:
        return f"{rule.name} is {str(value)[:60]!r}, which no known case has; send a known category"
    return f"{rule.name} is {value:g}, outside {rule.low:g} to {rule.high:g}; send one inside"
