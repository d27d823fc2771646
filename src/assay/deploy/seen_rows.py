"""Rows as the door of an arm leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.deploy.serving import LoadedArm
from assay.ports.column_blocks import taken
from assay.ports.engine import Columns

__all__ = ["Seen", "seen_at_door"]


@dataclass(frozen=True)
class Seen:
    """What the door made of the rows of one arm."""

    columns: Columns
    said: Sequence[tuple[str, ...]] | None = None
    referred: NDArray[np.bool_] | None = None
    rejected: Mapping[int, str] = field(default_factory=dict)

    def of(self, rows: list[int]) -> Seen:
        """Return it for some of the rows, none of which is refused."""
        return Seen(
            taken(self.columns, rows),
            None if self.said is None else [self.said[row] for row in rows],
            None if self.referred is None else self.referred[rows],
        )


def seen_at_door(loaded: LoadedArm, columns: Columns) -> Seen:
    """Have rows checked by the door of an arm's bundle, where it has one."""
    if loaded.door is None:
        return Seen(columns)
    checked = loaded.door.check(columns)
    said = None
    if checked.flags:
        n = len(next(iter(checked.flags.values())))
        texts: list[list[str]] = [[] for _ in range(n)]
        for flag, rows in checked.flags.items():
            for row in np.flatnonzero(rows).tolist():
                texts[row].append(flag)
        said = [tuple(one) for one in texts]
    return Seen(checked.columns, said, checked.referred, checked.rejected)
