"""The manner of every charter section: typed, frozen, unknown keys are faults."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

__all__ = ["Name", "Section", "Text"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", min_length=1, max_length=80)
]


class Section(BaseModel):
    """A part of the charter; it holds what was promised and does nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
