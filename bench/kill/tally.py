"""What a loop of kills came to, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["Tally", "table"]


@dataclass
class Tally:
    """One loop: how often it killed, what was acknowledged, and what was not so afterwards.

    `allowed` says that some of what was lost may be: what an `async` log held when it was killed.
    """

    what: str
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    allowed: bool = False

    @classmethod
    def joined(cls, parts: Sequence[Tally]) -> Tally:
        """Return what several runs of one loop came to.

        >>> both = Tally.joined([Tally("a", 2, 10), Tally("a", 1, 5, lost=1)])
        >>> both.kills, both.acknowledged, both.lost
        (3, 15, 1)
        """
        return cls(
            parts[0].what,
            sum(one.kills for one in parts),
            sum(one.acknowledged for one in parts),
            sum(one.lost for one in parts),
            sum(one.doubled for one in parts),
            [fault for one in parts for fault in one.faults],
            [note for one in parts for note in one.notes],
            parts[0].allowed,
        )

    @property
    def kept(self) -> bool:
        """Whether every promise was kept; where nothing was acknowledged, nothing was tried."""
        return self.acknowledged > 0 and not (
            self.faults or self.doubled or (self.lost and not self.allowed)
        )


def table(tallies: Iterable[Tally]) -> str:
    """Return one line for each loop, and below what is to be said of them."""
    found = list(tallies)
    lines = [
        f"{'what':<36}{'kills':>7}{'acknowledged':>14}{'lost':>7}{'doubled':>9}{'faults':>8}",
        *(
            f"{one.what:<36}{one.kills:>7}{one.acknowledged:>14,}{one.lost:>7}{one.doubled:>9}"
            f"{len(one.faults):>8}"
            for one in found
        ),
    ]
    for one in found:
        lines += [f"{one.what}: {said}" for said in (*one.notes, *one.faults[:5])]
    return "\n".join(lines)
