"""What alerts cost a day, and in which order they deserve attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.stats.estimate import Estimate

__all__ = ["lost_per_day", "mix_cost", "ranked", "shortfall"]

T = TypeVar("T")

_Z = 1.96


def ranked(
    alerts: Iterable[T],
    per_day: Callable[[T], Estimate | None],
    pressing: Callable[[T], bool] = lambda _: False,
) -> tuple[T, ...]:
    """Sort alerts by their estimated loss per day, the costliest first.

    Those whose loss nobody knows come after all whose loss is known, the `pressing` ones (such as
    escalated ones) first among them; else the given order is kept. None is left out.

    >>> cheap, dear = (Estimate(m, m, m, n=1, method="", unit="EUR per day") for m in (1.0, 9.0))
    >>> ranked(["?", "cheap", "dear"], {"cheap": cheap, "dear": dear}.get)
    ('dear', 'cheap', '?')
    """

    def place(alert: T) -> tuple[bool, float, bool]:
        a_day = per_day(alert)
        if a_day is None or math.isnan(a_day.mean):
            return True, 0.0, not pressing(alert)
        return False, -a_day.mean, False

    return tuple(sorted(alerts, key=place))


def shortfall(before: Estimate, now: Estimate) -> Estimate:
    """Return by how much `now` lies below `before`, both of one unit and measured apart.

    Half widths of independent intervals add in quadrature (Newcombe 1998, Statistics in Medicine
    17, method 10: "square and add"). Where both share an error, such as one calibration, the
    interval is wider than need be.

    >>> before = Estimate(5.0, 4.0, 6.0, n=100, method="", unit="EUR per decision")
    >>> now = Estimate(2.0, 2.0, 2.0, n=50, method="", unit="EUR per decision")
    >>> shortfall(before, now)
    3 EUR per decision [2, 4]
    """
    mean = before.mean - now.mean
    below = math.hypot(before.mean - before.low, now.high - now.mean)
    above = math.hypot(before.high - before.mean, now.mean - now.low)
    return Estimate(
        mean,
        mean - below,
        mean + above,
        min(before.n, now.n),
        "difference, half widths added in quadrature",
        now.unit,
        min(before.confidence, now.confidence),
    )


def lost_per_day(
    before: Estimate | None, now: Estimate | None, decisions_per_day: float
) -> Estimate | None:
    """Return what a changed mix of cases costs a day; None where either side is not known.

    `before` and `now` are the uplift per decision that one and the same calibrated model lets
    expect of the reference's mix of cases and of the window's. Their difference is due to the mix
    alone: which cases come, not how well they are judged. A mix that pays more has a negative
    loss. All inputs that moved share this one amount, since they moved together; an alert on
    the score has the same amount, not another.

    >>> before = Estimate(0.5, 0.4, 0.6, n=9000, method="", unit="EUR per decision")
    >>> now = Estimate(0.3, 0.3, 0.3, n=1000, method="", unit="EUR per decision")
    >>> lost_per_day(before, now, 100)
    20 EUR per day [10, 30]
    >>> lost_per_day(None, now, 100) is None
    True
    """
    if before is None or now is None:
        return None
    currency = now.unit.split(" ", maxsplit=1)[0]
    return shortfall(before, now).scaled(decisions_per_day, f"{currency} per day")


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
    n_before = np.array([before[value][0] for value in seen], dtype=np.float64)
    n_now = np.array([now.get(value, 0) for value in seen], dtype=np.float64)
    uplifts = [before[value][1] for value in seen]
    mean = np.array([one.mean for one in uplifts])
    error = np.array([(one.high - one.low) / (2 * _Z) for one in uplifts])
    old, new = n_before / n_before.sum(), n_now / n_now.sum()
    variance = (((old - new) * error) ** 2).sum()
    variance += _spread(old, mean) / n_before.sum() + _spread(new, mean) / n_now.sum()
    lost = float((old - new) @ mean)
    half = _Z * math.sqrt(variance)
    currency, n = uplifts[0].unit.split(" ", maxsplit=1)[0], int(n_now.sum())
    a_decision = Estimate(lost, lost - half, lost + half, n, "direct standardisation", currency)
    return a_decision.scaled(decisions_per_day, f"{currency} per day")


def _spread(shares: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    """Return the variance of the uplift between values, for one case drawn by `shares`."""
    return float(shares @ mean**2 - (shares @ mean) ** 2)
