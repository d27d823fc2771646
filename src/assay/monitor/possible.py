"""What decisions would pay under each outcome that may still come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.ports.engine import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Blocks", "Possible", "calibration_error", "possible_payoffs", "possible_uplifts"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Blocks:
    """The calibration block of each case, and how many labelled cases stand behind each block.

    `by_amount` says that probabilities hang on the amount at stake as well: see `Possible.errors`.
    """

    of_case: Ints
    labelled: Ints
    by_amount: bool = False

    def at(self, rows: NDArray[np.bool_]) -> Blocks:
        """Return the blocks of some of the cases."""
        return Blocks(self.of_case[rows], self.labelled, self.by_amount)


@dataclass(frozen=True, eq=False)
class Possible:
    """Amounts (n, K) under each of K outcomes or quantiles, and the outcomes' weights (n, K).

    `certain` (n,) says which cases pay the same whatever the outcome.
    """

    amounts: Floats
    weights: Floats
    certain: NDArray[np.bool_]

    def mean(self) -> Floats:
        """Return the expected amount of each case."""
        expected: Floats = (self.weights * self.amounts).sum(axis=1)
        return expected

    def reach(self) -> Floats:
        """Return how far each case's amount may lie from the expected one at most."""
        reach: Floats = np.abs(self.amounts - self.mean()[:, None]).max(axis=1)
        return reach

    def at(self, rows: NDArray[np.bool_]) -> Possible:
        """Return some of the cases."""
        return Possible(self.amounts[rows], self.weights[rows], self.certain[rows])

    def errors(self, blocks: Blocks) -> tuple[float, float]:
        """Return the standard error of the mean from outcomes to come, and from calibration.

        For two outcomes with difference D and block b of m labelled cases their squares, times
        n^2, are `sum p (1 - p) D^2` and `sum_b (sum_{i in b} D_i)^2 p_b (1 - p_b) / m_b`; for K
        outcomes the variances over the K outcomes stand in the same places. Blocks `by_amount` owe
        what D varies within them as well: see `calibration_error`.
        """
        n = len(self.amounts)
        noise = float((self.weights * (self.amounts - self.mean()[:, None]) ** 2).sum())
        common, apart = [], []
        for block in np.unique(blocks.of_case):
            inside = blocks.of_case == block
            count, cases = int(blocks.labelled[block]), int(inside.sum())
            share = self.weights[inside].mean(axis=0) if count else np.ones(self.weights.shape[1])
            share = share / share.sum()
            amounts = self.amounts[inside]
            sums, off = amounts.sum(axis=0), amounts - (amounts @ share)[:, None]
            common.append(float(share @ (sums - share @ sums) ** 2) / max(count, 1))
            apart.append(cases * float((off**2 @ share).sum()) / max(count, 1))
        squares = np.array(apart if blocks.by_amount else common)
        calibration = calibration_error(np.array(common), squares)
        return float(np.sqrt(noise)) / n, calibration / n


def calibration_error(common: Floats, apart: Floats) -> float:
    """Return the standard error that calibration leaves to a total.

    `common` (B,) are the squared errors of B blocks whose probability is wrong by the same for all
    cases of one: `(sum D)^2 p (1 - p) / m`. `apart` are those where each case counts by its own
    amount, `n (sum D^2) p (1 - p) / m`, never less; equal to them where errors hang on no amount.
    What lies between is the most that an error can add that varies within a block as much as the
    block's own does (Cauchy and Schwarz). Such errors are of one kind in all blocks (a map too
    flat for the largest amounts, decisions drawn to what it sees too high) and add up as they are.

    >>> calibration_error(np.array([9.0, 16.0]), np.array([9.0, 16.0]))
    5.0
    >>> calibration_error(np.array([9.0, 16.0]), np.array([13.0, 116.0]))
    13.0
    """
    along = np.sqrt(np.maximum(apart - common, 0.0)).sum()
    return float(np.sqrt(common.sum() + along**2))


def possible_payoffs(
    valuation: Valuation, forecast: Floats, decisions: NDArray[Any], columns: Columns
) -> Possible:
    """Return what decisions would pay under each outcome of the forecast (n, K).

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.classification import ClassificationValuation
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> calls = possible_payoffs(bank, np.array([[0.8, 0.2]]), np.array([0]), {})
    >>> calls.amounts, calls.mean()
    (array([[-1.,  9.]]), array([1.]))
    """
    n, outcomes = forecast.shape
    coded = valuation.task == "classification"
    amounts = np.column_stack(
        [
            valuation.realised(
                decisions, np.full(n, k, dtype=np.int64) if coded else forecast[:, k], columns
            )
            for k in range(outcomes)
        ]
    )
    if coded:
        return Possible(amounts, forecast, np.ptp(amounts, axis=1) == 0)
    # Quantiles do not exhaust what may come: no amount is certain.
    weights = np.full(forecast.shape, 1.0 / outcomes)
    return Possible(amounts, weights, np.zeros(n, dtype=np.bool_))


def possible_uplifts(
    valuation: Valuation, forecast: Floats, decisions: NDArray[Any], columns: Columns
) -> Possible:
    """Return what decisions would pay above the baseline under each outcome of the forecast."""
    baseline = valuation.baseline(columns, len(decisions))
    own = possible_payoffs(valuation, forecast, decisions, columns)
    base = possible_payoffs(valuation, forecast, baseline, columns)
    gains = own.amounts - base.amounts
    if valuation.task == "classification":
        return Possible(gains, own.weights, np.ptp(gains, axis=1) == 0)
    return Possible(gains, own.weights, np.asarray(decisions == baseline, dtype=np.bool_))
