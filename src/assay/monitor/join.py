"""Outcomes that arrive late, joined to the predictions they belong to, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Joined", "first_of_each", "join", "newest_outcomes"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Joined:
    """For each prediction the row of its newest outcome (-1 where none has come).

    `strangers` counts delivered ids that no prediction has, `repeats` rows that said nothing
    new because a newer revision or an equal one stands for the same id.
    """

    rows: Ints
    strangers: int
    repeats: int

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which predictions have their outcome."""
        return self.rows >= 0


def join(predictions: Sequence[str], delivered: Iterable[str], revisions: Iterable[int]) -> Joined:
    """Join delivered outcomes to predictions by id.

    Of several outcomes for one id the highest revision counts, of equal revisions the one
    delivered last: a correction is a later delivery. Predictions must have different ids.

    >>> join(["a", "b"], ["a", "a", "x"], [1, 2, 1])
    Joined(rows=array([ 1, -1]), strangers=1, repeats=1)
    """
    newest: dict[str, tuple[int, int]] = {}
    count = 0
    for row, (name, revision) in enumerate(zip(delivered, revisions, strict=True)):
        known = newest.get(name)
        if known is None or int(revision) >= known[0]:
            newest[name] = (int(revision), row)
        count = row + 1
    rows = np.array([newest.get(name, (0, -1))[1] for name in predictions], dtype=np.int64)
    found = int((rows >= 0).sum())
    return Joined(rows, strangers=len(newest) - found, repeats=count - len(newest))


def newest_outcomes(
    predictions: Sequence[str],
    delivered: Sequence[str],
    revisions: Sequence[int] | Ints,
    outcomes: Sequence[Any],
) -> tuple[Joined, list[Any]]:
    """Join as `join` does, and return each prediction's newest outcome (None where none has come).

    >>> newest_outcomes(["a", "b"], ["a", "a"], [1, 2], ["no", "yes"])[1]
    ['yes', None]
    """
    joined = join(predictions, delivered, revisions)
    return joined, [outcomes[row] if row >= 0 else None for row in joined.rows.tolist()]


def first_of_each(names: Sequence[str]) -> Ints:
    """Return the places of the first row with each name, in order: a prediction counts once.

    >>> first_of_each(["a", "b", "a"])
    array([0, 1])
    """
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        seen.setdefault(name, place)
    return np.fromiter(seen.values(), dtype=np.int64, count=len(seen))
