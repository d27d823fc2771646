"""Which columns captures show as they were: nobody is to miss those that the charter withholds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from assay.charter.charter import Charter
from assay.stats.grid import CategoryAxis, Grid
from assay.stats.profile import Profile

__all__ = ["not_shown", "shown_of"]


def not_shown(charter: Charter, grid: Grid) -> frozenset[str]:
    """Return the features that `serving.capture` leaves out, or hashes beyond recognition.

    A known category is found again by its hash; a number is not. Nothing is withheld in a log that
    somebody else writes.
    """
    if charter.monitoring.source is not None:
        return frozenset()
    rules = charter.serving.capture
    return frozenset(
        name
        for name, axis in grid.axes.items()
        if not name.startswith("@")
        and (how := rules.withheld(name)) is not None
        and not (how == "hash" and isinstance(axis, CategoryAxis))
    )


def shown_of(seen: Profile, gone: Collection[str]) -> Profile:
    """Return a profile without the features that are not shown."""
    if not gone:
        return seen
    features = {name: tally for name, tally in seen.features.items() if name not in gone}
    return replace(seen, features=features)
