"""The books of a replay: what each policy earned, window by window, beside what could have been."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from assay.stats.estimate import Estimate

__all__ = ["PeriodBook", "PolicyBook", "Replay"]


@dataclass(frozen=True)
class PeriodBook:
    """One policy in one window: value and uplift over its decisions in currency, and what happened.

    `actions` counts decisions by action (empty in regression; then `mean_decision` tells more).
    `response` says what was done at the window's start and why; `alerts` what had been seen.
    """

    value: float
    uplift: float
    actions: Mapping[str, int]
    mean_decision: float | None
    version: int
    fallback: str | None
    response: str | None
    reason: str
    alerts: tuple[str, ...]
    labelled: int


@dataclass(frozen=True)
class PolicyBook:
    """One policy through the whole replay.

    `value`, `uplift` (against the charter's baseline) and `over` (against each baseline) are totals
    in currency. Their intervals are over cases: they take the decisions as they fell.
    `cost` is that of its retrainings, not yet taken off.
    """

    name: str
    periods: tuple[PeriodBook, ...]
    value: Estimate
    uplift: Estimate
    over: Mapping[str, Estimate]
    retrainings: int
    cost: float

    @property
    def responses(self) -> int:
        """How often it did something."""
        return sum(period.response is not None for period in self.periods)


@dataclass(frozen=True)
class Replay:
    """Policies, baselines and hindsight over the same windows, in currency.

    `differences` compares policies case by case: "triggered - static". `recipe` says what was
    learned from the first rows, `notes` what the figures do not show.
    """

    charter: str
    currency: str
    baseline: str
    labels: Literal["all", "selected"]
    first: int
    n: int
    label_delay: str
    windows: tuple[Mapping[str, Any], ...]
    policies: Mapping[str, PolicyBook]
    baselines: Mapping[str, tuple[float, ...]]
    baseline_totals: Mapping[str, Estimate]
    hindsight: tuple[float, ...]
    hindsight_total: Estimate
    differences: Mapping[str, Estimate]
    recipe: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the whole replay as a JSON document."""
        document = asdict(self)
        document["windows"] = [dict(window) for window in self.windows]
        return {"format": 1, **_estimates(document, self)}


def _estimates(document: dict[str, Any], replay: Replay) -> dict[str, Any]:
    """Write estimates in their own form (an infinite bound is a word)."""
    document["baseline_totals"] = _written(replay.baseline_totals)
    document["hindsight_total"] = replay.hindsight_total.document()
    document["differences"] = _written(replay.differences)
    for name, book in replay.policies.items():
        part = document["policies"][name]
        part["value"], part["uplift"] = book.value.document(), book.uplift.document()
        part["over"] = _written(book.over)
    return document


def _written(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.document() for name, estimate in estimates.items()}
