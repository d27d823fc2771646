"""How a release plan is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.cli.output import say, table

if TYPE_CHECKING:
    from assay.deploy.prospect import Prospect
    from assay.deploy.release_plan import ReleasePlan

__all__ = ["tell_plan"]

_HEAD = (
    "where this is true",
    "units on average",
    "units in 8 of 10 runs",
    "units of a fixed test",
    "chance",
    "decisions",
    "days",
)


def tell_plan(plan: ReleasePlan) -> None:
    """Print what a promotion takes, for each difference and share, and what follows from it.

    What is out of reach has no row: its numbers would say nothing that could be done.
    """
    rollout = plan.rollout
    title = (
        f"Until a promotion: surely at most {rollout.tolerance:.4g} {rollout.currency} per unit "
        f"worse than the {rollout.against}"
    )
    near = [one for one in plan.prospects if one.within_reach]
    agreed = f"the agreed {rollout.most_units:,} units"
    if plan.most_days is not None:
        agreed += f" / {plan.most_days:g} days"
    if rollout.untold:
        say(f"Value is not told by this {plan.named}; what decides it then:")
    elif near:
        table(title, _HEAD, [_row(one) for one in near])
        say(f"`chance` is that of a promotion within {agreed}.")
    else:
        say(f"{title}: nothing within reach.")
    far = [one.named for one in plan.prospects if not one.within_reach]
    if near and far:
        say(f"Out of reach within {agreed}: {'; '.join(far)}.")
    for line in plan.words:
        say(line)


def _row(one: Prospect) -> tuple[str, ...]:
    units = one.units
    numbers = (units.expected, units.mostly, units.fixed)
    return (
        one.named,
        *(f"{each:,.0f}" for each in numbers),
        f"{units.within:.0%}",
        f"{one.decisions:,.0f}",
        f"{one.days:,.0f}",
    )
