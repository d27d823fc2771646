"""Work on many parts whose results add up, wherever it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

__all__ = ["Adds", "MapSum"]

T = TypeVar("T")


class Adds(Protocol):
    """What adds up, in any order and any grouping, to the same."""

    def __add__(self, other: Self, /) -> Self:
        """Return the sum; neither part changes."""
        ...


R = TypeVar("R", bound=Adds)


class MapSum(Protocol):
    """Does a piece of work for each part, and adds up what comes back."""

    def map_sum(self, work: Callable[[T], R], parts: Sequence[T]) -> R:
        """Return the sum over one or more parts; the first error of any part is raised."""
        ...
