"""Arithmetic over named columns, read from text without ever running it as code.

Grammar::

    expression  =  sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
    sum         =  product { ("+" | "-") product }
    product     =  factor { ("*" | "/") factor }
    factor      =  "-" factor | number | column | "(" expression ")" | function
    function    =  ("min" | "max") "(" expression { "," expression } ")"
                |  "where" "(" expression "," expression "," expression ")"
    column      =  name | "`" any characters "`"

A comparison is 1 or 0. A missing value (NaN) makes every result missing that depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import ExpressionError, did_you_mean

__all__ = ["Expression", "parse"]

_LONGEST = 2000
_DEEPEST = 40
_FUNCTIONS = ("min", "max", "where")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

_TOKEN = re.compile(
    r"""\s*(?: (?P<number> (?:\d+\.?\d*|\.\d+) (?:[eE][+-]?\d+)? )
             | (?P<name> [^\W\d]\w* )
             | `(?P<quoted> [^`\n]+ )`
             | (?P<sign> <=|>=|==|!=|[-+*/()<>,] )
             | (?P<end> \Z ) )""",
    re.VERBOSE,
)

_MENDS = {
    "=": "compare with `==`",
    "&": "for `and`, write min(a, b)",
    "|": "for `or`, write max(a, b)",
    "^": "for a power, multiply: x * x",
    "%": "write a share as a number: 0.05",
    "`": "close the column's name with a second backtick",
    ".": "put a column's odd name between backticks: `emp.var.rate`",
    "[": "use round brackets",
    "'": "expressions know numbers only; put an odd column name between backticks",
    '"': "expressions know numbers only; put an odd column name between backticks",
}
_WORDS = {"and": "write min(a, b)", "or": "write max(a, b)"}

Interval = tuple[float, float]


class _Column(NamedTuple):
    name: str


class _Operation(NamedTuple):
    name: str
    arguments: int


_Step = float | _Column | _Operation


