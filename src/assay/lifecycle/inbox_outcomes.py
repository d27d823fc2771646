"""Outcomes as gateways were told them, read by the charter: nothing is refused once answered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from assay.charter.charter import Charter
from assay.ports.outcome_inbox import Happened
from assay.value.labels import label_text
from assay.value.valuation import valuation

__all__ = ["sifted_by", "unreadable_by"]

Sifted = tuple[pl.DataFrame, Mapping[str, int]]


def sifted_by(charter: Charter) -> Callable[[Sequence[tuple[str, Happened]]], Sifted]:
    """Return what tells outcomes that the charter can read from those that it cannot.

    It gives a table (id, outcome) of what is readable, in the order in which it was told, and
    counts the rest by the reason: a label that the charter has not, an amount that is no number or
    beyond its caps. They cannot be given back to whoever told them: the gateway has answered.
    """
    amounts, read_one = _reader(charter)

    def sift(told: Sequence[tuple[str, Happened]]) -> Sifted:
        refused: Counter[str] = Counter()
        rows: list[tuple[str, str | float]] = []
        for id_, outcome in told:
            read = read_one(outcome)
            if read is None:
                refused[_why(outcome, amounts=amounts)] += 1
            else:
                rows.append((id_, read))
        kind = pl.Float64() if amounts else pl.String()
        return pl.DataFrame(
            rows, schema={"id": pl.String(), "outcome": kind}, orient="row"
        ), refused

    return sift


def unreadable_by(charter: Charter) -> Callable[[Happened], str]:
    """Return what tells why the charter cannot read an outcome; "" of one that it can."""
    amounts, read = _reader(charter)
    return lambda outcome: "" if read(outcome) is not None else _why(outcome, amounts=amounts)


def _reader(charter: Charter) -> tuple[bool, Callable[[Happened], str | float | None]]:
    """Return whether outcomes are amounts, and what reads one; None where it cannot be one."""
    valued = valuation(charter.value, charter.data)
    labels = frozenset(valued.labels)
    least, most = charter.value.caps.get("outcome", (-math.inf, math.inf))
    if valued.task == "regression":
        return True, lambda outcome: _amount(outcome, least, most)
    return False, lambda outcome: _label(outcome, labels)


def _label(outcome: Happened, labels: frozenset[str]) -> str | None:
    text = label_text(outcome)
    return text if text in labels else None


def _amount(outcome: Happened, least: float, most: float) -> float | None:
    try:
        amount = float(outcome)
    except ValueError:
        return None
    return amount if math.isfinite(amount) and least <= amount <= most else None


def _why(outcome: Happened, *, amounts: bool) -> str:
    if not amounts:
        return f"the outcome `{label_text(outcome)[:40]}`, which the charter has not"
    return "an outcome that is no number, or beyond the charter's caps"
