"""What stands and decides: a model version, perhaps recalibrated, or a baseline in its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.lifecycle.history import History
from assay.lifecycle.lessons import Lessons
from assay.lifecycle.recalibration import Recalibration
from assay.lifecycle.trainer import Learned, Trainer
from assay.ports.engine import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["Shelf", "Standing"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Standing:
    """A model that learned from the rows `taught`, and what has been done to it since.

    With `fallback` the named baseline decides while the model goes on forecasting in its shadow.
    `policy` is the valuation with the learned parts of its policy, `former` what stood before.
    """

    version: int
    model: Learned
    taught: Rows
    policy: Valuation
    recalibration: Recalibration | None = None
    fallback: str | None = None
    former: Standing | None = None

    @property
    def cutoff(self) -> int:
        """The first row that it did not learn from."""
        return int(self.taught[-1]) + 1

    def forecast(self, inputs: pl.DataFrame) -> Floats:
        """Return forecasts (n, K)."""
        plain = self.model.forecast(inputs)
        return plain if self.recalibration is None else self.recalibration.apply(plain)

    def decide(self, forecast: Floats, columns: Columns) -> NDArray[Any]:
        """Return decisions on a forecast of its own."""
        if self.fallback is not None:
            return self.policy.baseline(columns, len(forecast), self.fallback)
        return self.policy.decide(forecast, columns)

    def bent(self, recalibration: Recalibration, policy: Valuation) -> Standing:
        """Return the same model version with its forecasts recalibrated and its policy moved."""
        return replace(self, recalibration=recalibration, policy=policy, fallback=None, former=self)

    def moved(self, policy: Valuation) -> Standing:
        """Return the same model version and forecasts with another policy."""
        return replace(self, policy=policy, former=self)

    def replaced_by(self, baseline: str) -> Standing:
        """Return the baseline deciding in the model's place."""
        return replace(self, fallback=baseline, former=self)


@dataclass
class Shelf:
    """Models by the rows they learned from; each is trained once for all policies of a replay."""

    trainer: Trainer
    history: History
    lessons: Lessons = field(default_factory=Lessons)
    _models: dict[bytes, Learned] = field(default_factory=dict)

    def first(self, known: int) -> Standing:
        """Return the first version, from all rows whose outcomes are known."""
        rows = np.arange(known)
        model = self.trainer.first(self.history.lessons(rows, known))
        self._models[rows.tobytes()] = model
        return Standing(1, model, rows, model.valuation)

    def again(self, seen: Rows, known: int, version: int) -> Standing:
        """Return a version made from rows seen, as the charter has them count."""
        rows = self.lessons.of(seen)
        key = rows.tobytes()
        if key not in self._models:
            self._models[key] = self.trainer.again(self.history.lessons(rows, known))
        model = self._models[key]
        return Standing(version, model, rows, model.valuation)
