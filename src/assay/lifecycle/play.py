"""One policy's life through history: what it decided, and which outcomes it thereby came to see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.lifecycle.history import History
from assay.lifecycle.standing import Standing
from assay.lifecycle.timeline import Period
from assay.ports.engine import Floats

__all__ = ["Play", "Revealing"]

Rows = NDArray[np.int64]


class Revealing:
    """Which actions show an outcome, and how many cases get a random action so that more is seen.

    `names` are the revealing actions; none where every outcome is seen.
    """

    def __init__(self, names: tuple[str, ...], actions: tuple[str, ...], share: float) -> None:
        self.names = names
        self.share = share
        self._actions = len(actions)
        self._codes = [actions.index(name) for name in names]

    def explored(
        self, decisions: NDArray[Any], random: np.random.Generator
    ) -> tuple[NDArray[Any], Floats]:
        """Return decisions with the random ones among them, and each outcome's chance to show."""
        if self.share > 0 and self._actions:
            lot = random.random(len(decisions)) < self.share
            drawn = random.integers(self._actions, size=len(decisions))
            taken = np.where(lot, drawn, decisions)
        else:
            taken = decisions
        if not self._codes:
            return taken, np.ones(len(decisions))
        by_lot = len(self._codes) / self._actions
        chance = np.where(np.isin(decisions, self._codes), 1.0, 0.0)
        return taken, (1 - self.share) * chance + self.share * by_lot

    def shown(self, taken: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which decisions show their outcome."""
        if not self._codes:
            return np.ones(len(taken), dtype=np.bool_)
        return np.isin(taken, self._codes)


class Play:
    """What one policy decided so far. History before the replay is seen whole.

    `decisions` are what was done, `meant` what would have been done but for random actions.
    """

    def __init__(self, history: History, revealing: Revealing, seed: int) -> None:
        line, n = history.line, history.line.frame.height
        self.history = history
        self.revealing = revealing
        self._random = np.random.default_rng(seed)
        regression = history.valuation.task == "regression"
        self.decisions: NDArray[Any] = np.zeros(n, dtype=np.float64 if regression else np.int64)
        self.meant = self.decisions.copy()
        self.chance = np.ones(n)
        self.shown = np.arange(n) < line.first
        self.by = np.full(n, -1)
        self.lived: list[tuple[Period, Standing]] = []
        self._forecasts: list[Floats] = []

    def live(self, period: Period, standing: Standing) -> None:
        """Decide a window's cases."""
        rows = np.arange(period.start, period.stop)
        columns = self.history.columns(rows)
        forecast = standing.forecast(self.history.inputs(rows))
        decided = standing.decide(forecast, columns)
        taken, chance = self.revealing.explored(decided, self._random)
        self.decisions[rows], self.meant[rows], self.chance[rows] = taken, decided, chance
        self.shown[rows] = self.revealing.shown(taken)
        self.by[rows] = len(self.lived)
        self.lived.append((period, standing))
        self._forecasts.append(forecast)

    def seen(self, known: int, since: int = 0) -> Rows:
        """Return the rows in [since, known) whose outcome showed."""
        return np.flatnonzero(self.shown[since:known]) + since

    def forecasts(self, rows: Rows) -> Floats:
        """Return the forecasts on which replayed rows were decided."""
        every = np.concatenate(self._forecasts)
        return every[rows - self.history.line.first]
