"""What the shares that a charter grants cost and show, and which one would suffice."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from assay.charter.value import ValueModel
from assay.stats.estimate import Estimate
from assay.value.identification import CONTROL, EXPLORATION, OUTCOMES, Identified, is_marked
from assay.value.share_cost import Resolution, Spread, control_cost, least_control_share

__all__ = ["Granted", "SharePlan", "Shares", "share_plan"]


@dataclass(frozen=True)
class Shares:
    """What the charter grants, and what the exploration share costs per month (None without one).

    `differing` is the share of cases in which policy and baseline take different actions, of
    `actions` there are (0: amounts).
    """

    control: float
    exploration: float
    exploration_cost: Estimate | None
    differing: float
    actions: int


@dataclass(frozen=True)
class Granted:
    """A share, what it costs per month, and when it resolves the uplift (None: it does not)."""

    share: float
    cost: Estimate
    resolves: Resolution | None

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "share": self.share,
            "cost": self.cost.document(),
            "resolves": None if self.resolves is None else self.resolves.document(),
        }


@dataclass(frozen=True)
class SharePlan:
    """The shares granted, and the smallest control share that resolves `uplift` in the horizon.

    `suggested` is None where no share is needed, none suffices or none helps; `words` say all of
    it, and are empty where no share is granted and none is needed; `costs` are those of them on
    what shares cost and show.
    """

    identified: Identified
    uplift: float
    control: Granted | None
    exploration: Granted | None
    suggested: Granted | None
    words: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        shares = {
            "control": self.control,
            "exploration": self.exploration,
            "suggested": self.suggested,
        }
        return {
            "identification": self.identified.document(),
            "uplift": self.uplift,
            **{name: None if one is None else one.document() for name, one in shares.items()},
            "words": list(self.words),
            "costs": list(self.costs),
        }


def share_plan(
    identified: Identified,
    model: ValueModel,
    shares: Shares,
    promised: Estimate,
    spread: Spread,
    floor_per_month: float = 0.0,
) -> SharePlan:
    """Return what shares cost and when they show the promised uplift per decision, or the floor.

    The floor stands in where no uplift above zero is promised. What a control costs rests on the
    promised uplift, what exploring costs on forecasts that no action moves: both carry the mark
    where the uplift is not identified. "However often one looks" holds from when each arm has 10
    payoffs that differ from its commonest one (`control_sequence`), which the months count in.
    """
    volume, months = model.decisions_per_month, model.horizon_months
    uplift = promised.mean if promised.mean > 0 else max(floor_per_month, 0.0) / volume
    cost = identified.evaluation.mark(promised)
    if shares.exploration_cost is not None:
        explored = identified.evaluation.mark(shares.exploration_cost)
        shares = replace(shares, exploration_cost=explored)
    shows = {share: share in identified.shown_by for share in (CONTROL, EXPLORATION)}
    helps = shows[CONTROL] and identified.live.by != OUTCOMES

    def controlled(share: float) -> Granted:
        least = spread.least_under_control(share)
        found = Resolution.of(spread.under_control(share), uplift, volume, least)
        resolved = found if shows[CONTROL] and math.isfinite(found.watched) else None
        return Granted(share, control_cost(cost, share, volume), resolved)

    least = least_control_share(spread, uplift, volume, months) if helps else None
    control = controlled(shares.control) if shares.control else None
    exploration = _explored(shares, spread, uplift, volume)
    if exploration is not None and not shows[EXPLORATION]:
        exploration = replace(exploration, resolves=None)
    suggested = None if least is None else controlled(least)
    found = SharePlan(identified, uplift, control, exploration, suggested)
    granted, advice = _granted(found), _advice(found, months)
    words = (*granted, *_verdicts(identified), *advice)
    return replace(found, words=words, costs=(*granted, *advice))


def _explored(shares: Shares, spread: Spread, uplift: float, volume: float) -> Granted | None:
    if shares.exploration_cost is None:
        return None
    variance = spread.under_exploration(shares.exploration, shares.actions, shares.differing)
    least = spread.least_under_exploration(shares.exploration, shares.actions, shares.differing)
    found = Resolution.of(variance, uplift, volume, least)
    resolved = found if math.isfinite(found.watched) and variance else None
    return Granted(shares.exploration, shares.exploration_cost, resolved)


def _granted(plan: SharePlan) -> tuple[str, ...]:
    words = []
    for name, one in ((CONTROL, plan.control), (EXPLORATION, plan.exploration)):
        if one is not None:
            why = plan.identified.silent.get(name)
            shows = _shows(one, name) if why is None else f"shows nothing of the uplift, as {why}"
            words.append(f"The {name} of {_percent(one.share)} costs {_cost(one)} and {shows}.")
    return tuple(words)


def _verdicts(identified: Identified) -> tuple[str, ...]:
    words = []
    if not identified.evaluation.identified:
        words.append(f"The uplift is not identified. {identified.evaluation.reason}")
    if not identified.live.identified:
        words.append(
            f"What it is worth once it serves will not be identified. {identified.live.reason}"
        )
    return tuple(words)


def _advice(plan: SharePlan, months: int) -> tuple[str, ...]:
    """Say which control share would do, where the one granted does not or none is."""
    control, one = plan.control, plan.suggested
    shows = CONTROL in plan.identified.shown_by
    slow = (control is not None and shows) and (
        control.resolves is None or control.resolves.months_watched > months
    )
    wanted = slow or (control is None and not plan.identified.live.identified)
    if one is not None and wanted:
        text = (
            f"A control share of {_percent(one.share)} would do it within the horizon of {months} "
            f"months: it costs {_cost(one)} and {_shows(one, CONTROL)}."
        )
        return (text,)
    if slow and plan.uplift > 0:
        return (f"No control share shows that within the horizon of {months} months.",)
    return ()


def _cost(one: Granted) -> str:
    return f"{one.cost} (not identified)" if is_marked(one.cost) else str(one.cost)


def _shows(one: Granted, share: str) -> str:
    found = one.resolves
    if found is None:
        return "has no uplift to show"
    inside = ""
    if share == CONTROL:
        inside = f", with about {one.share * found.watched:,.0f} decisions in the control by then"
    currency = one.cost.unit.split()[0]
    once = f"within {_months(found.months_fixed)} if one looks once, when agreed beforehand"
    return (
        f"shows an uplift of {found.uplift:.4g} {currency} per decision within "
        f"{_months(found.months_watched)} however often one looks ({once}){inside}; both hold once "
        "each arm has 10 payoffs off its commonest one"
    )


def _months(count: float) -> str:
    return "0.1 months" if count < 0.1 else f"{count:,.1f} months"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
