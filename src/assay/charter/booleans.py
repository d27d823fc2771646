"""`true` where a number belongs: Python would count it as one, people would not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from assay.charter.finding import Finding, Path

__all__ = ["booleans_for_numbers"]

_BOOLEAN = ("positive", "solo", "missing_outcome", "compared", "gate")
"""The keys that take true or false."""


def booleans_for_numbers(data: Any, told: Collection[Path]) -> list[Finding]:
    """Return a finding for each boolean at a place that takes none and is not told of yet.

    >>> [finding.path for finding in booleans_for_numbers({"build": {"seed": True}}, ())]
    [('build', 'seed')]
    """
    mend = "write a number, or the word between quotes where a word is meant"
    return [
        Finding(path, "neither true nor false belongs here", mend)
        for path in _booleans(data, ())
        if path not in told and path[-1] not in _BOOLEAN
    ]


def _booleans(data: Any, path: Path) -> Iterator[Path]:
    if isinstance(data, bool) and path:
        yield path
    entries = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in entries:
        yield from _booleans(value, (*path, key))
