"""The value model as promised: payoffs, baselines, decision policy, volume and costs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from assay.charter.section import Section, Text

__all__ = ["BestAction", "Cell", "Policy", "Threshold", "TopK", "ValueModel"]

Cell = float | Text
"""A payoff: a number, or an expression over columns (and `decision`, `outcome` in regression)."""


class Threshold(Section):
    """Act when the probability of the positive outcome reaches `at` (learned where not given)."""

    kind: Literal["threshold"] = "threshold"
    action: Text
    otherwise: Text | None = None
    at: float | None = Field(default=None, ge=0, le=1)


class BestAction(Section):
    """Take the action of highest expected payoff."""

    kind: Literal["best_action"] = "best_action"


class TopK(Section):
    """Take `action` for the best `k` of every `of` cases, by expected uplift over `otherwise`.

    A served case is decided alone, by a cut learned from held-out rows: the capacity is then kept
    in expectation only, and while cases are like those rows. The evaluation says how it was kept.
    """

    kind: Literal["top_k"] = "top_k"
    action: Text
    otherwise: Text | None = None
    k: int = Field(gt=0)
    of: int = Field(gt=0)


def _named_policy(given: Any) -> Any:
    return {"kind": given} if isinstance(given, str) else given


Policy = Annotated[
    Annotated[Threshold | BestAction | TopK, Field(discriminator="kind")],
    BeforeValidator(_named_policy),
]


class ValueModel(Section):
    """What each action is worth given each outcome, against which baseline, at what cost.

    Classification gives `actions`; regression gives `under` and `over`, or `payoff`.
    All amounts are in `currency`; payoffs are per decision, running costs per month.
    """

    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code, such as EUR.")
    actions: dict[Text, Cell | dict[Text, Cell]] | None = Field(
        default=None, description="Action -> payoff, or action -> {outcome: payoff}."
    )
    under: float | None = Field(default=None, ge=0, description="Cost of each unit decided too low")
    over: float | None = Field(default=None, ge=0, description="Cost of each unit decided too high")
    payoff: Text | None = Field(
        default=None, description="Expression in `decision`, `outcome` and columns (regression)."
    )
    caps: dict[Text, tuple[float, float]] = Field(
        default_factory=dict, description="Column -> [least, most]: bounds a payoff's column."
    )
    baselines: dict[Text, Cell] = Field(
        min_length=1,
        description=(
            "Name -> what would happen without a model. Classification: an action, or `column: C` "
            "holding actions. Regression: a number, an expression over columns, or `best_constant`."
        ),
    )
    baseline: Text = Field(description="The baseline that uplift is measured against.")
    policy: Policy = BestAction()
    decisions_per_month: float = Field(gt=0)
    horizon_months: int = Field(default=12, gt=0, le=600)
    build_cost: float = Field(default=0, ge=0)
    run_cost_per_month: float = Field(default=0, ge=0)
    retraining_cost: float = Field(default=0, ge=0, description="Cost of each retraining.")
    discount_rate: float = Field(default=0, ge=0, lt=1, description="A year, as a share.")

    @model_validator(mode="after")
    def _one_kind_of_payoff(self) -> ValueModel:
        regression = self.payoff is not None or self.under is not None or self.over is not None
        if (self.actions is None) == (not regression):
            raise ValueError(
                "give `actions` (classification), or `under` and `over`, or `payoff` (regression)"
            )
        if regression and (self.under is None) != (self.over is None):
            raise ValueError("`under` and `over` go together")
        if self.payoff is not None and self.under is not None:
            raise ValueError("give `payoff`, or `under` and `over`, not both")
        return self

    @property
    def task(self) -> Literal["classification", "regression"]:
        """The kind of model that this value model needs."""
        return "classification" if self.actions is not None else "regression"
