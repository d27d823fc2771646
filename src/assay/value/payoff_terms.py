"""Payoffs multiplied out: coefficients over a few columns of numbers, whose sums can be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from assay.errors import ExpressionError
from assay.expression import Expression, parse
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats, PayoffTable, capped, finite
from assay.value.plugin import PluggedTable
from assay.value.polynomial import Polynomial, expanded, larger, smaller
from assay.value.reviewer import Reviewer
from assay.value.valuation import Valuation

__all__ = ["MOST_TERMS", "PayoffTerms", "coefficients_of", "payoff_terms"]

MOST_TERMS = 8
"""Terms above which their products, of each two of them in each cell, would be too many to keep."""


@dataclass(frozen=True)
class PayoffTerms:
    """Payoffs of A actions (`refer` last) given K outcomes, linear in T terms and the constant 1.

    `terms` name themselves: each is a formula over columns (a product of columns, or what cannot
    be multiplied out: a minimum, a maximum, a case distinction, a quotient), with caps written out;
    or a payoff function with the action and outcome it is asked for. `coefficients` are
    (A, K, 1 + T), the constant first. Where payoffs cannot be written so, `reread` says why in
    words, and the coefficients are NaN: the rows must be read again.
    """

    terms: tuple[str, ...]
    coefficients: Floats
    reread: str = ""
    plugged: PluggedTable | None = field(default=None, repr=False)

    def values(self, columns: Columns, n: int) -> Floats:
        """Return the terms of n cases, (n, T).

        Raises DataError where a column is missing, holds text or missing values, or where a
        quotient is not finite: money must not be guessed.
        """
        own = {} if self.plugged is None else _asked(self.plugged, columns, n, self.terms)
        found = np.empty((n, len(self.terms)))
        for place, term in enumerate(self.terms):
            found[:, place] = own[term] if term in own else _worked_out(parse(term), columns)
        return found


def payoff_terms(valuation: Valuation) -> PayoffTerms:
    """Multiply a valuation's payoffs out.

    Sums, differences, products and quotients by numbers expand; every other part is one term as a
    whole. Payoffs of more than `MOST_TERMS` terms are taken formula by formula, and where there are
    too many formulas `reread` says so. Amounts that are decided have no such terms.

    >>> from assay.charter.policy import BestAction
    >>> table = PayoffTable(("lend", "wait"), ("lost", "paid"),
    ...     (("-amount", "amount * (rate - 0.25) - 5"), (0.0, 0.0)), {"amount": (0.0, 1e4)})
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "wait"}, "nobody")
    >>> found = payoff_terms(bank)
    >>> found.terms
    ('min(max(amount, 0.0), 10000.0)', 'min(max(amount, 0.0), 10000.0) * rate')
    >>> found.coefficients[0]
    array([[ 0.  , -1.  ,  0.  ],
           [-5.  , -0.25,  1.  ]])
    """
    if not isinstance(valuation, ClassificationValuation):
        return _reread((), (0, 0), "amounts are decided, and no terms are kept of them")
    cells = list(chain.from_iterable(_cells(valuation)))
    plugged = isinstance(valuation.table, PluggedTable)
    for wholes in (False, True):
        terms = _named(cell.as_one() if wholes else cell for cell in cells)
        if len(terms) <= MOST_TERMS and (plugged or all(map(_reads, terms))):
            return coefficients_of(valuation, terms)
    shape = (len(valuation.actions), len(valuation.labels))
    why = f"payoffs are made of more than {MOST_TERMS} terms, or too long ones, to keep sums of"
    return _reread((), shape, why)


def coefficients_of(valuation: Valuation, terms: Sequence[str]) -> PayoffTerms:
    """Return the coefficients of payoffs over terms that were stored, perhaps for other payoffs.

    Where a payoff needs a term that is not among them, `reread` names it.

    >>> from assay.charter.policy import BestAction
    >>> def bank(pays):
    ...     table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, pays), (0.0, 0.0)))
    ...     return ClassificationValuation("EUR", table, BestAction(), {"no": "skip"}, "no")
    >>> stored = payoff_terms(bank("amount - 1"))
    >>> coefficients_of(bank("3 * amount - 2"), stored.terms).coefficients[0, 1]
    array([-2.,  3.])
    >>> coefficients_of(bank("max(amount, 5)"), stored.terms).reread
    'the rows keep no sum of `max(5.0, amount)`'
    """
    if not isinstance(valuation, ClassificationValuation):
        return _reread(terms, (0, 0), "amounts are decided, and no terms are kept of them")
    shape = (len(valuation.actions), len(valuation.labels))
    places = {name: place + 1 for place, name in enumerate(terms)}
    coefficients = np.zeros((*shape, 1 + len(terms)))
    for a, row in enumerate(_cells(valuation)):
        for k, cell in enumerate(row):
            known = next((one for one in (cell, cell.as_one()) if _within(one, places)), None)
            if known is None:
                strange = [name for name, _ in cell.named() if name not in places]
                return _reread(terms, shape, f"the rows keep no sum of `{strange[0]}`")
            coefficients[a, k, 0] = known.constant
            for name, factor in known.named():
                coefficients[a, k, places[name]] = factor
    if not np.isfinite(coefficients).all():
        return _reread(terms, shape, "a payoff's factor is not a finite number")
    table = valuation.table
    plugged = table if isinstance(table, PluggedTable) else None
    return PayoffTerms(tuple(terms), coefficients, plugged=plugged)


def _reads(term: str) -> bool:
    """Whether a formula is still short enough to be read back."""
    try:
        parse(term)
    except ExpressionError:
        return False
    return True


def _within(cell: Polynomial, places: Mapping[str, int]) -> bool:
    return all(name in places for name, _ in cell.named())


def _reread(terms: Sequence[str], shape: tuple[int, int], why: str) -> PayoffTerms:
    return PayoffTerms(tuple(terms), np.full((*shape, 1 + len(terms)), np.nan), why)


def _named(cells: Iterable[Polynomial]) -> tuple[str, ...]:
    return tuple(sorted({name for cell in cells for name, _ in cell.named()}))


def _cells(valuation: ClassificationValuation) -> list[list[Polynomial]]:
    """Return each payoff, that of referring last, as a polynomial."""
    table = valuation.table
    if isinstance(table, PayoffTable):
        cells = [
            [
                expanded(term, table.caps)
                if isinstance(term, Expression)
                else Polynomial.number(term)
                for term in row
            ]
            for row in table.terms
        ]
    else:
        cells = [
            [Polynomial.atom(_asks(table, action, label)) for label in table.labels]
            for action in table.actions
        ]
    if valuation.reviewer is not None:
        cells.append(_referred(valuation.reviewer, cells, table))
    return cells


def _referred(
    reviewer: Reviewer, cells: list[list[Polynomial]], table: PayoffTable | PluggedTable
) -> list[Polynomial]:
    """Return what referring pays given each outcome (see `Reviewer.row`)."""
    row = []
    for k, label in enumerate(table.labels):
        given = [cell[k] for cell in cells]
        if reviewer.shares is not None:
            parts = [one.times(share) for one, share in zip(given, reviewer.shares[k], strict=True)]
        elif isinstance(table, PluggedTable):
            best, worst = (Polynomial.atom(_asks(table, end, label)) for end in ("max", "min"))
            parts = _either(reviewer, best, worst)
        else:
            parts = _either(reviewer, larger(given), smaller(given))
        row.append(sum(parts, start=Polynomial.number(-reviewer.cost)))
    return row


def _either(reviewer: Reviewer, best: Polynomial, worst: Polynomial) -> list[Polynomial]:
    right = float(reviewer.accuracy or 0.0)
    return [best.times(right), worst.times(1 - right)]


def _asks(table: PluggedTable, action: str, label: str) -> str:
    """Return the name of what a payoff function returns; `max` and `min` are over its actions."""
    caps = "".join(f", {name} in [{low:g}, {high:g}]" for name, (low, high) in _capping(table))
    return f"{table.plugin.name}: {action} given {label}{caps}"


def _capping(table: PluggedTable) -> list[tuple[str, tuple[float, float]]]:
    return [(name, cap) for name, cap in sorted(table.caps.items()) if name in table.columns]


def _asked(
    table: PluggedTable, columns: Columns, n: int, terms: Sequence[str]
) -> dict[str, Floats]:
    """Return what a payoff function returns for each term that is one of its own."""
    paid = table.matrix(columns, n)
    found = {}
    for k, label in enumerate(table.labels):
        for a, action in enumerate(table.actions):
            found[_asks(table, action, label)] = paid[:, a, k]
        found[_asks(table, "max", label)] = paid[:, :, k].max(axis=1)
        found[_asks(table, "min", label)] = paid[:, :, k].min(axis=1)
    return {name: values for name, values in found.items() if name in terms}


def _worked_out(term: Expression, columns: Columns) -> Floats:
    return finite(term, capped(columns, term.columns, {}))
