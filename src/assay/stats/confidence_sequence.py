"""Intervals that stay valid however often one looks: what they have in common."""

from __future__ import annotations

from typing import ClassVar, Protocol

from assay.stats.estimate import Estimate

__all__ = ["ConfidenceSequence", "sequence_estimate"]


class ConfidenceSequence(Protocol):
    """A state that has an interval now, valid together with those of all looks before and after.

    `method` is its name in the literature.
    """

    method: ClassVar[str]

    @property
    def confidence(self) -> float:
        """The chance that no interval ever misses."""
        ...

    @property
    def n(self) -> int:
        """The number of cases so far."""
        ...

    @property
    def mean(self) -> float:
        """What has been seen on average."""
        ...

    def interval(self) -> tuple[float, float]:
        """Return both ends now; what is known without any case before the first one."""
        ...


def sequence_estimate(sequence: ConfidenceSequence, unit: str = "") -> Estimate:
    """Return what a sequence says now, as an estimate in `unit`.

    Raises ValueError before the first case, when there is no mean to tell.

    >>> from assay.stats.hedged_betting import HedgedBettingSequence
    >>> state = HedgedBettingSequence.start((-1.0, 9.0)).updated([-1.0, 9.0], counts=[900, 100])
    >>> sequence_estimate(state, "EUR per decision")
    0 EUR per decision [-0.2938, 0.3468]
    """
    if not sequence.n:
        raise ValueError("no case has come yet, so that there is no mean to tell; wait for one")
    low, high = sequence.interval()
    return Estimate(
        sequence.mean, low, high, sequence.n, sequence.method, unit, sequence.confidence
    )
