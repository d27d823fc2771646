"""What alerts cost a day, and in which order they deserve attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

from assay.stats.estimate import Estimate

__all__ = ["ranked", "shortfall"]

T = TypeVar("T")


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
