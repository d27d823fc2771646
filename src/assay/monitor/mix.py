"""What a changed mix of cases costs: which cases come, not how well each is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assay.monitor.watched import Watched
from assay.ports.engine import Floats
from assay.stats.estimate import Estimate
from assay.stats.grid import NumberAxis
from assay.stats.profile import SCORE, Profile
from assay.stats.tally import Tally

__all__ = ["mix_cost", "score_mix_cost"]

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
    error = np.zeros(len(uplift))
    return _standardised(before.counts[:-1], now.counts[:-1], uplift, error, valuation.currency)


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


def mix_cost(
    before: Mapping[str, tuple[int, Estimate]], now: Mapping[str, int], decisions_per_day: float
) -> Estimate | None:
    """Return what the mix of one column's values alone costs a day, all else as it was.

    `before` gives the reference's cases and expected uplift per decision at each value of
    a segmenting column, `now` the window's cases: the cost is the sum over values of (share before
    minus share now) x uplift before (direct standardisation; Kitagawa 1955, JASA 50). Its
    variance is that of both mixes (multinomial) and of the uplifts. A score table has this for
    columns that it is segmented by, and for no other: None where a value of the window was never
    seen before, whose uplift nobody knows, or where there are no cases.

    >>> little, much = (Estimate(m, m, m, 5000, "", "EUR per decision") for m in (1.0, 3.0))
    >>> before = {"new": (5000, little), "old": (5000, much)}
    >>> mix_cost(before, {"new": 7500, "old": 2500}, 100)
    50 EUR per day [47.41, 52.59]
    """
    seen = [value for value, (n, _) in before.items() if n]
    if not seen or not sum(now.values()) or any(now[value] for value in set(now) - set(seen)):
        return None
    uplifts = [before[value][1] for value in seen]
    currency = uplifts[0].unit.split(" ", maxsplit=1)[0]
    a_decision = _standardised(
        np.array([before[value][0] for value in seen]),
        np.array([now.get(value, 0) for value in seen]),
        np.array([one.mean for one in uplifts]),
        np.array([(one.high - one.low) / (2 * _Z) for one in uplifts]),
        currency,
    )
    return a_decision.scaled(decisions_per_day, f"{currency} per day")


def _standardised(before: Ints, now: Ints, mean: Floats, error: Floats, currency: str) -> Estimate:
    """Return the loss per decision: the sum of (share before - share now) x uplift.

    `error` are standard errors of the uplifts; both mixes count as multinomial samples.
    """
    old, new = before / before.sum(), now / now.sum()
    variance = float((((old - new) * error) ** 2).sum())
    variance += _spread(old, mean) / before.sum() + _spread(new, mean) / now.sum()
    lost, half = float((old - new) @ mean), _Z * math.sqrt(variance)
    unit = f"{currency} per decision"
    return Estimate(lost, lost - half, lost + half, int(now.sum()), _METHOD, unit)


def _spread(shares: Floats, mean: Floats) -> float:
    """Return the variance of the uplift between values, for one case drawn by `shares`."""
    return max(0.0, float(shares @ mean**2 - (shares @ mean) ** 2))
