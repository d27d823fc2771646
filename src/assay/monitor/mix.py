"""What a changed mix of cases costs: which cases come, not how well each is judged."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.monitor.watched import Watched
from assay.ports.engine import Floats
from assay.stats.estimate import Estimate
from assay.stats.grid import NumberAxis
from assay.stats.profile import SCORE, Profile
from assay.stats.tally import Tally

__all__ = ["score_mix_cost"]

Ints = NDArray[np.int64]

_Z = 1.96
_METHOD = "change of mix (direct standardisation)"


def score_mix_cost(watched: Watched, seen: Profile) -> Estimate | None:
    """Return by how much a window's mix of scores pays less per decision than the reference's.

    Each score cell has the uplift that the model lets expect there, deciding by itself: the same
    before and now, so that what differs is how many cases fall into which cell. Inputs act on the
    model's decisions through its score alone, and this is what all that moved cost together; how
    much is due to each, counts of each by itself do not tell. The interval is that of the two mixes
    as samples: what the model expects is taken at its word (see `concept` for when not to).

    None, since nobody knows, where more than the score decides: payoffs or baselines that read
    columns, limits that cases share, more than two outcomes; and where no score was counted.
    """
    valuation, axis = watched.valuation, watched.reference.grid.axes.get(SCORE)
    shared = bool(valuation.columns or getattr(valuation, "limits", ()))
    if shared or not isinstance(axis, NumberAxis) or SCORE not in seen.features:
        return None
    before, now = watched.reference.pooled.features.get(SCORE), seen.features[SCORE]
    if before is None or not before.n or not now.n:
        return None
    uplift = _expected_at(watched, _representatives(axis, before + now))
    return _standardised(before.counts[:-1], now.counts[:-1], uplift, valuation.currency)


def _representatives(axis: NumberAxis, tally: Tally) -> Floats:
    """Return a score for each cell: the mean of what fell into it, else an end of the cell."""
    counts = tally.counts[:-1]
    ends = np.append(axis.edges, axis.edges[-1]) if len(axis.edges) else np.array([axis.centre])
    means = axis.centre + tally.sums[:-1] / np.maximum(counts, 1)
    return np.where(counts > 0, means, ends)


def _expected_at(watched: Watched, score: Floats) -> Floats:
    valuation, n = watched.valuation, len(score)
    forecast = watched.forecast(score, {})
    own = valuation.expected(forecast, valuation.decide(forecast, {}), {})
    base = valuation.expected(forecast, valuation.baseline({}, n), {})
    uplift: Floats = own - base
    return uplift


def _standardised(before: Ints, now: Ints, mean: Floats, currency: str) -> Estimate:
    """Return the loss per decision: the sum of (share before - share now) x uplift.

    Both mixes count as multinomial samples (direct standardisation; Kitagawa 1955, JASA 50).
    """
    old, new = before / before.sum(), now / now.sum()
    variance = _spread(old, mean) / before.sum() + _spread(new, mean) / now.sum()
    lost, half = float((old - new) @ mean), _Z * math.sqrt(variance)
    unit = f"{currency} per decision"
    return Estimate(lost, lost - half, lost + half, int(now.sum()), _METHOD, unit)


def _spread(shares: Floats, mean: Floats) -> float:
    """Return the variance of the uplift between values, for one case drawn by `shares`."""
    return max(0.0, float(shares @ mean**2 - (shares @ mean) ** 2))
