"""The time column as text: only ISO 8601 stands in the order of time when it is sorted."""

from __future__ import annotations

import polars as pl

from assay.build.columns import kind_of
from assay.charter.charter import Charter
from assay.errors import DataError

__all__ = ["require_sortable"]

_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"


def require_sortable(frame: pl.DataFrame, charter: Charter) -> None:
    """Raise DataError where the time column is text other than ISO 8601 in one UTC offset.

    Text is sorted letter by letter: 01/02/23 would stand before 08/29/22, and the future would
    teach the past. Numbers and dates are sorted as they are.
    """
    time = charter.data.time
    if time is None or kind_of(frame.schema[time]) != "category":
        return
    texts = frame[time].cast(pl.String).drop_nulls()
    dates = texts.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    iso = texts.str.contains(_ISO) & dates.is_not_null()
    if not iso.all():
        raise DataError(
            f"The time column {time} is text, and its value {texts.filter(~iso)[0]!r} is no ISO "
            "8601 date: sorted as text, such rows do not stand in the order of time. Write dates "
            "as YYYY-MM-DD (a time may follow: 2024-01-31 13:00), or give a column of dates."
        )
    offsets = texts.str.extract(_ISO).fill_null("").unique(maintain_order=True).to_list()
    if len(offsets) > 1:
        raise DataError(
            f"The time column {time} is text in more than one UTC offset "
            f"({', '.join(offset or 'none' for offset in offsets[:3])}): sorted as text, such rows "
            "do not stand in the order of time. Write all in one offset, or give a column of dates."
        )
