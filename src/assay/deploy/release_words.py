"""A release plan in words: how long it takes, or why it will not be settled and what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from assay.deploy.units_needed import POWER

if TYPE_CHECKING:
    from assay.deploy.prospect import Prospect
    from assay.deploy.release_plan import ReleasePlan

__all__ = ["line_of", "words_of"]


def words_of(plan: ReleasePlan) -> tuple[str, ...]:
    """Return what a reader must know, a sentence or two each."""
    if plan.rollout.untold:
        return (plan.unit, *_untold(plan), *_kept(plan))
    unknown, shadow = _unknown(plan), _shadow(plan)
    said = (plan.unit, *_centre(plan), _effort(plan), *unknown, _verdict(plan), *_mends(plan))
    return (*said, *_worse(plan), *_kept(plan), *shadow)


def line_of(plan: ReleasePlan) -> str:
    """Return what is told when the release starts."""
    if plan.rollout.untold:
        return " ".join((*_untold(plan), *_kept(plan)))
    told = (_effort(plan), *_unknown(plan), _verdict(plan), *_mends(plan))
    return " ".join((*told, *_kept(plan)))


def _untold(plan: ReleasePlan) -> Iterator[str]:
    """Say why the release cannot tell value, and what decides it then."""
    rollout = plan.rollout
    yield f"Value cannot be resolved by this {plan.named}, however long it runs: {rollout.untold}."
    if rollout.conditions:
        yield (
            "Guardrails alone decide: it is promoted once each of them is surely kept, and rolled "
            "back once one surely is not."
        )
        return
    then = "promoted" if rollout.undecided == "promote" else "rolled back"
    yield (
        "No guardrail was agreed either, so that nothing decides it: at the agreed maximum it is "
        f"{then} (`release.undecided`). Add `release.guardrails`."
    )


def _worse(plan: ReleasePlan) -> Iterator[str]:
    for one in plan.worse:
        if one.share == plan.best.share and one.within_reach:
            yield (
                f"A version {one.what} ({-one.difference:.4g} {plan.rollout.currency} per unit) is "
                f"rolled back after about {_many(one.units.expected)} units: "
                f"{_many(one.decisions)} decisions, {_many(one.days)} days."
            )


def _kept(plan: ReleasePlan) -> Iterator[str]:
    """Say when each guardrail is surely kept; they await no outcome."""
    left_out = plan.rollout.left_out
    if left_out:
        named = " and ".join(f"`{one}`" for one in left_out)
        yield f"A {plan.named} shows nothing of {named}: that is left out."
    for one in plan.kept:
        if not np.isfinite(one.cases.expected):
            yield f"`{one.condition.name}` is not surely kept within a billion cases."
            continue
        when = "of that group"
        if one.days is not None and one.decisions is not None:
            when = f"({_many(one.decisions)} decisions, {_days(one.days)})"
        yield (
            f"`{one.condition.name}` awaits no outcome: at half its limit it is surely kept after "
            f"about {_many(one.cases.expected)} cases {when}."
        )


def _days(days: float) -> str:
    return f"{_many(days)} days" if days >= 1 else "less than a day"


def _centre(plan: ReleasePlan) -> Iterator[str]:
    rollout = plan.rollout
    if rollout.centre and rollout.shares:
        who = "champion" if rollout.against == "control" else rollout.against
        yield (
            f"Payoffs are counted from {rollout.centre:.4g} {rollout.currency} per unit, what the "
            f"{who} paid in the evaluation; the difference stays as it is."
        )


def _effort(plan: ReleasePlan) -> str:
    best, none = plan.best, plan.without
    alike = f"a promotion takes {_many(none.units.expected)}" if none.within_reach else ""
    if plan.promised.mean <= 0:
        then = f"; with no difference {alike} units{_at(none)}" if alike else ""
        return (
            f"The evaluation promises no uplift over the {plan.rollout.against} "
            f"({plan.promised}){then}."
        )
    if not best.within_reach:
        return (
            f"No promotion is to be expected, even where the promised uplift ({plan.promised}) is "
            "true."
        )
    return (
        f"Where the promised uplift ({plan.promised}) is true, a promotion takes about "
        f"{_many(best.units.expected)} units{_at(best)}: "
        f"{_many(best.decisions)} decisions, {_many(best.days)} days. A z-test of a fixed number, "
        f"looked at once, takes {_many(best.units.fixed)}; with no difference "
        f"{alike or 'none is to be expected'}."
    )


def _at(prospect: Prospect) -> str:
    """Return where units come from, in words."""
    if prospect.share is None:
        return " on which both versions decide"
    return f" at {prospect.where}"


def _unknown(plan: ReleasePlan) -> Iterator[str]:
    unknown = plan.unknown
    if unknown:
        yield (
            f"The payoffs of {unknown.challenger:.0%} of the challenger's units and "
            f"{unknown.other:.0%} of the {plan.rollout.against}'s will stay unknown, and count "
            f"against the claim: {unknown.why}."
        )


def _verdict(plan: ReleasePlan) -> str:
    rollout = plan.rollout
    agreed = f"the agreed {rollout.most_units:,} units"
    if plan.most_days is not None:
        agreed += f" / {plan.most_days:g} days"
    if plan.resolvable:
        return f"Value is expected to be settled within {agreed}."
    then = (
        "and promotes where they hold"
        if rollout.undecided == "promote"
        else "and rolls back without proof of value"
    )
    return (
        f"Value cannot be resolved within {agreed} (chance {plan.best.units.within:.0%}): the "
        f"{plan.named} then decides on guardrails alone, {then} "
        f"(`release.undecided: {rollout.undecided}`)."
    )


def _mends(plan: ReleasePlan) -> Iterator[str]:
    """Say what keeps value from being settled, and the key that mends it."""
    if plan.resolvable:
        return
    if plan.promised.mean <= 0:
        yield (
            "No traffic and no time shows an uplift that is not there: build a version whose "
            "evaluation promises one."
        )
        return
    if plan.known is not None:
        yield from plan.unknown.mends
    if plan.known is None:
        yield _longer(plan)
    elif plan.known.units.within >= POWER:
        yield f"With all payoffs known, about {_many(plan.known.units.expected)} units settle it."
    else:
        yield "With all payoffs known, what was agreed would still be too little."


def _longer(plan: ReleasePlan) -> str:
    """Say how much longer would do, or that nothing within the horizon does."""
    best, pace = plan.best, plan.pace
    if best.days_mostly > pace.horizon_days:
        return (
            "At this traffic it takes longer than the business case counts "
            f"({pace.horizon_days:,.0f} days): only more traffic, a larger uplift or a larger "
            "`release.loss_budget_per_year` mends it."
        )
    keys = []
    if plan.most_days is not None and best.days_mostly > plan.most_days:
        keys.append(f"`release.most_days: {_up(best.days_mostly):.0f}`")
    if best.units.mostly > plan.rollout.most_units or not keys:
        keys.append(f"`release.most_decisions: {_up(best.units.mostly):.0f}`")
    return (
        f"8 of 10 releases settle it within {_up(best.units.mostly):,.0f} units, "
        f"{_up(best.days_mostly):,.0f} days: agree on {' and '.join(keys)}, or send more traffic."
    )


def _shadow(plan: ReleasePlan) -> Iterator[str]:
    shadow, times = plan.shadow, plan.times_fewer
    if shadow is None or (times is None and plan.best.within_reach):
        return
    fewer = "" if times is None else f", {_times(times)} times fewer"
    yield (
        "Where the outcome does not depend on the action, scoring both versions on each unit "
        f"(paired shadow) would take about {_many(shadow.units.expected)} units{fewer}."
    )


def _many(number: float) -> str:
    """Return a planned number with two digits that count: nobody knows more of it."""
    return f"{round(number, -_rest(number)):,.0f}"


def _up(number: float) -> float:
    """Return a number rounded up to two digits, so that it suffices."""
    step = 10.0 ** _rest(number)
    return float(np.ceil(number / step) * step)


def _rest(number: float) -> int:
    return max(0, int(np.floor(np.log10(max(number, 1.0)))) - 1)


def _times(times: float) -> str:
    return f"{times:.1f}" if times < 10 else _many(times)
