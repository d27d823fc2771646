"""Work on many parts in the threads of this process."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from assay.ports.map_sum import Adds

__all__ = ["ThreadMapSum"]

T = TypeVar("T")
R = TypeVar("R", bound=Adds)


class ThreadMapSum:
    """One thread for each processor; results are added in the order of the parts.

    No more than two parts for each thread are under way or waiting to be added, so memory does not
    grow with their number.

    >>> ThreadMapSum().map_sum(len, ["one", "three"])
    8
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or len(os.sched_getaffinity(0))

    def map_sum(self, work: Callable[[T], R], parts: Sequence[T]) -> R:
        """Return the sum over one or more parts; the first error of any part is raised."""
        if not parts:
            raise ValueError("There is nothing to add up: no parts were given.")
        total: R | None = None
        waiting: deque[Future[R]] = deque()
        with ThreadPoolExecutor(self._threads) as pool:
            try:
                for part in parts:
                    if len(waiting) == 2 * self._threads:
                        total = _added(total, waiting.popleft().result())
                    waiting.append(pool.submit(work, part))
                while waiting:
                    total = _added(total, waiting.popleft().result())
            finally:
                for future in waiting:
                    future.cancel()
        assert total is not None  # noqa: S101 - there was a part
        return total


def _added(total: R | None, part: R) -> R:
    return part if total is None else total + part
