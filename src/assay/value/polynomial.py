"""Formulas as sums of products: what expands is multiplied out, what does not is one factor."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from assay.expression import Expression
from assay.value.payoff import Caps

__all__ = ["Polynomial", "column_named", "expanded", "larger", "smaller"]

_MOST_PARTS = 64
"""Products above which a further multiplication is kept as it stands."""

_PLAIN = re.compile(r"[^\W\d]\w*\Z")
_WORDS = {"and", "or", "min", "max", "where"}
_CLOSED = re.compile(r"[^\W\d]\w*\Z|`[^`]*`\Z")
_CALL = re.compile(r"(?:min|max|where)?\(")

Monomial = tuple[str, ...]


@dataclass(frozen=True)
class Polynomial:
    """A sum of factors times products of atoms: `parts` has, for each product, its factor.

    A product is its atoms' texts in order, `()` the constant. An atom is a column, or a formula
    that does not expand; both read as formulas of `assay.expression`.

    >>> x, y = Polynomial.atom("x"), Polynomial.atom("y")
    >>> str((x + y) * (x - y) + Polynomial.number(3.0))
    '3.0 + x * x - y * y'
    """

    parts: Mapping[Monomial, float] = field(default_factory=dict)

    @classmethod
    def number(cls, value: float) -> Polynomial:
        """Return a constant."""
        return cls({(): float(value)} if value else {})

    @classmethod
    def atom(cls, text: str) -> Polynomial:
        """Return something that is not looked into."""
        return cls({(text,): 1.0})

    @property
    def constant(self) -> float:
        """The part that is the same in every case."""
        return self.parts.get((), 0.0)

    @property
    def is_number(self) -> bool:
        """Whether nothing varies."""
        return all(not product for product in self.parts)

    def named(self) -> list[tuple[str, float]]:
        """Return each product by its text, but for the constant, with its factor."""
        return [(_product(atoms), factor) for atoms, factor in sorted(self.parts.items()) if atoms]

    def as_one(self) -> Polynomial:
        """Return the same with all that varies as one atom, beside the constant."""
        varying = Polynomial({atoms: factor for atoms, factor in self.parts.items() if atoms})
        if len(varying.parts) < 2:
            return self
        return Polynomial.number(self.constant) + Polynomial.atom(str(varying))

    def times(self, factor: float) -> Polynomial:
        """Return the product with a number."""
        return Polynomial({atoms: factor * one for atoms, one in self.parts.items() if factor})

    def __add__(self, other: Polynomial) -> Polynomial:
        parts = dict(self.parts)
        for atoms, factor in other.parts.items():
            parts[atoms] = parts.get(atoms, 0.0) + factor
        return Polynomial({atoms: factor for atoms, factor in parts.items() if factor})

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other.times(-1.0)

    def __mul__(self, other: Polynomial) -> Polynomial:
        if len(self.parts) * len(other.parts) > _MOST_PARTS:
            return Polynomial.atom(f"({self}) * ({other})")
        found = Polynomial()
        for own, first in self.parts.items():
            for others, second in other.parts.items():
                product = tuple(sorted((*own, *others)))
                found = found + Polynomial({product: first * second})
        return found

    def __str__(self) -> str:
        text = ""
        for atoms, factor in sorted(self.parts.items()):
            sign = " - " if factor < 0 else " + "
            size = abs(factor)
            head = "" if atoms and size == 1 else f"{size!r}"
            text += sign + " * ".join(part for part in (head, _product(atoms)) if part)
        if not text:
            return "0"
        return ("-" if text.startswith(" - ") else "") + text[3:]


def expanded(expression: Expression, caps: Caps) -> Polynomial:
    """Multiply a formula out; a column with a cap is read inside it.

    >>> from assay.expression import parse
    >>> str(expanded(parse("2 * (a + 1) * b / 4 - max(b, a)"), {"a": (0, 9)}))
    '0.5 * b + 0.5 * b * min(max(a, 0.0), 9.0) - max(b, min(max(a, 0.0), 9.0))'
    """
    stack: list[Polynomial] = []
    for step in expression.program:
        arguments = getattr(step, "arguments", 0)
        if isinstance(step, float):
            stack.append(Polynomial.number(step))
        elif arguments:
            stack[-arguments:] = [_OPERATIONS[step.name](*stack[-arguments:])]
        else:
            stack.append(Polynomial.atom(column_named(step.name, caps)))
    return stack[0]


def column_named(name: str, caps: Caps) -> str:
    """Return the formula of a column that is moved inside its cap.

    >>> column_named("emp.rate", {"emp.rate": (0, 1)})
    'min(max(`emp.rate`, 0.0), 1.0)'
    """
    text = name if _PLAIN.match(name) and name not in _WORDS else f"`{name}`"
    low, high = caps.get(name, (float("-inf"), float("inf")))
    if isfinite(low):
        text = f"max({text}, {float(low)!r})"
    return f"min({text}, {float(high)!r})" if isfinite(high) else text


def larger(given: Sequence[Polynomial]) -> Polynomial:
    """Return the largest of several."""
    return _chosen("max", max, given)


def smaller(given: Sequence[Polynomial]) -> Polynomial:
    """Return the smallest of several."""
    return _chosen("min", min, given)


def _chosen(name: str, choose: Callable[..., float], given: Sequence[Polynomial]) -> Polynomial:
    distinct = sorted({str(one): one for one in given}.items())
    if len(distinct) == 1:
        return distinct[0][1]
    if all(one.is_number for one in given):
        return Polynomial.number(choose(one.constant for one in given))
    return Polynomial.atom(f"{name}({', '.join(text for text, _ in distinct)})")


def _product(atoms: Monomial) -> str:
    return " * ".join(
        atom if len(atoms) == 1 or _is_closed(atom) else f"({atom})" for atom in atoms
    )


def _is_closed(text: str) -> bool:
    """Whether a formula is a column, or one bracket from beginning to end."""
    if _CLOSED.match(text):
        return True
    depth, inside = 0, False
    for place, sign in enumerate(text):
        inside ^= sign == "`"
        depth += 0 if inside else (sign == "(") - (sign == ")")
        if sign == ")" and not inside and depth == 0:
            return place == len(text) - 1 and bool(_CALL.match(text))
    return False


def _divided(a: Polynomial, b: Polynomial) -> Polynomial:
    if b.is_number and b.constant:
        return a.times(1.0 / b.constant)
    return Polynomial.atom(f"({a}) / ({b})")


def _compared(sign: str) -> Callable[[Polynomial, Polynomial], Polynomial]:
    return lambda a, b: Polynomial.atom(f"(({a}) {sign} ({b}))")


def _where(test: Polynomial, a: Polynomial, b: Polynomial) -> Polynomial:
    return Polynomial.atom(f"where({test}, {a}, {b})")


_OPERATIONS: Mapping[str, Callable[..., Polynomial]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "negative": lambda a: a.times(-1.0),
    **{sign: _compared(sign) for sign in ("<", "<=", ">", ">=", "==", "!=")},
    "min": lambda *given: smaller(given),
    "max": lambda *given: larger(given),
    "where": _where,
}
