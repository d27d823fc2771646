"""What loaded models weigh: told by the size of their files, corrected by what the process grew."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Budget"]

_MIB = 2**20
_FACTOR = 6.0
_EACH = _MIB // 4
_TELLING = 64 * _MIB
"""Growth below this says more of caches and allocators than of models."""


class Budget:
    """How much memory the models of one worker may take.

    A loaded model takes six times the bytes of its files and 1/4 MiB (measured: 5.5 times for trees
    of 0.9 MiB in onnxruntime 1.31). Where the process is seen to have grown by more than that, as
    long as nothing was unloaded, every estimate is raised by the ratio, to at most four times.

    >>> budget = Budget(10, resident=lambda: 0)
    >>> budget.estimate(2**20) / 2**20, budget.over(12 * 2**20)
    (6.25, True)
    """

    def __init__(self, mib: float | None, resident: Callable[[], int]) -> None:
        self.limit = None if mib is None else int(mib * _MIB)
        self.correction = 1.0
        self._resident = resident
        self._before = resident()

    def estimate(self, size: int) -> int:
        """Return what a model takes in memory, by the bytes of its files."""
        return int((size * _FACTOR + _EACH) * self.correction) if size else 0

    def over(self, estimated: int) -> bool:
        """Whether models of this estimate are too much."""
        return self.limit is not None and estimated > self.limit

    def learn(self, sizes: list[int]) -> None:
        """Correct the estimates by what the process grew since the start, with these loaded."""
        grown = self._resident() - self._before
        expected = sum(int(size * _FACTOR + _EACH) for size in sizes if size)
        if expected and grown > _TELLING:
            self.correction = min(max(self.correction, grown / expected), 4.0)
