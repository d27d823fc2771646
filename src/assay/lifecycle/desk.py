"""What responding asks for: the use case, the world, and how versions are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from assay.build.parity import Engines
from assay.build.run import Again
from assay.build.search import Progress
from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.lifecycle.live_cases import in_utc
from assay.lifecycle.posting import Served, served_cases
from assay.monitor.cases import moments
from assay.monitor.matured import matured
from assay.ports.ports import Ports

__all__ = ["Desk", "known_by"]


def _silent(share: float, what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Desk:
    """One use case with its ports, at a moment.

    `table` reads the charter's table; `retrain` makes and registers a version on the newest rows
    and returns its number; `engines` loads models. `user` is who is logged in, `salt` that of a
    release that may come of it.
    """

    charter: Charter
    ports: Ports
    now: datetime
    engines: Engines
    table: Callable[[], pl.DataFrame]
    retrain: Callable[[Again], int]
    salt: str
    user: str = ""
    progress: Progress = _silent

    def served(self) -> Served:
        """Return all that was served, each case once, with what is known of it."""
        records = list(self.ports.captures.read())
        return served_cases(self.charter, records, self.ports.outcomes.read())


def known_by(
    served: Served, charter: Charter, until: datetime, since: datetime | None = None
) -> Served:
    """Return what was known at a moment: cases served before it, outcomes whose delay was over.

    Only cases after `since`, where that is given.
    """
    times = moments(served.records)
    place = int(np.searchsorted(times, in_utc(until), side="left"))
    start = 0 if since is None else int(np.searchsorted(times, in_utc(since), side="right"))
    ripe = matured(times[:place], label_delay(charter), until)
    known = [
        one if is_ripe else None
        for one, is_ripe in zip(served.outcomes[:place], ripe.tolist(), strict=True)
    ]
    return replace(
        served,
        records=served.records[start:place],
        outcomes=known[start:],
        payoffs=served.payoffs[start:place],
    )
