"""The value model as promised: payoffs, baselines, decision policy, volume and costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from assay.charter.merged import merged_actions, merged_refer
from assay.charter.policy import BestAction, Cell, Policy, Refer, Share
from assay.charter.section import Day, Misfit, Section, Text

__all__ = ["Change", "Function", "Payoffs", "Range", "Uncertainty", "ValueModel"]

Range = tuple[float, float]
"""The least and the most."""

Amount = Annotated[float, Field(ge=0)]


class Function(Section):
    """Payoffs by a function that an installed package offers (entry point `assay.payoffs`).

    It is called with an action and an outcome, or in regression with arrays of decisions and
    outcomes, and with the columns it reads; it returns payoffs. `bounds` hold for every case.
    """

    name: Text = Field(description="The name under which the package offers it.")
    bounds: Range = Field(
        description="The least and the most that one case can pay.", examples=[[-1, 900]]
    )
    columns: tuple[Text, ...] = Field(default=(), description="Columns that it reads.")
    actions: tuple[Text, ...] | None = Field(default=None, description="For classification.")
    outcomes: tuple[Text, ...] | None = Field(
        default=None, description="For classification, the positive one last."
    )


class Payoffs(Section):
    """What can be agreed to change on a date."""

    actions: dict[Text, Cell | dict[Text, Cell]] | None = Field(
        default=None, description="Action -> payoff, or action -> {outcome: payoff}."
    )
    under: float | None = Field(
        default=None, ge=0, description="Cost of each unit decided too low."
    )
    over: float | None = Field(
        default=None, ge=0, description="Cost of each unit decided too high."
    )
    payoff: Text | None = Field(
        default=None, description="Expression in `decision`, `outcome` and columns (regression)."
    )
    refer: Refer | None = Field(
        default=None, description="A further action: a person decides, at a price."
    )


class Change(Payoffs):
    """Payoffs and costs that hold from a date on; what is not named stays as it was.

    Of `actions` every payoff that is named is replaced and every other stays; new actions or
    outcomes would need a new model. Of `refer` a capacity that is not named stays. Changes may
    stand in any order; each holds from its own day on, which begins at midnight of the charter's
    time zone.
    """

    since: Day = Field(description="The first day on which it holds.", examples=["2027-01-01"])
    run_cost_per_month: Amount | None = Field(default=None, description="What running costs then.")
    cost_per_decision: Amount | None = Field(
        default=None, description="What each decision costs to make then."
    )
    retraining_cost: Amount | None = Field(
        default=None, description="What each retraining costs then."
    )


class Uncertainty(Section):
    """The least and the most of what the business case rests on; the charter's value is likeliest.

    They enter as triangular distributions. What is not named is taken as certain.
    """

    decisions_per_month: Range | None = Field(
        default=None, description="Fewest and most cases a month.", examples=[[1200, 2000]]
    )
    build_cost: Range | None = Field(
        default=None, description="Least and most to build it.", examples=[[3000, 9000]]
    )
    run_cost_per_month: Range | None = Field(
        default=None, description="Least and most to run it for a month.", examples=[[200, 450]]
    )
    cost_per_decision: Range | None = Field(
        default=None, description="Least and most for each decision.", examples=[[0.01, 0.03]]
    )
    retraining_cost: Range | None = Field(
        default=None, description="Least and most for each retraining.", examples=[[50, 200]]
    )
    uplift_kept_per_year: tuple[Share, Share] | None = Field(
        default=None, description="Least and most that is kept.", examples=[[0.7, 1]]
    )


class ValueModel(Payoffs):
    """What each action is worth given each outcome, against which baseline, at what cost.

    Classification gives `actions`; regression gives `under` and `over`, or `payoff`; a `function`
    can take the place of either.
    All amounts are in `currency`; payoffs are per decision, running costs per month.
    """

    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code, such as EUR.")
    caps: dict[Text, tuple[float, float]] = Field(
        default_factory=dict,
        description="Column -> [least, most]: bounds a payoff's column.",
        examples=[{"balance": [0, 100000]}],
    )
    baselines: dict[Text, Cell] = Field(
        min_length=1,
        description=(
            "Name -> what would happen without a model. Classification: an action, or `column: C` "
            "holding actions. Regression: a number, an expression over columns, or `best_constant`."
        ),
    )
    baseline: Text = Field(
        description="The baseline that uplift is measured against; needed where there are several."
    )
    policy: Policy = Field(default=BestAction(), description="How cases are decided.")
    function: Function | None = Field(
        default=None, description="A payoff function of a package, in the place of the keys above."
    )
    changes: tuple[Change, ...] = Field(
        default=(), description="Payoffs and costs that hold from a date on, in any order."
    )
    decisions_per_month: float = Field(gt=0, description="Cases decided in a month.")
    horizon_months: int = Field(
        default=12, gt=0, le=600, description="Months that the business case looks ahead."
    )
    build_cost: float = Field(default=0, ge=0, description="Spent once, before the first month.")
    run_cost_per_month: float = Field(
        default=0, ge=0, description="What running it costs a month, whatever is decided."
    )
    cost_per_decision: float = Field(
        default=0, ge=0, description="What each decision costs to make, whatever it is."
    )
    retraining_cost: float = Field(default=0, ge=0, description="Cost of each retraining.")
    uplift_kept_per_year: Share = Field(
        default=1, description="Share of the uplift that is still there after a year."
    )
    discount_rate: float = Field(default=0, ge=0, lt=1, description="A year, as a share.")
    uncertainty: Uncertainty = Field(
        default=Uncertainty(), description="Ranges of the figures above for the business case."
    )
    _agreed: dict[str, Any] | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _only_baseline(cls, given: Any) -> Any:
        """A single baseline need not be named twice."""
        if isinstance(given, dict) and "baseline" not in given:
            names = given.get("baselines")
            if isinstance(names, dict) and len(names) == 1:
                return {**given, "baseline": next(iter(names))}
        return given

    @model_validator(mode="after")
    def _one_kind_of_payoff(self) -> ValueModel:
        amounts = [key for key in ("payoff", "under", "over") if getattr(self, key) is not None]
        tables = [key for key in ("actions", "function") if getattr(self, key) is not None]
        if not amounts and not tables:
            raise Misfit(
                "give `actions` (classification), or `under` and `over`, or `payoff` (regression), "
                "or a `function`"
            )
        if len(tables) + bool(amounts) > 1:
            raise Misfit(_only_one(tables, amounts), *tables, *amounts)
        if amounts in (["under"], ["over"]):
            raise Misfit("`under` and `over` go together: add the other", *amounts)
        if len(amounts) > 1 and "payoff" in amounts:
            others = " and ".join(f"`{key}`" for key in amounts[1:])
            raise Misfit(
                f"give `payoff`, or `under` and `over`, not both: take {others} out or `payoff`",
                *amounts,
            )
        return self

    @property
    def task(self) -> Literal["classification", "regression"]:
        """The kind of model that this value model needs."""
        plugged = self.function is not None and self.function.actions is not None
        return "classification" if self.actions is not None or plugged else "regression"

    def at(self, day: date) -> ValueModel:
        """Return the value model as it holds on a day: every change up to it is made.

        It starts from what was agreed, whatever day this one was asked for before: a later call
        asks anew, forwards or backwards, and the same day gives the same. Changes are made in the
        order of their dates; payoffs that a change does not name stay.

        >>> model = ValueModel.model_validate({
        ...     "currency": "EUR", "under": 3, "over": 1, "baselines": {"none": 0},
        ...     "baseline": "none", "decisions_per_month": 1,
        ...     "changes": [{"since": "2027-01-01", "under": 4}]})
        >>> model.at(date(2026, 12, 31)).under, model.at(date(2027, 1, 1)).under
        (3.0, 4.0)
        >>> model.at(date(2027, 1, 1)).at(date(2026, 12, 31)).under
        3.0
        """
        if not self.changes:
            return self
        agreed = self._agreed or {name: getattr(self, name) for name in _DATED}
        holds = dict(agreed)
        for change in sorted(self.changes, key=lambda one: one.since):
            if change.since <= day:
                holds |= _made(change, holds)
        if all(getattr(self, name) == value for name, value in holds.items()):
            return self
        then = self.model_copy(update=holds)
        then._agreed = None if holds == agreed else agreed  # noqa: SLF001 - our own copy
        return then


_DATED = tuple(name for name in Change.model_fields if name != "since")
"""The fields that a date can change."""


def _made(change: Change, holds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a change replaces, as they are after it."""
    made = {name: getattr(change, name) for name in _DATED if getattr(change, name) is not None}
    if change.actions is not None:
        made["actions"] = merged_actions(holds["actions"] or {}, change.actions)
    if change.refer is not None:
        made["refer"] = merged_refer(holds["refer"], change.refer)
    return made


def _only_one(tables: list[str], amounts: list[str]) -> str:
    """Say which of several kinds of payoff to take out."""
    kinds = [*tables, *([" and ".join(amounts)] if amounts else [])]
    names = " or ".join(f"`{kind}`".replace(" and ", "` and `") for kind in kinds)
    return f"keep one kind of payoff and take the others out: {names}"
