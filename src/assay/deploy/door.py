"""The door: what a bundle's reference rows had, and the charter's reaction to anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.serving import ColumnRules
from assay.charter.serving import Door as DoorRules
from assay.deploy.edge.door_check import Checked, DoorCheck, Rule
from assay.errors import DataError
from assay.evidence.bundle import Input, Signature
from assay.ports.column_blocks import ColumnBlocks

__all__ = ["Door"]


class Door(DoorCheck):
    """What the charter's `serving.door` makes of a bundle's inputs.

    Ranges, categories and whether a value was ever missing come from the rows that taught and
    tested the model (`seen` of `reference.json`; of bundles without it, from the profiles of the
    held-out windows). A range is wider by the charter's `widen` on either side, one that the
    charter gives holds as it stands. Nothing is said of categories where there were too many to
    keep them all.

    >>> signature = Signature("regression", (Input("age", "number"),))
    >>> seen = {"seen": {"age": {"least": 20.0, "most": 70.0, "missing": False}}}
    >>> door = Door.of(seen, signature, DoorRules(out_of_range="reject"))
    >>> door.check({"age": np.array([74.0, 80.0])}).rejected
    {1: 'age is 80, outside 15 to 75; send one inside'}
    """

    _plan: _Plan | None = None

    def well(self, columns: Mapping[str, Any]) -> bool:
        """Whether there is nothing to say of any row; False too where a column does not read.

        That need be no fault: it may be a column that the arm of these rows never looks at.
        """
        try:
            return self._well(columns)
        except (KeyError, DataError):
            return False

    def check(self, columns: Mapping[str, Any]) -> Checked:
        """Check columns of one length, all at once while all is well."""
        return Checked(columns, {}, None, {}) if self._well(columns) else super().check(columns)

    def _well(self, columns: Mapping[str, Any]) -> bool:
        if not isinstance(columns, ColumnBlocks):
            return self._own_plan.well(_Apart(columns, self._own_plan.names))
        names, plan = (columns.number_names, columns.text_names), self._plan
        if plan is None or plan.names != names:
            plan = self._plan = _Plan.of(names, self.rules)
        return plan.well(columns)

    @cached_property
    def _own_plan(self) -> _Plan:
        kinds = [[rule.name for rule in self.rules if rule.text is text] for text in (False, True)]
        return _Plan.of((kinds[0], kinds[1]), self.rules)

    @classmethod
    def narrowest(cls, doors: Sequence[Door]) -> Door:
        """Return a door that has nothing to say only where none of these has.

        >>> doors = [Door([Rule("age", low=18.0)]), Door([Rule("age", high=60.0, complete=True)])]
        >>> ages = [{"age": np.array([age])} for age in (17.0, 40.0, 61.0, np.nan)]
        >>> [Door.narrowest(doors).well(given) for given in ages]
        [False, True, False, False]
        """
        found: dict[str, Rule] = {}
        for door in doors:
            for rule in door.rules:
                known = found.get(rule.name)
                found[rule.name] = rule if known is None else _narrower(known, rule)
        return cls(list(found.values()))

    @classmethod
    def of(
        cls, reference: Mapping[str, Any] | None, signature: Signature, rules: DoorRules
    ) -> Door:
        """Return the door of a bundle: `reference` is its `reference.json`, parsed.

        Without one only the ranges that the charter gives hold.
        """
        seen = {} if reference is None else _seen(reference)
        found = (
            _rule(column, seen.get(column.name), rules, rules.columns.get(column.name))
            for column in signature.inputs
        )
        return cls([rule for rule in found if rule is not None])


@dataclass(frozen=True, eq=False)
class _Apart:
    """Columns that do not lie in blocks, by the names of a plan; texts are listed one by one."""

    columns: Mapping[str, Any]
    names: tuple[Sequence[str], Sequence[str]]

    @property
    def numbers(self) -> NDArray[np.float64]:
        found = [self.columns[name] for name in self.names[0]]
        return np.concatenate(found).reshape(len(found), -1) if found else np.empty((0, 0))

    @property
    def words(self) -> _Apart:
        return self

    def __getitem__(self, place: int) -> list[str]:
        listed: list[str] = self.columns[self.names[1][place]].tolist()
        return listed


@dataclass(frozen=True, eq=False)
class _Plan:
    """Rules over the two blocks of columns with these names.

    `low` and `high` (k, 1) are infinite where a number has no range; `complete` are the places of
    those without gaps. `known` has the categories of each text that is held to some, `filled` the
    places of texts that may be anything but missing.
    """

    names: tuple[Sequence[str], Sequence[str]]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    complete: NDArray[np.int64]
    known: tuple[tuple[int, frozenset[str]], ...]
    filled: tuple[int, ...]

    @classmethod
    def of(cls, names: tuple[Sequence[str], Sequence[str]], rules: Sequence[Rule]) -> _Plan:
        by_name = {rule.name: rule for rule in rules}
        numbers = [by_name.get(name, Rule(name)) for name in names[0]]
        texts = [by_name.get(name, Rule(name)) for name in names[1]]
        return cls(
            names,
            np.array([[rule.low] for rule in numbers]).reshape(-1, 1),
            np.array([[rule.high] for rule in numbers]).reshape(-1, 1),
            np.flatnonzero([rule.complete for rule in numbers]),
            tuple(
                (place, rule.known - {""} if rule.complete else rule.known | {""})
                for place, rule in enumerate(texts)
                if rule.known is not None
            ),
            tuple(
                place for place, rule in enumerate(texts) if rule.complete and rule.known is None
            ),
        )

    def well(self, columns: ColumnBlocks | _Apart) -> bool:
        """Whether all numbers and texts are within their rules."""
        numbers = columns.numbers
        if len(numbers) and not self._in_range(numbers):
            return False
        if not self.known and not self.filled:
            return True
        words = columns.words
        if not all(known.issuperset(words[place]) for place, known in self.known):
            return False
        return not any("" in words[place] for place in self.filled)

    def _in_range(self, numbers: NDArray[np.float64]) -> bool:
        if len(self.complete) == len(numbers):
            return bool(((numbers >= self.low) & (numbers <= self.high)).all())
        if ((numbers < self.low) | (numbers > self.high)).any():
            return False
        return not np.isnan(numbers[self.complete]).any()


def _narrower(one: Rule, other: Rule) -> Rule:
    """Return a rule that holds only where both do; what is done otherwise is left to them."""
    known = one.known if other.known is None else other.known
    if one.known is not None and other.known is not None:
        known = one.known & other.known
    return Rule(
        one.name,
        text=one.text,
        low=max(one.low, other.low),
        high=min(one.high, other.high),
        known=known,
        complete=one.complete or other.complete,
    )


@dataclass(frozen=True)
class _Numbers:
    least: float
    most: float
    missing: bool


@dataclass(frozen=True)
class _Categories:
    values: frozenset[str] | None
    missing: bool


def _rule(
    column: Input,
    seen: _Numbers | _Categories | None,
    rules: DoorRules,
    own: ColumnRules | None,
) -> Rule | None:
    given = own or ColumnRules()
    complete = seen is not None and not seen.missing
    missing = given.missing or rules.missing
    if column.kind == "category":
        if not isinstance(seen, _Categories):
            return None
        new = given.new_category or rules.new_category
        return Rule(
            column.name, text=True, known=seen.values, complete=complete, new=new, missing=missing
        )
    low, high = -np.inf, np.inf
    if isinstance(seen, _Numbers) and seen.least <= seen.most:
        room = rules.widen * (seen.most - seen.least)
        low, high = _outward(seen.least - room, -np.inf), _outward(seen.most + room, np.inf)
    low, high = given.range or (low, high)
    new = given.out_of_range or rules.out_of_range
    rule = Rule(column.name, low=low, high=high, complete=complete, new=new, missing=missing)
    return rule if complete or np.isfinite((low, high)).any() else None


def _outward(end: float, to: float) -> float:
    """Return the next single-precision number: as such the reference's numbers were written."""
    return float(np.nextafter(np.float32(end), np.float32(to)))


