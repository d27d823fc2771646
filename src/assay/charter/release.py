"""How the model goes live."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from assay.charter.data import Span, SpanText
from assay.charter.section import Section

__all__ = ["Release", "Unit"]


class Unit(Section):
    """What a canary counts as one: the entity, with the sum of what its decisions paid.

    Its decisions within `horizon` of its first one count, at most the first `most` of them. Without
    an entity column each request is a unit.
    """

    horizon: SpanText = Field(
        default=Span(count=0, unit="window"),
        description="Time from an entity's first decision within which its others count too.",
    )
    most: int = Field(default=1, gt=0, description="Most decisions of one entity that count.")
    usual: float = Field(
        default=1.0,
        ge=1,
        description="How many of them an entity has on average; it turns decisions into units.",
    )

    @model_validator(mode="after")
    def _together(self) -> Unit:
        if (self.most > 1) != (self.horizon.count > 0):
            raise ValueError(
                "`horizon` and `most` go together: `{horizon: 30 days, most: 3}`; without both, "
                "an entity counts with its first decision"
            )
        if self.usual > self.most:
            raise ValueError(f"`usual` is at most `most`: {self.most}")
        return self


class Release(Section):
    """The way into production: `immediate`, or `canary` in steps of growing traffic."""

    strategy: Literal["immediate", "canary"] = "immediate"
    steps: tuple[float, ...] = Field(
        default=(0.1, 0.5),
        min_length=1,
        description="Shares of the entities outside the control, growing.",
    )
    capture: Literal["sync", "async"] = Field(
        default="sync", description="`sync`: an answer leaves after its capture is on disk."
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=0.5, description="Chance that a canary is decided wrongly."
    )
    loss_budget_per_year: float | None = Field(
        default=None,
        gt=0,
        description="What wrongly promoted versions may cost a year, in currency; where not "
        "given, 1 % of the range of payoffs on each decision. Each promotion may take a twelfth.",
    )
    unit: Unit = Unit()
    missing_outcome: str | int | float | bool | None = Field(
        default=None,
        description="The outcome of a decision that has none when its label delay is over; where "
        "not given, what it paid counts against each claim.",
    )
    most_decisions: int = Field(
        default=20_000,
        gt=0,
        description="Units after which an unsettled canary is over: decisions, or entities where "
        "several decisions of one count.",
    )
    most_days: float | None = Field(
        default=None, gt=0, description="Days after which an unsettled canary is over."
    )
    undecided: Literal["promote", "roll_back"] = Field(
        default="roll_back",
        description="What becomes of an unsettled canary; `promote` lets guardrails alone decide.",
    )
    exploration_share: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="Share of cases outside the control that get a random action.",
    )
    control_share: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="Share of entities that permanently get the baseline's action.",
    )

    @model_validator(mode="after")
    def _steps_grow(self) -> Release:
        shares = (0.0, *self.steps, 1.0)
        if any(a >= b for a, b in pairwise(shares)):
            raise ValueError("`steps` must grow and lie strictly between 0 and 1: [0.1, 0.5]")
        return self
