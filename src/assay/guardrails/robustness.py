"""Robustness: how much of the uplift is kept when inputs are worse than in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.guardrails.plugin import Cases, Measured
from assay.ports.engine import Columns

__all__ = ["ROBUSTNESS", "ValueKept"]

NOISE = 0.1
"""Standard deviation of the noise, in standard deviations of the column."""

SHARE = 0.1
"""Share of cells that go missing, or whose category is one never seen."""

STRANGER = "never seen before"
_DRAWS = 3

Alter = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]


@dataclass(frozen=True)
class ValueKept:
    """The uplift on altered input columns over the uplift on the columns as they are.

    1 where nothing is lost; below 0 where the altered model does worse than the baseline. The
    columns that payoffs read stay as they are: the money is real, only the model is misled.
    The mean of three draws.
    """

    metric: str
    alter: Alter
    what: str
    by_group: bool = False

    def measure(self, cases: Cases, column: str | None, seed: int) -> Measured:
        """Measure it; None where there is no uplift to keep, or the model refuses."""
        del column
        before = float(cases.uplift().mean()) if len(cases) else 0.0
        if before <= 0:
            return Measured(
                None,
                "There is no uplift over the baseline on these cases, so that none can be kept.",
            )
        random = np.random.default_rng(seed)
        fixed = cases.valuation.columns
        kept = []
        for _ in range(_DRAWS):
            altered = {
                name: values if name in fixed else self.alter(values, random)
                for name, values in cases.columns.items()
            }
            try:
                kept.append(_uplift(cases, altered) / before)
            except InputError as error:
                return Measured(None, f"The model does not score altered rows: {error}")
        return Measured(
            float(np.mean(kept)),
            f"{self.what}; mean of {_DRAWS} draws.",
            {"uplift_before": before, "draws": kept},
        )


def _uplift(cases: Cases, altered: Columns) -> float:
    decisions = cases.valuation.decide(cases.again(altered), cases.columns)
    return float(cases.uplift(decisions).mean())


def _with_noise(values: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    if values.dtype == object:
        return values
    spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
    noisy: NDArray[Any] = values + random.normal(0.0, NOISE, len(values)) * spread
    return noisy


def _with_gaps(values: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    holed = values.copy()
    holed[random.random(len(values)) < SHARE] = "" if values.dtype == object else np.nan
    return holed


def _with_strangers(values: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    if values.dtype != object:
        return values
    shifted = values.copy()
    shifted[random.random(len(values)) < SHARE] = STRANGER
    return shifted


ROBUSTNESS = (
    ValueKept(
        "value_kept_under_noise",
        _with_noise,
        f"Numbers moved by {NOISE:g} of their standard deviation",
    ),
    ValueKept("value_kept_under_missing", _with_gaps, f"{SHARE:.0%} of all cells went missing"),
    ValueKept(
        "value_kept_under_shift",
        _with_strangers,
        f"{SHARE:.0%} of categories replaced by one never seen",
    ),
)
"""Every measure of robustness."""
