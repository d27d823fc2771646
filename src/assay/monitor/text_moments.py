"""Moments that are written as text."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError
from assay.stats.coded import Coded

__all__ = ["text_moments"]


def text_moments(name: str, column: Coded) -> NDArray[np.datetime64]:
    """Return text of a column as moments in UTC, (n,) datetime64[us]; NaT where it is missing.

    Text without an offset is taken as UTC. DataError where a word is no date or moment of ISO 8601.

    >>> found = text_moments("ts", Coded(np.array([0, 1]), ("2026-01-01T01:00+01:00", None)))
    >>> found.tolist()
    [datetime.datetime(2026, 1, 1, 0, 0), None]
    """
    known = np.array([_moment(name, word) for word in (*column.words, None)], dtype="M8[us]")
    found: NDArray[np.datetime64] = known[column.codes]
    return found


def _moment(name: str, word: str | None) -> np.datetime64:
    if not word:
        return np.datetime64("NaT", "us")
    try:
        moment = datetime.fromisoformat(word)
    except ValueError as error:
        raise DataError(
            f"`{name}` holds text, and {word!r} is no moment of ISO 8601: windows are cut by "
            "moments. Write 2026-01-31 or 2026-01-31T13:00Z, cast it to a timestamp, or cut by "
            "rows with --window '1000 rows'."
        ) from error
    plain = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return np.datetime64(plain, "us")
