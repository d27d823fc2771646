"""How the model goes live."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from assay.charter.data import Span, SpanText
from assay.charter.section import Day, Section, Text

__all__ = ["Freeze", "Release", "ReleaseGuardrail", "Strategy", "Unit"]

Strategy = Literal["immediate", "blue_green", "shadow", "canary", "staged"]


class ReleaseGuardrail(Section):
    """How often something bad may happen on the challenger while it is tried.

    `errors`: requests answered with an error. `latency`: answers that take longer than `above_ms`
    (a limit of 0.01 is one on the 99th percentile). `referrals`: cases that a person must decide.
    `action`: cases of `group` in `column` that do not get the action `action`, for fairness.
    """

    metric: Literal["errors", "latency", "referrals", "action"]
    limit: float = Field(gt=0, lt=1, description="A share of cases.")
    compared: bool = Field(
        default=False,
        description="The limit is on how much that share may exceed the champion's.",
    )
    above_ms: float | None = Field(default=None, gt=0, description="With `latency`.")
    action: Text | None = Field(default=None, description="With `action`: the one wished for.")
    column: Text | None = Field(default=None, description="With `action`: the group's column.")
    group: Text | None = Field(default=None, description="With `action`: the column's value.")

    @model_validator(mode="after")
    def _whole(self) -> ReleaseGuardrail:
        if (self.metric == "latency") != (self.above_ms is not None):
            raise ValueError("`above_ms` goes with `metric: latency`, and only with it")
        named = [one is not None for one in (self.action, self.column, self.group)]
        if any(named) != (self.metric == "action") or (any(named) and not all(named)):
            raise ValueError("`action`, `column` and `group` go with `metric: action`, together")
        return self

    @property
    def label(self) -> str:
        """The condition, as plans and reasons name it."""
        what: str = self.metric
        if self.above_ms is not None:
            what = f"answers over {self.above_ms:g} ms"
        elif self.action is not None:
            what = f"cases of {self.column} {self.group} without {self.action}"
        more = " more than before" if self.compared else ""
        return f"{what} in at most {self.limit:.4g}{more}"


class Freeze(Section):
    """A time in which nothing new goes live: days from `begin` to `end`, or weekdays.

    Days are those of `monitoring.time_zone`, both ends included. Going back is always possible.
    """

    begin: Day | None = None
    end: Day | None = None
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    why: Text = "a freeze was agreed"

    @model_validator(mode="after")
    def _some_time(self) -> Freeze:
        if (self.begin is None) != (self.end is None) or not (self.begin or self.weekdays):
            raise ValueError("give `begin` and `end`, or `weekdays`, or all three")
        if self.begin and self.end and self.begin > self.end:
            raise ValueError("`begin` comes before `end`")
        return self


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
    """The way into production.

    `immediate` replaces the champion. `blue_green` loads the new version everywhere first, then
    flips; the old one stays loaded. `shadow` scores a copy of each request off the answer's path
    and decides on pairs. `canary` gives it growing shares of traffic. `staged` gives it one part of
    the fleet after another, by their labels.
    """

    strategy: Strategy = "immediate"
    steps: tuple[float, ...] = Field(
        default=(0.1, 0.5),
        min_length=1,
        description="Shares of the entities outside the control, growing.",
    )
    stages: tuple[dict[Text, Text], ...] = Field(
        default=(),
        description="With `staged`: labels of the gateways that come first, then next; the rest "
        "follows at the end.",
    )
    soak: SpanText = Field(
        default=Span(count=0, unit="hour"),
        description="Least time on each step or stage before the next, in hours or days.",
    )
    shadow_share: float = Field(
        default=1.0, gt=0, le=1, description="With `shadow`: share of entities that are copied."
    )
    guardrails: tuple[ReleaseGuardrail, ...] = Field(
        default=(), description="Limits that must surely hold before a promotion."
    )
    freeze: tuple[Freeze, ...] = Field(
        default=(), description="Times in which nothing new goes live."
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

    @model_validator(mode="after")
    def _stages_with_staged(self) -> Release:
        if (self.strategy == "staged") != bool(self.stages):
            raise ValueError("`stages` goes with `strategy: staged`: `stages: [{region: north}]`")
        if any(not labels for labels in self.stages):
            raise ValueError("each of `stages` names labels: `{region: north}`")
        return self

    @property
    def watched(self) -> bool:
        """Whether evidence decides this release, and not the command alone."""
        return self.strategy in {"canary", "shadow", "staged"}
