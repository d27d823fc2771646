"""The decision policy as promised, with its capacities, and the person that cases are referred to.

A policy is part of the charter and of every bundle; it can be moved without training anew.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from assay.charter.section import Misfit, Section, Text

__all__ = [
    "REFER",
    "BestAction",
    "Budget",
    "Capacity",
    "Cell",
    "Policy",
    "Refer",
    "Share",
    "Threshold",
    "TopK",
    "Windowed",
]

REFER = "refer"
"""The name of the action that asks a person."""

Cell = float | Text
"""A payoff: a number, or an expression over columns (and `decision`, `outcome` in regression)."""

Share = Annotated[float, Field(ge=0, le=1)]

_OTHERWISE = "What is done with the others; needed where there are more than two actions."
_A_YEAR = {"day": 365.25, "week": 365.25 / 7, "month": 12.0}


class Windowed(Section):
    """A limit in each window: of so many cases, or of a day, a week or a month."""

    of: int | None = Field(default=None, gt=0, description="Cases of a window.")
    per: Literal["day", "week", "month"] | None = Field(
        default=None, description="A window of time, in the place of `of`."
    )

    @model_validator(mode="after")
    def _one_window(self) -> Windowed:
        if self.of is None and self.per is None:
            raise Misfit("give `of` (a number of cases) or `per` (day, week or month)")
        if self.of is not None and self.per is not None:
            mend = (
                f"take `of` out for the limit of a {self.per}, or `per` for that of {self.of} cases"
            )
            raise Misfit(mend, "of", "per")
        return self

    def cases(self, decisions_per_month: float) -> float:
        """Return how many cases a window has, on average where it is one of time.

        >>> TopK(action="call", k=200, per="month").cases(1400)
        1400.0
        """
        if self.of is not None:
            return float(self.of)
        return 12 * decisions_per_month / _A_YEAR[self.per or "month"]


class Threshold(Section):
    """Act when the probability of the positive outcome reaches `at` (learned where not given).

    With `value.refer`, cases from `refer_from` up to `at` go to a person; where it is not given,
    from the probability on at which that pays.
    """

    kind: Literal["threshold"] = "threshold"
    action: Text = Field(description="What is done with cases from the threshold on.")
    otherwise: Text | None = Field(default=None, description=_OTHERWISE)
    at: float | None = Field(
        default=None, ge=0, le=1, description="The threshold, a probability.", examples=[0.12]
    )
    refer_from: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The probability from which on a person decides.",
        examples=[0.08],
    )


class BestAction(Section):
    """Take the action of highest expected payoff."""

    kind: Literal["best_action"] = "best_action"


class TopK(Windowed):
    """Take `action` for the best `k` of every window, by expected uplift over `otherwise`.

    A served case is decided alone, by a cut learned from held-out rows: the capacity is then kept
    in expectation only, and while cases are like those rows. The evaluation says how it was kept.
    """

    kind: Literal["top_k"] = "top_k"
    action: Text = Field(description="What is done with the best cases.")
    otherwise: Text | None = Field(default=None, description=_OTHERWISE)
    k: int = Field(gt=0, description="Cases of each window that get it, at most.")


class Budget(Windowed):
    """Take the actions that bring most for at most `amount` in each window.

    `costs` says what each action uses up (others nothing): money, hours, letters. They limit
    decisions and are no payoffs: what an action costs belongs into its payoff as well.
    """

    kind: Literal["budget"] = "budget"
    amount: float = Field(gt=0, description="What a window may use up, in the unit of `costs`.")
    costs: dict[Text, Cell] = Field(
        min_length=1,
        description="Action -> what one case uses up: a number or an expression.",
        examples=[{"call": 0.25, "letter": 1}],
    )


def _named_policy(given: Any) -> Any:
    return {"kind": given} if isinstance(given, str) else given


Policy = Annotated[
    Annotated[Threshold | BestAction | TopK | Budget, Field(discriminator="kind")],
    BeforeValidator(_named_policy),
]


class Capacity(Windowed):
    """At most `k` cases in each window."""

    k: int = Field(gt=0, description="Cases of each window, at most.")


class Refer(Section):
    """A further action, `refer`: a person decides, at a price.

    With chance `accuracy` the person takes the action that pays best on the case's outcome, and
    the worst of the others when wrong. `confusion` (outcome -> action -> share) takes its place
    where it is known how people decide.
    """

    cost: float = Field(ge=0, description="What each referred case costs.")
    accuracy: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Chance that the person takes the action that pays best.",
        examples=[0.9],
    )
    confusion: dict[Text, dict[Text, Share]] | None = Field(
        default=None,
        description="Outcome -> action -> how often people take it then; each adds up to 1.",
        examples=[{"yes": {"call": 0.9, "skip": 0.1}, "no": {"call": 0.2, "skip": 0.8}}],
    )
    capacity: Capacity | None = Field(
        default=None, description="How many cases people can take; without it, any number."
    )

    @model_validator(mode="after")
    def _one_reviewer(self) -> Refer:
        if self.accuracy is None and self.confusion is None:
            raise Misfit("give `accuracy`, or `confusion` (outcome -> action -> share)")
        if self.accuracy is not None and self.confusion is not None:
            mend = "take `accuracy` out: `confusion` says for each outcome how people decide"
            raise Misfit(mend, "accuracy", "confusion")
        return self