@dataclass(frozen=True)
class Expression:
    """A formula over columns, in the order in which a stack machine works it out.

    >>> profit = parse("max(balance * 0.02, 1) - 3")
    >>> sorted(profit.columns)
    ['balance']
    >>> profit.evaluate({"balance": np.array([0.0, 500.0])})
    array([-2.,  7.])
    >>> profit.bounds({"balance": (0, 1000)})
    (-2.0, 17.0)
    """

    text: str = field(compare=False)
    program: tuple[_Step, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The names of the columns that are read."""
        return frozenset(step.name for step in self.program if isinstance(step, _Column))

    def evaluate(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | float:
        """Work the formula out, row by row; a formula without columns gives one number.

        Division by zero gives an infinity or NaN as IEEE 754 has it, without a warning.
        Raises ExpressionError where a column is missing or holds text.
        """
        _require(self.columns, columns, "There is no column {}", "Columns are")
        values = {name: _numbers(name, columns[name]) for name in self.columns}
        with np.errstate(all="ignore"):
            result = _run(self.program, values, _ON_ARRAYS)
        return result if isinstance(result, np.ndarray) else float(result)

    def bounds(self, caps: Mapping[str, Interval]) -> Interval:
        """Return numbers that no result leaves while each column keeps its [least, most].

        By interval arithmetic: the bounds hold always but need not be the tightest (Moore,
        Interval Analysis, 1966). Raises ExpressionError where a column has no caps, or where
        a divisor may be zero.
        """
        _require(self.columns, caps, "Nothing bounds column {}", "Caps are given for")
        intervals = {name: (float(caps[name][0]), float(caps[name][1])) for name in self.columns}
        low, high = _run(self.program, intervals, _ON_INTERVALS, lambda x: (x, x))
        return float(low), float(high)

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Expression:
    """Read a formula; raise ExpressionError with the place and the mend where it is wrong.

    >>> parse("2 * (a + `emp.var.rate`)").evaluate({"a": 1.0, "emp.var.rate": -0.5})
    1.0
    >>> parse("9 * (balance - 1")
    Traceback (most recent call last):
    assay.errors.ExpressionError: The expression is cut short at character 17:
        9 * (balance - 1
                        ^
    To mend: close the bracket with `)`.
    """
    return Expression(text.strip(), _Parser(text.strip()).program())


class _Parser:
    """Recursive descent that emits steps as it goes: only brackets cost stack depth."""

    def __init__(self, text: str) -> None:
        self.text, self.steps = text, list[_Step]()
        self.start = self.stop = self.depth = 0
        self.kind = self.word = ""

    def program(self) -> tuple[_Step, ...]:
        if not self.text:
            raise ExpressionError("The expression is empty. To mend: write a number or a formula.")
        if len(self.text) > _LONGEST:
            raise ExpressionError(f"The expression is longer than {_LONGEST} characters.")
        self._advance()
        self._expression()
        if self.kind != "end":
            raise self._fault(*self._leftover())
        return tuple(self.steps)

    def _expression(self) -> None:
        self._sum()
        if self._at(*_COMPARISONS):
            name = self.word
            self._advance()
            self._sum()
            self.steps.append(_Operation(name, 2))

    def _sum(self) -> None:
        self._joined(("+", "-"), self._product)

    def _product(self) -> None:
        self._joined(("*", "/"), self._factor)

    def _joined(self, signs: tuple[str, str], part: Callable[[], None]) -> None:
        part()
        while self._at(*signs):
            name = self.word
            self._advance()
            part()
            self.steps.append(_Operation(name, 2))

    def _factor(self) -> None:
        negative = False
        while self._at("-"):
            negative = not negative
            self._advance()
        self._atom()
        if negative:
            self.steps.append(_Operation("negative", 1))

    def _atom(self) -> None:
        if self.kind == "number":
            self._number()
        elif self.kind == "quoted":
            self.steps.append(_Column(self.word))
            self._advance()
        elif self.kind == "name":
            self._name()
        elif self._at("("):
            self._bracket()
            self._close()
        else:
            raise self._fault(*self._unexpected())

    def _number(self) -> None:
        value = float(self.word)
        if value == float("inf"):
            raise self._fault("has too large a number", "write one below 1e308")
        self.steps.append(value)
        self._advance()
        if self.kind in ("name", "quoted", "number"):
            raise self._fault(
                "has a number that runs into the next word", "write `2 * x`, and 1000 for 1_000"
            )

    def _name(self) -> None:
        name, start = self.word, self.start
        if name in _WORDS:
            raise self._fault(f"has `{name}`, which is no part of the grammar", _WORDS[name])
        self._advance()
        if self._at("("):
            self._function(name, start)
        else:
            self.steps.append(_Column(name))

    def _function(self, name: str, start: int) -> None:
        if name not in _FUNCTIONS:
            mend = did_you_mean(name, _FUNCTIONS) or "use min, max or where"
            raise self._fault(f"calls `{name}`, which is no function", mend, start)
        self._bracket()
        count = 1
        while self._at(","):
            self._advance()
            self._expression()
            count += 1
        if name == "where" and count != 3:
            raise self._fault(f"gives where {count} arguments", "write where(test, a, b)", start)
        self._close()
        self.steps.append(_Operation(name, count))

    def _bracket(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._fault("has too many brackets in each other", f"use at most {_DEEPEST}")
        self._advance()
        self._expression()

    def _close(self) -> None:
        if not self._at(")"):
            cut = ("is cut short", "close the bracket with `)`")
            raise self._fault(*(cut if self.kind == "end" else self._leftover()))
        self.depth -= 1
        self._advance()

    def _at(self, *signs: str) -> bool:
        return self.kind == "sign" and self.word in signs

    def _advance(self) -> None:
        match = _TOKEN.match(self.text, self.stop)
        if match is None or match.lastgroup is None:
            rest = self.text[self.stop :].lstrip()
            self.start = len(self.text) - len(rest)
            raise self._fault(f"has an odd `{rest[0]}`", _MENDS.get(rest[0], "take it out"))
        self.kind = match.lastgroup
        self.word = match[self.kind].strip()
        self.start, self.stop = match.start(self.kind), match.end()

    def _leftover(self) -> tuple[str, str]:
        if self.word in _WORDS:
            return f"has `{self.word}`, which is no part of the grammar", _WORDS[self.word]
        if self.word in _COMPARISONS:
            return "compares twice in a row", "write min(a < b, b < c)"
        if self.word == ")":
            return "closes a bracket that nothing opened", "take the `)` out"
        return f"goes on with `{self.word}` where it should end", "join the parts with + - * /"

    def _unexpected(self) -> tuple[str, str]:
        if self.kind == "end":
            return "is cut short", "write a number or a column at the end"
        return f"has `{self.word}` where a number or a column belongs", "write one there"

    def _fault(self, problem: str, mend: str, start: int | None = None) -> ExpressionError:
        at = self.start if start is None else start
        stop = "" if mend.endswith("?") else "."
        return ExpressionError(
            f"The expression {problem} at character {at + 1}:\n"
            f"    {self.text}\n    {' ' * at}^\nTo mend: {mend}{stop}"
        )


def _require(needed: frozenset[str], given: Mapping[str, Any], problem: str, have: str) -> None:
    missing = sorted(needed.difference(given))
    if missing:
        names, known = (", ".join(f"`{name}`" for name in sorted(m)) for m in (missing, given))
        hint = did_you_mean(missing[0], given).capitalize()
        raise ExpressionError(f"{problem.format(names)}. {have}: {known or 'none'}. {hint}".strip())


def _numbers(name: str, values: Any) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ExpressionError(
            f"Column `{name}` holds text, but an expression needs numbers. "
            "To mend: use a column of numbers, or make one of it in the data."
        )
    return array.astype(np.float64)


def _run(
    program: tuple[_Step, ...],
    values: Mapping[str, Any],
    operations: Mapping[str, Callable[..., Any]],
    constant: Callable[[float], Any] = float,
) -> Any:
    stack: list[Any] = []
    for step in program:
        if isinstance(step, _Column):
            stack.append(values[step.name])
        elif isinstance(step, _Operation):
            arguments = stack[-step.arguments :]
            del stack[-step.arguments :]
            stack.append(operations[step.name](*arguments))
        else:
            stack.append(constant(step))
    return stack[0]


def _compared(compare: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, compare(a, b))


def _where(test: Any, a: Any, b: Any) -> Any:
    return np.where(np.isnan(test), np.nan, np.where(test != 0, a, b))


_ON_ARRAYS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "negative": np.negative,
    "<": _compared(np.less),
    "<=": _compared(np.less_equal),
    ">": _compared(np.greater),
    ">=": _compared(np.greater_equal),
    "==": _compared(np.equal),
    "!=": _compared(np.not_equal),
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "where": _where,
}


def _hull(*ends: float) -> Interval:
    if not np.isfinite(ends).all():
        raise ExpressionError(
            "An expression can grow beyond every number within its caps. "
            "To mend: give narrower caps."
        )
    return min(ends), max(ends)


def _quotients(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0 <= b[1]:
        raise ExpressionError(
            f"An expression divides by something that its caps allow to be zero ([{b[0]:g}, "
            f"{b[1]:g}]). To mend: keep the divisor away from zero, as in x / max(y, 1)."
        )
    return _hull(*(x / y for x in a for y in b))


def _decided(surely: bool, surely_not: bool) -> Interval:
    return float(surely), float(not surely_not)


def _either(test: Interval, a: Interval, b: Interval) -> Interval:
    if test == (0.0, 0.0):
        return b
    if test[0] > 0 or test[1] < 0:
        return a
    return min(a[0], b[0]), max(a[1], b[1])


def _equal(a: Interval, b: Interval) -> Interval:
    return _decided(a[0] == a[1] == b[0] == b[1], a[1] < b[0] or b[1] < a[0])


_ON_INTERVALS: dict[str, Callable[..., Interval]] = {
    "+": lambda a, b: _hull(a[0] + b[0], a[1] + b[1]),
    "-": lambda a, b: _hull(a[0] - b[1], a[1] - b[0]),
    "*": lambda a, b: _hull(*(x * y for x in a for y in b)),
    "/": _quotients,
    "negative": lambda a: (-a[1], -a[0]),
    "<": lambda a, b: _decided(a[1] < b[0], a[0] >= b[1]),
    "<=": lambda a, b: _decided(a[1] <= b[0], a[0] > b[1]),
    ">": lambda a, b: _decided(a[0] > b[1], a[1] <= b[0]),
    ">=": lambda a, b: _decided(a[0] >= b[1], a[1] < b[0]),
    "==": _equal,
    "!=": lambda a, b: (1 - _equal(a, b)[1], 1 - _equal(a, b)[0]),
    "min": lambda *parts: (min(p[0] for p in parts), min(p[1] for p in parts)),
    "max": lambda *parts: (max(p[0] for p in parts), max(p[1] for p in parts)),
    "where": _either,
}
