"""How far labels lie from what was expected, from tables alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from assay.monitor.moments import Moments, counted_moments
from assay.monitor.pricing import Pricing, same_whatever_comes
from assay.monitor.table_value import chances, errors
from assay.monitor.track_record import Gap
from assay.ports.engine import Floats
from assay.stats.score_table import ScoreTable

__all__ = ["table_gaps"]


def table_gaps(table: ScoreTable, priced: Pricing) -> dict[str, Gap]:
    """Return, for each action taken, how far a table's labels lie from what was expected.

    It is `measured_gaps` without the rows: of the uplift, else the payoff, else what another action
    would have paid, the first of them that depends on the outcome. Raises ValueError where rows
    must be read.
    """
    if priced.reread:
        raise ValueError(f"a score table does not tell this value: {priced.reread}")
    table = table.pooled
    chance = chances(table.ripe_chance, table.ripe)
    gaps = {}
    for action in dict.fromkeys(priced.taken):
        group = np.array([taken == action for taken in priced.taken])
        for amount in _amounts(priced):
            open_ = group & ~same_whatever_comes(amount)
            if table.labelled[:, 0, open_].any():
                gaps[action] = _gap(table, priced, chance, amount, open_)
                break
    return gaps


def _amounts(priced: Pricing) -> Iterator[Floats]:
    """Yield amounts (D, K, U) by which an action can be judged."""
    yield priced.gain
    yield priced.own
    for payoffs in priced.every:
        yield np.broadcast_to(payoffs, priced.gain.shape)


def _gap(
    table: ScoreTable, priced: Pricing, chance: Floats, amount: Floats, open_: NDArray[np.bool_]
) -> Gap:
    after = [_labelled(table, k).at(open_) for k in range(table.outcomes)]
    count = int(table.labelled[:, 0, open_].sum())
    form = np.einsum("kdc,dku->dcu", chance, amount)
    off, reach = 0.0, 0.0
    for k, came in enumerate(after):
        own = amount[:, None, k]
        off += float(came.total(own - form).sum())
        for other in range(table.outcomes):
            low, high = came.ends(amount[:, None, other] - form)
            reach = max(reach, float(np.abs(low).max()), float(np.abs(high).max()))
    noise, calibration = errors(reduce(add, after), chance, amount, priced)
    return Gap(off / count, noise / count, calibration / count, count, reach / count)


def _labelled(table: ScoreTable, outcome: int) -> Moments:
    return counted_moments(
        table.labelled[outcome, 0],
        table.labelled_sums[outcome, :, 0],
        table.labelled_products[outcome, :, 0],
    )
