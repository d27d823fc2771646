"""Which rows the model learns from, and what is known when."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from assay.charter.section import Section, Text

__all__ = ["Data", "Span"]

_UNITS = ("window", "row", "hour", "day")


class Span(Section):
    """A length of time or of traffic: `1 window`, `1000 rows`, `6 hours`, `30 days`.

    >>> Span.parse("30 days")
    Span(count=30, unit='day')
    >>> str(Span.parse("1 window"))
    '1 window'
    """

    count: int = Field(ge=0)
    unit: Literal["window", "row", "hour", "day"]

    @classmethod
    def parse(cls, given: Any) -> Span:
        """Read `COUNT UNIT`; raises ValueError with what is accepted."""
        if isinstance(given, cls):
            return given
        match = re.fullmatch(r"\s*(\d+)\s*([a-z]+?)s?\s*", str(given))
        if match is None or match[2] not in _UNITS:
            raise ValueError("write a whole number and windows, rows, hours or days: `30 days`")
        return cls.model_validate({"count": int(match[1]), "unit": match[2]})

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


SpanText = Annotated[
    Span,
    BeforeValidator(Span.parse, json_schema_input_type=str),
    PlainSerializer(str, return_type=str),
]


class Data(Section):
    """The table, its outcome column, its order, and the columns with a special meaning."""

    source: Text = Field(description="CSV or Parquet file, relative to the charter.")
    outcome: Text = Field(description="The column that the model predicts.")
    positive: str | int | bool | None = Field(
        default=None, description="The outcome that counts as positive (classification)."
    )
    time: Text | None = Field(default=None, description="Column that orders the rows in time.")
    order: Literal["none", "rows"] = Field(
        default="none", description="`rows`: the file's own order is the order in time."
    )
    entity: Text | None = Field(default=None, description="Column that names the case's owner.")
    sensitive: tuple[Text, ...] = Field(default=(), description="Columns that fairness looks at.")
    known_after: tuple[Text, ...] = Field(
        default=(), description="Columns known only after the decision; never a feature."
    )
    ignore: tuple[Text, ...] = Field(default=(), description="Columns left out for other reasons.")
    label_delay: SpanText = Field(
        default=Span(count=0, unit="window"), description="Time from decision to outcome."
    )
    revealed_by: tuple[Text, ...] = Field(
        default=(), description="Actions after which the outcome is seen; empty: after all."
    )
    moved_by: tuple[Text, ...] = Field(
        default=(),
        description="Actions that change the outcome itself, as an offer that makes people buy; in "
        "regression `decision`.",
    )

    @property
    def ordered(self) -> bool:
        """Whether the rows stand in an order of time."""
        return self.time is not None or self.order == "rows"
