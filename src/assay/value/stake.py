"""What hangs on each case: how much the outcome changes what acting gains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import Threshold, TopK
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.forecaster import Forecaster, forecast, learn_forecaster
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["forecast_cases", "gain_at_stake", "learn_from_cases"]


def gain_at_stake(valuation: Valuation, columns: Columns, n: int) -> Floats | None:
    """Return the gain at stake and the gain left on the negative outcome, (n, 2) in currency.

    With `g(y, x) = v(act, y, x) - v(rest, y, x)` the gain at stake is `D(x) = g(1, x) - g(0, x)`.
    Acting is expected to gain `p D + g(0)`: an error of p costs D times as much, whatever number of
    columns payoffs read, and best actions act where `p > -g(0) / D` (Elkan, The foundations of
    cost-sensitive learning, IJCAI 2001). So forecasts must hold at each D; where D is the same in
    all cases, at each `g(0)`. A price that moves apart from D moves the cut within a cell of
    D: forecasts are calibrated along one of the two, not over both.

    A policy with a threshold or a top k names acting and resting; else two actions are compared
    as the charter orders them (the sign does not matter to cells), and more of them by the range
    of their payoffs, since the best pair changes from case to case.

    None where no payoff reads a column, in regression, and with more than two outcomes: there the
    forecasts are calibrated on scores alone. Where payoffs were moved since forecasts were
    calibrated, it is the gain under those of then. DataError where a column is missing.

    >>> from assay.charter.policy import BestAction
    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, "amount - 1"), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> gain_at_stake(bank, {"amount": np.array([10.0, 500.0])}, 2)
    array([[ 10.,  -1.],
           [500.,  -1.]])
    """
    if not isinstance(valuation, ClassificationValuation) or len(valuation.labels) != 2:
        return None
    valuation = valuation.calibrated_under or valuation
    table, policy = valuation.table, valuation.policy
    if not table.columns:
        return None
    payoffs = table.matrix(columns, n)
    if isinstance(policy, Threshold | TopK) or len(table.actions) == 2:
        act, rest = 0, 1
        if isinstance(policy, Threshold | TopK):
            act, rest = valuation.alternatives(payoffs)
        gains = payoffs[:, act] - payoffs[:, rest]
        return np.column_stack([gains[:, 1] - gains[:, 0], gains[:, 0]])
    spreads = payoffs[:, :, 1] - payoffs[:, :, 0]
    return np.column_stack([np.ptp(spreads, axis=1), np.ptp(payoffs[:, :, 0], axis=1)])


def learn_from_cases(
    valuation: Valuation, raw: Floats, outcomes: NDArray[Any], columns: Columns
) -> Forecaster:
    """Learn from held-out cases how scores become forecasts that hold at each gain at stake.

    `raw` are scores, (n,) or (n, K); `outcomes` (n,) are encoded by the valuation.
    """
    stakes = gain_at_stake(valuation, columns, len(raw))
    return learn_forecaster(valuation.task, raw, outcomes, stakes)


def forecast_cases(
    forecaster: Forecaster, valuation: Valuation, raw: Floats, columns: Columns
) -> Floats:
    """Return forecasts (n, K) for raw scores and the columns of their cases.

    `valuation` must have the payoffs that the forecaster was learned under, or name them
    (`calibrated_under`). Columns are read only where the forecaster is one of cells.
    """
    if not isinstance(forecaster, CellCalibrator):
        return forecast(forecaster, raw)
    return forecast(forecaster, raw, gain_at_stake(valuation, columns, len(raw)))
