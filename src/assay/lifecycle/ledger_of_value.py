"""The books of a use case: what it was to earn, and what it has earned so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.evidence.folds import ModelState
from assay.lifecycle.posting import plans_of, shares_in_words
from assay.lifecycle.served_elsewhere import plan_of
from assay.monitor.report import WindowReport
from assay.monitor.run import MonitorResult
from assay.monitor.value import HALF_WIDTH
from assay.ports.blobs import Blobs
from assay.stats.estimate import Estimate
from assay.value.control import ControlMeasured
from assay.value.identification import Identified, identification, is_marked, marked

__all__ = ["ValueSoFar", "total_uplift", "value_so_far"]


@dataclass(frozen=True)
class ValueSoFar:
    """Planned uplift per month, realised uplift in all, and the windows behind it.

    `identified` says which of these figures more cases would bring to the truth; one that they
    would not carries the mark. `by_control` is the uplift that a control share shows.
    """

    planned: Estimate | None
    realised: Estimate | None
    realised_per_month: Estimate | None
    decisions: int
    reports: tuple[WindowReport, ...]
    words: tuple[str, ...]
    identified: Identified
    by_control: ControlMeasured | None = None

    def document(self) -> dict[str, Any]:
        """Return the books as a JSON document."""
        return {
            "planned": self.planned.document() if self.planned else None,
            "realised": self.realised.document() if self.realised else None,
            "realised_per_month": (
                self.realised_per_month.document() if self.realised_per_month else None
            ),
            "decisions": self.decisions,
            "windows": [report.posting() for report in self.reports],
            "words": list(self.words),
            "identification": self.identified.document(),
            "by_control": self.by_control.document() if self.by_control else None,
        }


def value_so_far(
    charter: Charter, state: ModelState, blobs: Blobs, observed: MonitorResult
) -> ValueSoFar:
    """Add up what windows realised; what cannot count yet is left out, and said to be.

    Of a model that is served elsewhere the plan is what its reference rows realised.
    """
    newest = state.newest
    plan = None if newest is None else plans_of(state, blobs).get(newest.bundle)
    if charter.monitoring.source is not None and observed.windows:
        plan = plan_of(fetch_bundle(blobs, observed.windows[-1].bundle))
    told = [one.measured.realised for one in observed.windows if one.measured.realised]
    counted = sum(one.cases for one in told)
    waiting = sum(one.measured.n for one in observed.windows) - counted
    words = []
    if waiting:
        words.append(
            f"{waiting:,} more decisions have no outcome yet that counts (their label delay is not "
            "over, or too few outcomes have come) and are left out."
        )
    hidden = sum(one.hidden for one in told)
    if hidden:
        words.append(
            f"For {hidden:,} decisions the outcome will never be seen, and their part of the "
            "uplift rests on the model's own word: it is not identified."
        )
    volume, unit = charter.value.decisions_per_month, f"{charter.value.currency} per month"
    entities = charter.data.entity is not None
    total = total_uplift(observed.windows, charter.value.currency, entities=entities)
    identified = identification(charter.value, charter.data, charter.release)
    words += _not_identified(identified, plan, total)
    words += [] if newest is None else shares_in_words(newest, blobs)
    words += _shown_by_control(observed.by_control, volume, unit)
    if plan is not None:
        plan = identified.evaluation.mark(plan)
    return ValueSoFar(
        planned=plan.scaled(volume, unit) if plan else None,
        realised=total,
        realised_per_month=total.scaled(volume / counted, unit) if total and counted else None,
        decisions=counted,
        reports=observed.windows,
        words=tuple(words),
        identified=identified,
        by_control=observed.by_control,
    )


def _not_identified(
    identified: Identified, plan: Estimate | None, total: Estimate | None
) -> list[str]:
    """Return why figures carry the mark."""
    words = []
    if plan is not None and not identified.evaluation.identified:
        words.append(f"The planned uplift is not identified. {identified.evaluation.reason}")
    if total is not None and is_marked(total):
        why = identified.live.reason if not identified.live.identified else ""
        if identified.live.by == "control share":
            why = "The control share shows the uplift without that assumption."
        elif identified.live.by == "exploration share":
            why = "The exploration share could show it, and these figures do not use it."
        words.append(f"The realised uplift is not identified. {why}".strip())
    return words


def _shown_by_control(found: ControlMeasured | None, volume: float, unit: str) -> list[str]:
    if found is None:
        return []
    text = (
        f"The control share shows an uplift of {found.watched.scaled(volume, unit)} at the planned "
        f"volume, whatever actions do to outcomes: {found.decisions:,} decisions, "
        f"{found.controls:,} of them in the control."
    )
    if math.isinf(found.watched.high):
        text += (
            " That says nothing yet: each arm needs 10 payoffs that differ from its commonest one, "
            "and both together 500 units. Caps on what payoffs read would bound it from the first."
        )
    if found.unknown:
        text += f" {found.unknown:,} without an outcome are taken to be like the others."
    return [text]


def total_uplift(
    reports: Sequence[WindowReport], currency: str, *, entities: bool = False
) -> Estimate | None:
    """Return the uplift of all windows together, in currency; None without labels.

    Windows hold different cases. Where each stands alone windows are independent: their half-widths
    add up as roots of sums of squares, each side by itself. Where cases belong to `entities` and
    one comes back in another window, windows err alike: half-widths add up as they are, which
    covers whatever they share. So does the part that hidden cases owe to the model's
    probabilities, in either case: it is one error.
    """
    known = [one.measured for one in reports if one.measured.realised is not None]
    told = [one.realised for one in known if one.realised is not None]
    if not told:
        return None
    linear = entities and _come_back([one.entities for one in known])
    parts = [one.uplift.scaled(one.cases, currency) for one in told]
    shared = [HALF_WIDTH * one.calibration * one.cases for one in told]
    mean = sum(part.mean for part in parts)
    down = _together([part.mean - part.low for part in parts], shared, linear=linear)
    up = _together([part.high - part.mean for part in parts], shared, linear=linear)
    way = "half-widths added up, as entities come back" if linear else "windows independent"
    method = f"sum over windows, {way}"
    n = sum(part.n for part in parts)
    summed = Estimate(mean, mean - down, mean + up, n, method, currency)
    return summed if all(one.identified for one in told) else marked(summed)


def _come_back(windows: Sequence[NDArray[Any] | None]) -> bool:
    """Return whether an entity has cases in two windows; it may where they are not named."""
    named = [one for one in windows if one is not None]
    if len(named) < len(windows):
        return len(windows) > 1
    everyone = np.concatenate(named)
    return len(np.unique(everyone)) < len(everyone)


def _together(sides: Sequence[float], shared: Sequence[float], *, linear: bool) -> float:
    """Return the half-width of a sum; `shared` are the parts of the sides that are one error."""
    if linear:
        return float(sum(sides))
    alone = [side**2 - part**2 for side, part in zip(sides, shared, strict=True)]
    return float(np.hypot(np.sqrt(sum(max(0.0, each) for each in alone)), sum(shared)))
