"""Scored cases whose law is known: what monitoring is tried on."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import BestAction
from assay.monitor.cases import Cases
from assay.monitor.watched import Watched
from assay.stats.reference import make_reference, read_reference
from assay.value.classification import ClassificationValuation
from assay.value.payoff import PayoffTable
from assay.value.stake import learn_from_cases
from assay.value.valuation import Valuation

Floats = NDArray[np.float64]

CELLS: dict[str, tuple[tuple[float | str, ...], ...]] = {
    "numbers": ((-1.0, 9.0), (0.0, 0.0)),
    "rare": ((-1.0, 400.0), (0.0, 0.0)),
    "amount": ((-1.0, "amount"), (0.0, 0.0)),
    "both": (("-amount * 0.2", "amount + 1"), (0.0, 0.0)),
}


def bank(cells: str = "numbers", baseline: str = "skip", **more: Any) -> ClassificationValuation:
    """Calling pays where the client says yes; the baseline is an action or `column: past`."""
    table = PayoffTable(("call", "skip"), ("no", "yes"), CELLS[cells], {"amount": (0.0, 500.0)})
    return ClassificationValuation("EUR", table, BestAction(), {"base": baseline}, "base", **more)


@dataclass
class Traffic:
    """Draws cases; the score knows the truth up to `4 s - level` in log odds."""

    seed: int
    valuation: Valuation = field(default_factory=bank)
    labels: int = 20_000
    level: float = 3.5
    by_amount: float = 0.0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        columns, score, outcomes = self.drawn(self.labels)
        forecaster = learn_from_cases(self.valuation, score, outcomes, columns)
        few = {name: column[:5000] for name, column in columns.items()}
        reference = read_reference(make_reference(few, score[:5000]))
        self.watched = Watched((), self.valuation, forecaster, reference)

    def anew(self, *seed: int) -> Traffic:
        """Return the same model, whose further cases hang on these numbers alone."""
        fresh = copy(self)
        fresh.rng = np.random.default_rng(seed)
        return fresh

    def drawn(
        self, n: int, shift: float = 0.0, drift: float = 0.0
    ) -> tuple[dict[str, NDArray[Any]], Floats, NDArray[np.int64]]:
        """Return columns, scores and outcomes; `shift` moves scores, `drift` what they mean."""
        score = 1 / (1 + np.exp(-(1.4 * self.rng.normal(size=n) + shift)))
        amount = self.rng.lognormal(2.0, 0.8, n)
        odds = 4 * score - self.level + drift + self.by_amount * (np.log(amount) - 2.0)
        outcomes = (self.rng.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
        city = np.array(["Faro", "Braga", ""], dtype=object)[self.rng.integers(0, 3, n)]
        past = np.array(["call", "skip"], dtype=object)[self.rng.integers(0, 2, n)]
        return {"amount": amount, "city": city, "past": past}, score, outcomes

    def cases(self, n: int, shift: float = 0.0, drift: float = 0.0) -> Cases:
        """Return cases that the model decides, all outcomes known."""
        columns, score, outcomes = self.drawn(n, shift, drift)
        forecast = self.watched.forecast(score, columns)
        decisions = self.valuation.decide(forecast, columns)
        return Cases.before_labels(columns, score, decisions).known(outcomes)
