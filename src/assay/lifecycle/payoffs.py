"""What served decisions paid, by the payoffs that are agreed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.value.classification import ClassificationValuation
from assay.value.labels import label_text
from assay.value.regression import RegressionValuation
from assay.value.valuation import Valuation

__all__ = ["columns_paid", "realised_payoffs"]

Floats = NDArray[np.float64]


def realised_payoffs(
    valued: Valuation, records: Sequence[Mapping[str, Any]], outcomes: Sequence[Any]
) -> Floats:
    """Return what each captured decision paid (n,), NaN where that is not known.

    All are paid by one valuation, that of the charter as it is now, whichever version decided:
    amounts under different payoffs cannot be compared. A payoff is known where the outcome is
    (None where it has not come), and where it is the same whatever the outcome. It is not known
    where the charter no longer has the action or the outcome, or where the case was served without
    a number that the payoff reads.

    >>> from assay.value.payoff import PayoffTable
    >>> from assay.charter.policy import BestAction
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> served = [{"decision": name, "inputs": {}} for name in ("call", "call", "skip", "write")]
    >>> realised_payoffs(bank, served, ["yes", None, None, "yes"])
    array([ 9., nan,  0., nan])
    """
    decisions, columns, possible = _readable(valued, records)
    whatever = [
        _paid(valued, decisions, np.full(len(records), code), columns, possible)
        for code in range(len(valued.labels))
    ]
    paid = np.full(len(records), np.nan)
    if whatever:
        paid = np.where(np.ptp(whatever, axis=0) == 0, whatever[0], np.nan)
    encoded, told = _encoded(valued, outcomes)
    known = possible & told
    return np.where(known, _paid(valued, decisions, encoded, columns, known), paid)


def _readable(
    valued: Valuation, records: Sequence[Mapping[str, Any]]
) -> tuple[NDArray[Any], dict[str, Floats], NDArray[np.bool_]]:
    """Return decisions, the columns that payoffs read, and which rows have all of them."""
    codes = {name: code for code, name in enumerate(valued.actions)}
    if codes:
        decisions = np.array([codes.get(one["decision"], -1) for one in records], dtype=np.int64)
        possible = decisions >= 0
    else:
        decisions = np.array([_number(one["decision"]) for one in records], dtype=np.float64)
        possible = np.isfinite(decisions)
    columns = {
        name: np.array([_number(one["inputs"].get(name)) for one in records], dtype=np.float64)
        for name in columns_paid(valued)
    }
    for values in columns.values():
        possible = possible & np.isfinite(values)
    return decisions, columns, possible


def _encoded(valued: Valuation, outcomes: Sequence[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return outcomes as codes or amounts, and which of them are known."""
    if valued.task == "regression":
        amounts = np.array([_number(one) for one in outcomes], dtype=np.float64)
        return amounts, np.isfinite(amounts)
    codes = {label: code for code, label in enumerate(valued.labels)}
    told = [-1 if one is None else codes.get(label_text(one), -1) for one in outcomes]
    encoded = np.array(told, dtype=np.int64)
    return encoded, encoded >= 0


def _paid(
    valued: Valuation,
    decisions: NDArray[Any],
    outcomes: NDArray[Any],
    columns: Mapping[str, Floats],
    rows: NDArray[np.bool_],
) -> Floats:
    """Return the payoffs of some rows, NaN for the others."""
    paid = np.full(len(decisions), np.nan)
    if rows.any():
        part = {name: values[rows] for name, values in columns.items()}
        paid[rows] = valued.realised(decisions[rows], outcomes[rows], part)
    return paid


def columns_paid(valued: Valuation) -> frozenset[str]:
    """Return the columns that payoffs read; those of baselines do not matter here."""
    if isinstance(valued, ClassificationValuation):
        return valued.table.columns
    if isinstance(valued, RegressionValuation):
        return valued.payoff.columns
    return valued.columns


def _number(given: Any) -> float:
    """Return a captured value as a number; NaN where it is none."""
    try:
        return float(given)
    except (TypeError, ValueError):
        return float("nan")
