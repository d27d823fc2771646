"""When each row was decided, for lengths that the charter gives in hours or days."""

from __future__ import annotations

from typing import Any

import polars as pl
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.errors import DataError

__all__ = ["moments"]


def moments(frame: pl.DataFrame, charter: Charter, wanted_by: str) -> NDArray[Any]:
    """Return each row's moment, as numpy's datetime64 in microseconds (UTC where it has a zone).

    Raises DataError where the table has no clock; `wanted_by` is the charter's key that needs it.
    """
    time = charter.data.time
    if time is None or not frame[time].dtype.is_temporal():
        given = "there is no time column" if time is None else f"{time} is {frame[time].dtype}"
        raise DataError(
            f"`{wanted_by}` is given in hours or days, but {given}. Name a column of dates or "
            "moments in `data.time`, or give the length in rows."
        )
    series = frame[time]
    if series.dtype == pl.Datetime and getattr(series.dtype, "time_zone", None):
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return series.cast(pl.Datetime("us")).to_numpy()