def _seen(reference: Mapping[str, Any]) -> dict[str, _Numbers | _Categories]:
    """Return what each column had; of a reference without `seen`, what its profiles tell."""
    if "seen" in reference:
        return {name: _as_written(one) for name, one in reference["seen"].items()}
    return dict(_profiled(reference))


def _as_written(one: Mapping[str, Any]) -> _Numbers | _Categories:
    if "values" in one:
        values = one["values"]
        return _Categories(None if values is None else frozenset(values), one["missing"])
    if one["least"] is None:
        return _Numbers(np.inf, -np.inf, one["missing"])
    return _Numbers(one["least"], one["most"], one["missing"])


def _profiled(reference: Mapping[str, Any]) -> Iterator[tuple[str, _Numbers | _Categories]]:
    """Read ranges and categories out of profiles: their last cell counts missing values."""
    windows = [one["features"] for one in reference["windows"]]
    for name, axis in reference["grid"]["axes"].items():
        tallies = [features[name] for features in windows if name in features]
        if not tallies:
            continue
        missing = any(_counts(one, 1) for one in tallies)
        if axis["kind"] == "category":
            others = any(_counts(one, 2) for one in tallies)
            yield name, _Categories(None if others else frozenset(axis["values"]), missing)
            continue
        ranges = np.array([one["range"] for one in tallies if "range" in one]).reshape(-1, 2)
        least, most = (
            float(ranges[:, 0].min(initial=np.inf)),
            float(ranges[:, 1].max(initial=-np.inf)),
        )
        yield name, _Numbers(least, most, missing)


def _counts(tally: Mapping[str, Any], from_last: int) -> bool:
    return (tally["size"] - from_last) in tally["cells"]
