"""Text as codes into a list of words, as columnar files hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coded", "coded", "joined"]


@dataclass(frozen=True, eq=False)
class Coded:
    """n values as `codes` (n,) into `words`; the words "" and None are missing values."""

    codes: NDArray[np.uint32]
    words: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def decoded(self) -> NDArray[Any]:
        """Return the values as objects; None is missing."""
        return np.array([*self.words, None], dtype=object)[self.codes]


def coded(values: NDArray[Any]) -> Coded:
    """Return values (n,) of any hashable kind as codes, in the order of their first appearance.

    >>> found = coded(np.array(["b", "a", "b", None], dtype=object))
    >>> found.codes.tolist(), found.words
    ([0, 1, 0, 2], ('b', 'a', None))
    """
    given = values.tolist()
    places = {value: place for place, value in enumerate(dict.fromkeys(given))}
    return Coded(np.fromiter(map(places.__getitem__, given), np.uint32, len(given)), tuple(places))


def joined(parts: Sequence[Coded]) -> Coded:
    """Return coded values one after another, over one list of words.

    >>> found = joined([Coded(np.array([0, 1]), ("a", "b")), Coded(np.array([0, 1]), ("b", "c"))])
    >>> found.codes.tolist(), found.words
    ([0, 1, 1, 2], ('a', 'b', 'c'))
    """
    words = tuple(dict.fromkeys(word for part in parts for word in part.words))
    places = {word: place for place, word in enumerate(words)}
    tables = [np.array([places[word] for word in part.words], dtype=np.uint32) for part in parts]
    codes = [table[part.codes] for table, part in zip(tables, parts, strict=True)]
    return Coded(np.concatenate(codes), words)
