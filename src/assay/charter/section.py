"""The manner of every charter section: typed, frozen, unknown keys are faults."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

__all__ = ["Day", "Misfit", "Name", "Section", "Text"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", min_length=1, max_length=80)
]


def _no_seconds(given: Any) -> Any:
    """Refuse numbers, which would be read as seconds since 1970."""
    if isinstance(given, str | date):
        return given
    raise PydanticCustomError("date_wanted", "write a date as 2026-12-01")


Day = Annotated[date, BeforeValidator(_no_seconds, json_schema_input_type=date)]
"""A day of the calendar, written as 2026-12-01."""


class Misfit(ValueError):
    """Keys of one section that do not go together: what was given, and the mend."""

    def __init__(self, mend: str, *given: str) -> None:
        self.given = " and ".join(f"`{key}`" for key in given) or None
        super().__init__(mend)


class Section(BaseModel):
    """A part of the charter; it holds what was promised and does nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
