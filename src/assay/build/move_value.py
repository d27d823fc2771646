"""What moving a policy brings: both policies decide the same rows, paid as the charter pays now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.clusters import clusters_of
from assay.charter.charter import Charter
from assay.ports.engine import Columns, Floats
from assay.stats.clusters import clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import per_decision
from assay.value.identification import identification, is_marked
from assay.value.valuation import Valuation

__all__ = ["MoveValue", "move_value"]


@dataclass(frozen=True)
class MoveValue:
    """What the policies make a month on the rows that judge, and the paired difference.

    `before` and `brings` are None where the old policy took actions that the charter no longer
    values, named in `gone`. `moved` is the share of cases that are decided otherwise.
    """

    before: Estimate | None
    after: Estimate
    brings: Estimate | None
    moved: float | None
    gone: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        named = {"before": self.before, "after": self.after, "brings": self.brings}
        found = {name: None if one is None else one.document() for name, one in named.items()}
        return {**found, "decided_otherwise": self.moved, "gone": list(self.gone)}

    def words(self, version: int) -> tuple[str, ...]:
        """Say what the move brings, and what the figure is not."""
        if self.brings is None or self.moved is None:
            gone = ", ".join(f"`{action}`" for action in self.gone)
            unknown = f"What the move brings is not known: version {version} takes {gone}, "
            return (unknown + "which the charter no longer values.",)
        figure = f"{'+' if self.brings.mean > 0 else ''}{self.brings!r}"
        figure += " (not identified)" if is_marked(self.brings) else ""
        told = f"Moving the policy brings {figure} on {self.brings.n:,} test rows"
        if self.brings.low <= 0 <= self.brings.high:
            rows = f"{self.brings.n:,} test rows"
            told = f"{rows} do not tell whether moving the policy pays: {figure}"
        warning = (
            f"These rows judged version {version} too: a policy that was chosen by looking at them "
            "is worth less than they show."
        )
        return (f"{told}; {self.moved:.1%} of cases are decided otherwise.", warning)


def move_value(
    old: Valuation,
    new: Valuation,
    forecast: Floats,
    outcomes: NDArray[Any],
    columns: Columns,
    charter: Charter,
    frame: pl.DataFrame,
) -> MoveValue:
    """Compare two policies on the same forecasts (n, K) and outcomes (n,), rows of `frame`.

    Each case's decisions are paid under the new value model, whatever the old one promised: the
    difference is then the policy's alone. It is taken case by case before its mean; intervals are
    BCa bootstraps, over whole entities or stretches of time. Where actions change outcomes, figures
    are marked as not identified.
    """
    clusters, seed = clusters_of(frame, charter), charter.build.seed
    known = identification(charter.value, charter.data, charter.release).evaluation

    def monthly(paid: Floats) -> Estimate:
        mean = clustered_mean(paid, clusters, seed=seed, unit=per_decision(new))
        unit = f"{new.currency} per month"
        return known.mark(mean.scaled(charter.value.decisions_per_month, unit))

    now = new.decide(forecast, columns)
    paid = new.realised(now, outcomes, columns)
    then = old.decide(forecast, columns)
    gone = _gone(old, new, then)
    if gone:
        return MoveValue(None, monthly(paid), None, None, gone)
    then = _recoded(old, new, then)
    instead = new.realised(then, outcomes, columns)
    moved = float(np.mean(then != now))
    return MoveValue(monthly(instead), monthly(paid), monthly(paid - instead), moved)


def _gone(old: Valuation, new: Valuation, decisions: NDArray[Any]) -> tuple[str, ...]:
    """Return the actions taken that are no longer there."""
    taken = [old.actions[code] for code in np.unique(decisions)] if old.actions else []
    return tuple(action for action in taken if action not in new.actions)


def _recoded(old: Valuation, new: Valuation, decisions: NDArray[Any]) -> NDArray[Any]:
    """Return decisions in the codes of the new valuation; amounts stay."""
    if not old.actions:
        return decisions
    codes = [new.actions.index(one) if one in new.actions else -1 for one in old.actions]
    recoded: NDArray[np.int64] = np.array(codes, dtype=np.int64)[decisions]
    return recoded
