"""Which of the cases seen teach a retraining: the newest, or all with the old ones fading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.charter.response import Response

__all__ = ["Lessons"]

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Lessons:
    """The newest `newest` rows (all where None), half as many kept every `half_life` rows of age.

    A row that should weigh w is kept with chance w. In expectation that is the weighted fit, at
    the price of some noise, and it holds for everything that learns alike: search recipes, own
    training functions, calibration and thresholds. A row draws its lot once (`seed`): having
    faded, it never comes back.

    >>> Lessons(newest=3).of(np.arange(10)).tolist()
    [7, 8, 9]
    >>> faded = Lessons(half_life=1000).of(np.arange(4000))
    >>> [int(((faded >= low) & (faded < low + 1000)).sum()) for low in (0, 1000, 2000, 3000)]
    [77, 211, 359, 739]
    """

    newest: int | None = None
    half_life: int | None = None
    seed: int = 0

    @classmethod
    def read(cls, response: Response, seed: int) -> Lessons:
        """Read what a charter's `response` says of it."""
        return cls(response.training_rows, response.half_life_rows, seed)

    def of(self, rows: Rows) -> Rows:
        """Return those of the rows seen, given in order of time, that teach."""
        kept = rows if self.newest is None else rows[-self.newest :]
        if self.half_life is None or not len(kept):
            return kept
        lots = np.random.default_rng(self.seed).random(int(kept[-1]) + 1)[kept]
        age = np.arange(len(kept))[::-1]
        faded: Rows = kept[lots < 0.5 ** (age / self.half_life)]
        return faded
