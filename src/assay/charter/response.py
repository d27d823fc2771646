"""What is done about a breach, by whom, and how often."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.charter.data import Span, SpanText
from assay.charter.people import Role
from assay.charter.section import Section

__all__ = ["Response", "ResponseKind"]

ResponseKind = Literal[
    "move_policy", "recalibrate", "retrain", "roll_back", "fall_back", "escalate"
]


class Response(Section):
    """What follows a breach: nothing, retraining by the calendar, or what pays best on alert."""

    policy: Literal["static", "scheduled", "triggered"] = "triggered"
    every: int = Field(default=4, gt=0, description="Windows between scheduled retrainings.")
    cooldown: int = Field(default=0, ge=0, description="Windows of rest after a response.")
    most: int = Field(default=3, gt=0, description="Responses within `period` at most.")
    period: SpanText = Field(
        default=Span(count=30, unit="day"), description="The time in which at most `most` are made."
    )
    training_rows: int | None = Field(
        default=None, gt=0, description="Newest rows a retraining uses; all where not given."
    )
    half_life_rows: int | None = Field(
        default=None,
        gt=0,
        description="Rows after which a row weighs half in a retraining; all alike where not "
        "given.",
    )
    alone: tuple[ResponseKind, ...] = Field(
        default=(),
        description="Responses that act without a sign-off; in the tier `high` none may but "
        "`roll_back`, `fall_back` and `escalate`.",
    )
    sign_off: dict[ResponseKind, tuple[Role, ...]] = Field(
        default_factory=dict,
        description="Roles that must sign a proposed response; those of the tier where not given.",
    )
