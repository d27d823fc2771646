"""Places that a version serves in on its way to production."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from assay.charter.data import Span, SpanText
from assay.charter.people import Role
from assay.charter.section import Name, Section

__all__ = ["PRODUCTION", "Environment"]

PRODUCTION = "production"
"""The environment that `release` speaks of; it needs no entry of its own."""


class Environment(Section):
    """One environment's own policy; what it does not say, `release` says.

    A version enters where the gate lets it: in production always, elsewhere where `gate` asks for
    it. `after` names the environment that it must have served in first, for `soak` at least.
    """

    after: Name | None = Field(default=None, description="The environment that comes before.")
    soak: SpanText = Field(
        default=Span(count=0, unit="hour"),
        description="Time that a version must have served there: hours or days.",
    )
    strategy: Literal["immediate", "blue_green", "shadow", "canary", "staged"] | None = None
    steps: tuple[float, ...] | None = None
    capture: Literal["sync", "async"] | None = None
    gate: bool = Field(
        default=True, description="Whether the gate must be open; production always asks for it."
    )
    sign_off: tuple[Role, ...] = Field(
        default=(), description="Roles that must sign beyond those of the risk tier."
    )
    promotion: Literal["bundle", "retrain"] = Field(
        default="bundle",
        description="What enters: the very bundle, or the same recipe trained anew here.",
    )
    source: str | None = Field(
        default=None,
        description="With `retrain`: the table of this environment; `data.source` where not given.",
    )
    equivalence: float | None = Field(
        default=None,
        gt=0,
        description="With `retrain`: by how much the value of both may differ, in currency per "
        "decision; the tolerance of a promotion where not given.",
    )

    @model_validator(mode="after")
    def _steps_grow(self) -> Environment:
        shares = (0.0, *(self.steps or (0.5,)), 1.0)
        if self.steps == () or any(a >= b for a, b in pairwise(shares)):
            raise ValueError("`steps` must grow and lie strictly between 0 and 1: [0.1, 0.5]")
        return self
