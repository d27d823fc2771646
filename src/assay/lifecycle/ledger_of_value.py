"""The books of a use case: what it was to earn, and what it has earned so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.charter.charter import Charter
from assay.evidence.folds import ModelState
from assay.lifecycle.posting import plans_of
from assay.monitor.report import WindowReport
from assay.monitor.run import MonitorResult
from assay.ports.blobs import Blobs
from assay.stats.estimate import Estimate

__all__ = ["ValueSoFar", "total_uplift", "value_so_far"]


@dataclass(frozen=True)
class ValueSoFar:
    """Planned uplift per month, realised uplift in all, and the windows behind it."""

    planned: Estimate | None
    realised: Estimate | None
    decisions: int
    reports: tuple[WindowReport, ...]
    words: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the books as a JSON document."""
        return {
            "planned": self.planned.document() if self.planned else None,
            "realised": self.realised.document() if self.realised else None,
            "decisions": self.decisions,
            "windows": [report.posting() for report in self.reports],
            "words": list(self.words),
        }


def value_so_far(
    charter: Charter, state: ModelState, blobs: Blobs, observed: MonitorResult
) -> ValueSoFar:
    """Add up what windows realised; windows without labels are left out, and said to be."""
    plans = plans_of(state, blobs)
    newest = state.newest
    plan = None if newest is None else plans.get(newest.bundle)
    told = [one for one in observed.windows if one.measured.realised is not None]
    waiting = sum(one.measured.n for one in observed.windows) - sum(o.measured.n for o in told)
    words = []
    if waiting:
        words.append(f"{waiting:,} more decisions have no outcome yet and are not counted.")
    hidden = sum(one.measured.realised.hidden for one in told if one.measured.realised)
    if hidden:
        words.append(
            f"For {hidden:,} decisions the outcome will never be seen, and their part of the "
            "uplift rests on the model's own word: it is not identified."
        )
    volume = charter.value.decisions_per_month
    return ValueSoFar(
        planned=plan.scaled(volume, f"{charter.value.currency} per month") if plan else None,
        realised=total_uplift(told, charter.value.currency),
        decisions=sum(one.measured.n for one in told),
        reports=observed.windows,
        words=tuple(words),
    )


def total_uplift(reports: Sequence[WindowReport], currency: str) -> Estimate | None:
    """Return the uplift of all windows together, in currency; None without labels.

    Windows hold different cases and are taken as independent: variances add up (their half-widths
    as roots of sums of squares, each side by itself).
    """
    parts = [
        one.measured.realised.uplift.scaled(one.measured.n, currency)
        for one in reports
        if one.measured.realised is not None
    ]
    if not parts:
        return None
    mean = sum(part.mean for part in parts)
    down = float(np.sqrt(sum((part.mean - part.low) ** 2 for part in parts)))
    up = float(np.sqrt(sum((part.high - part.mean) ** 2 for part in parts)))
    n = sum(part.n for part in parts)
    return Estimate(mean, mean - down, mean + up, n, "sum over windows", currency)
