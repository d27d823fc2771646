"""What a rule does where a part of the charter could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from assay.charter.finding import Finding

__all__ = ["Unread", "apart"]


class Unread(Exception):
    """A rule asked for a field that could not be read; the field's own fault is told already."""


def apart(checks: Iterable[Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what each check finds; one that needs an unreadable part stops there, the others go on.

    >>> def stops():
    ...     yield Finding(("a",), "wrong", "mend it")
    ...     raise Unread
    >>> [one.path for one in apart([stops(), iter([Finding(("b",), "wrong", "mend it")])])]
    [('a',), ('b',)]
    """
    for check in checks:
        # What could not be read is told at its own place: nothing is lost here.
        with suppress(Unread):
            yield from check
