"""How a release plan is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.cli.output import say, table

if TYPE_CHECKING:
    from assay.deploy.release_plan import Prospect, ReleasePlan

__all__ = ["tell_plan"]

_HEAD = ("where this is true", "units", "8 of 10 by", "fixed test", "chance", "decisions", "days")


def tell_plan(plan: ReleasePlan) -> None:
    """Print what a promotion takes, for each difference and share, and what follows from it."""
    rollout = plan.rollout
    title = (
        f"Until a promotion: surely at most {rollout.tolerance:.4g} {rollout.currency} per unit "
        f"worse than the {rollout.against}"
    )
    table(title, _HEAD, [_row(one) for one in plan.prospects])
    say(f"`chance` is that of a promotion within the agreed {rollout.most_units:,} units.")
    for line in plan.words:
        say(line)
    if rollout.conditions:
        say(f"It also waits for {', '.join(one.name for one in rollout.conditions)}.")


def _row(one: Prospect) -> tuple[str, ...]:
    where = "both arms on each unit" if one.share is None else f"{one.share:.0%} of traffic"
    units = one.units
    numbers = (units.expected, units.mostly, units.fixed)
    return (
        f"{one.what}, {where}",
        *(_number(each) for each in numbers),
        f"{units.within:.0%}",
        _number(one.decisions),
        _number(one.days),
    )


def _number(number: float) -> str:
    return f"{number:,.0f}" if math.isfinite(number) else "never"
