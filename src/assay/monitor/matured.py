"""Which decisions are old enough for their outcome to have come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

__all__ = ["matured"]


def matured(
    times: NDArray[np.datetime64], delay: int | timedelta, now: datetime | None = None
) -> NDArray[np.bool_]:
    """Return of which decisions (n,), made at `times` in UTC, the label delay is over.

    Outcomes that come early differ from those that come late (who says no says it at once), so
    labels count only once all of their time could have come, and then the cases without
    one count beside them. A delay in rows is over once that many later decisions were served; one
    in time by the clock `now`, or where there is none by the newest decision. `times` grow.

    >>> times = np.array(["2026-03-01", "2026-03-02", "2026-03-03"], dtype="datetime64[us]")
    >>> matured(times, 2)
    array([ True, False, False])
    >>> matured(times, timedelta(days=1))
    array([ True,  True, False])
    """
    n = len(times)
    if not delay or not n:
        return np.ones(n, dtype=np.bool_)
    if isinstance(delay, timedelta):
        moment = (
            times[-1] if now is None else np.datetime64(now.astimezone(UTC).replace(tzinfo=None))
        )
        return np.asarray(times + np.timedelta64(delay) <= moment)
    return np.arange(n) + delay < n
