"""What separates the fields of a text table, and the numbers of a country that writes 1,5."""

from __future__ import annotations

import re

import polars as pl

__all__ = ["separator_of", "with_decimal_commas"]

_SEPARATORS = (",", ";", "\t", "|")
_QUOTED = re.compile('"[^"]*"')
_NUMBER = r"^\s*-?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?\s*$"


def separator_of(header: str, row: str) -> str:
    r"""Return what separates a table's fields, from its header and its first row.

    It is what both have equally often, and most often; a comma where that tells nothing and the
    header has one.

    >>> separator_of("age;job", "40;cook"), separator_of("age,job;title", "40,cook")
    (';', ',')
    >>> separator_of("age|title", "40")
    ','
    """
    names, fields = _QUOTED.sub("", header), _QUOTED.sub("", row)
    counts = {one: names.count(one) for one in _SEPARATORS if one in names}
    even = {one: count for one, count in counts.items() if count == fields.count(one)}
    if not even and "," in counts:
        return ","
    seen = even or {one: n for one, n in counts.items() if one in fields or not fields.strip()}
    return max(seen, key=lambda one: seen[one], default=",")


def with_decimal_commas(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the table with columns of text such as 1,5 or 1.234,5 as numbers.

    Only columns whose every value is such a number, and one of them with a comma, are changed.

    >>> with_decimal_commas(pl.DataFrame({"a": ["1,5", "2"], "b": ["1,5", "x"]})).rows()
    [(1.5, '1,5'), (2.0, 'x')]
    """
    return frame.with_columns(
        pl.col(name)
        .str.strip_chars()
        .str.replace_all(".", "", literal=True)
        .str.replace(",", ".", literal=True)
        .cast(pl.Float64)
        for name, dtype in frame.schema.items()
        if dtype == pl.String and _numbers(frame[name].drop_nulls())
    )


def _numbers(texts: pl.Series) -> bool:
    return bool(texts.str.contains(_NUMBER).all() and texts.str.contains(",", literal=True).any())
