"""What a replay asks of training, and Assay's own training as its answer."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from assay.build.crossfit import UserTrain
from assay.build.training import Model, refit, train, train_own
from assay.charter.charter import Charter
from assay.ports.engine import Floats
from assay.value.valuation import Valuation

__all__ = ["BuildTrainer", "Learned", "Trainer"]


class Learned(Protocol):
    """A fitted model that a replay lets decide."""

    @property
    def valuation(self) -> Valuation:
        """The valuation with the learned parts of its policy."""
        ...

    def forecast(self, frame: pl.DataFrame) -> Floats:
        """Return forecasts (n, K) for rows that come without outcome and later columns."""
        ...


class Trainer(Protocol):
    """Makes models from rows whose outcomes are known."""

    def first(self, frame: pl.DataFrame) -> Learned:
        """Return the model that stands at the start, with whatever search it takes."""
        ...

    def again(self, frame: pl.DataFrame) -> Learned:
        """Return a model made in the same way as the first, from other rows."""
        ...


class BuildTrainer:
    """Trains as `assay build` does: searches once, then makes the found recipe again.

    The recipe is never searched anew, so that a replay takes minutes.
    """

    def __init__(
        self,
        charter: Charter,
        valuation: Valuation,
        *,
        trials: int | None = None,
        function: UserTrain | None = None,
    ) -> None:
        self._charter = charter
        self._valuation = valuation
        self._trials = trials
        self._function = function
        self._first: Model | None = None

    def first(self, frame: pl.DataFrame) -> Model:
        """Search on these rows, or call the user's function."""
        if self._function is not None:
            return self.again(frame)
        found = train(frame, self._charter, self._valuation, trials=self._trials)
        self._first = found
        return found

    def again(self, frame: pl.DataFrame) -> Model:
        """Make the found recipe again on these rows, or call the user's function."""
        if self._function is not None:
            return train_own(self._function, frame, self._charter, self._valuation)
        if self._first is None or self._first.recipe is None:
            raise ValueError("`first` finds the recipe, and must be called before `again`")
        return refit(self._first.recipe, frame, self._charter, self._valuation)
