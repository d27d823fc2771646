"""What a challenger's decisions would have paid above those that were taken, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.lifecycle.payoffs import realised_payoffs
from assay.value.valuation import Valuation

__all__ = ["paired_differences"]

Floats = NDArray[np.float64]
Record = Mapping[str, Any]


def paired_differences(
    valued: Valuation,
    taken: Sequence[Record],
    copies: Sequence[Record | None],
    outcomes: Sequence[Any],
) -> tuple[Floats, Floats]:
    """Return the least and the most that each case (n,) says about challenger minus the other arm.

    `copies` are the challenger's records of the cases `taken`, None where there is none. Both
    decisions are paid under the one outcome and the one case's inputs, which is right only where
    no action moves the outcome. What is not known is taken at its least and at its most: an outcome
    (None) may be any, and a copy that is missing may have decided anything. Two decisions that are
    alike pay the same whatever the outcome.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.classification import ClassificationValuation
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> call, skip = ({"decision": one, "inputs": {}} for one in ("call", "skip"))
    >>> least, most = paired_differences(
    ...     bank, [skip] * 4, [call, call, skip, None], ["yes", None, None, "no"]
    ... )
    >>> least.tolist(), most.tolist()
    ([9.0, -1.0, 0.0, -1.0], [9.0, 9.0, 0.0, 0.0])
    """
    low, high = valued.bounds()
    n = len(taken)
    least, most = np.full(n, np.inf), np.full(n, -np.inf)
    tried = [_decided(record, copy) for record, copy in zip(taken, copies, strict=True)]
    missing = np.array([copy is None for copy in copies], dtype=np.bool_)
    alike = np.array(
        [one["decision"] == other["decision"] for one, other in zip(taken, tried, strict=True)],
        dtype=np.bool_,
    )
    for outcome in valued.labels or (None,):
        told = [outcome if one is None else one for one in outcomes]
        before = realised_payoffs(valued, taken, told)
        after = realised_payoffs(valued, tried, told)
        down, up = (np.where(missing, end, after) for end in _ends(valued, taken, told))
        same = alike & ~missing
        gap_low = np.where(np.isnan(down), low, down) - np.where(np.isnan(before), high, before)
        gap_high = np.where(np.isnan(up), high, up) - np.where(np.isnan(before), low, before)
        least = np.minimum(least, np.where(same, 0.0, gap_low))
        most = np.maximum(most, np.where(same, 0.0, gap_high))
    return least, most


def _decided(record: Record, copy: Record | None) -> Record:
    """Return the case with the challenger's decision; with its own where there is none."""
    return record if copy is None else {**record, "decision": copy["decision"]}


def _ends(
    valued: Valuation, records: Sequence[Record], outcomes: Sequence[Any]
) -> tuple[Floats, Floats]:
    """Return the least and the most that any action could have paid on each case (n,).

    NaN where that is not known, and where amounts are decided.
    """
    if not valued.actions:
        unknown = np.full(len(records), np.nan)
        return unknown, unknown
    each = np.array(
        [
            realised_payoffs(valued, [{**one, "decision": action} for one in records], outcomes)
            for action in valued.actions
        ]
    )
    return each.min(axis=0), each.max(axis=0)
