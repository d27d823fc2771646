"""What was measured of one version in one window: a profile, and what is read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.monitor.cases import Cases
from assay.monitor.drift import Drift, drift
from assay.monitor.performance import classes_of
from assay.monitor.tabling import segmented_by, tabled
from assay.monitor.track_record import Gap, measured_gaps
from assay.monitor.value import Expected, Realised, expected_uplift, realised_uplift
from assay.monitor.watched import Watched
from assay.stats.profile import Profile, named_scores, profile
from assay.value.identification import is_marked

__all__ = ["Measured", "measure", "profiled"]


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one window's cases; nothing is judged against plan or boundary yet.

    `entities` are those of the cases whose label delay is over, each once; None where unnamed.
    `profile` is None where it was not read again from where it is kept.
    """

    n: int
    profile: Profile | None
    drift: Drift
    expected: Expected
    realised: Realised | None
    gaps: Mapping[str, Gap]
    entities: NDArray[Any] | None = None

    @property
    def waiting(self) -> int:
        """Cases whose outcome may still come, those in their label delay among them."""
        realised = self.realised
        return self.n if realised is None else self.n - realised.cases + realised.pending

    @property
    def identified(self) -> bool:
        """Whether more cases would bring the window's uplift to the truth."""
        uplift = self.expected.uplift if self.realised is None else self.realised.uplift
        return not is_marked(uplift)

    @property
    def known(self) -> int:
        """Cases whose uplift is known."""
        return self.n - self.waiting - (self.realised.hidden if self.realised else 0)


def profiled(
    charter: Charter, watched: Watched, cases: Cases, before: Profile | None = None
) -> Profile:
    """Count a window's cases; of a profile from `before` labels came only the score table is made.

    `before` must be of the same cases.
    """
    table, classes = tabled(segmented_by(charter), watched, cases), classes_of(watched, cases)
    if before is None or before.n != cases.n:
        scores = named_scores(cases.score, watched.valuation.labels)
        before = profile({**cases.columns, **scores}, watched.reference.grid)
    return replace(before, scores=table, classes=classes)


def measure(
    charter: Charter,
    watched: Watched,
    cases: Cases,
    *,
    seed: int = 0,
    before: Profile | None = None,
) -> Measured:
    """Profile a window's cases and measure drift and value, before and after labels.

    Pure: replay calls it with frames in memory, monitoring with captures. `before` is as in
    `profiled`. Raises ValueError where there are no cases.
    """
    seen = profiled(charter, watched, cases, before)
    limits = charter.monitoring
    ripe = cases.ripe()
    realised, gaps = _told(charter, watched, ripe, seed) if ripe.n else (None, {})
    return Measured(
        n=cases.n,
        profile=seen,
        drift=drift(
            watched.reference,
            seen,
            rate=limits.false_discovery_rate,
            least_effect=limits.least_effect,
        ),
        expected=expected_uplift(
            watched.valuation,
            watched.forecast(cases.score, cases.columns),
            cases.decisions,
            cases.columns,
            watched.blocks(cases.score, cases.columns),
            charter.data.moved_by,
        ),
        realised=realised,
        gaps=gaps,
        entities=None if ripe.entities is None else np.unique(ripe.entities),
    )


def _told(
    charter: Charter, watched: Watched, cases: Cases, seed: int
) -> tuple[Realised | None, Mapping[str, Gap]]:
    """Return what labels say of cases whose label delay is over: value, and gaps to it."""
    blocks = watched.blocks(cases.score, cases.columns)
    valued = (watched.valuation, watched.forecast(cases.score, cases.columns), cases.decisions)
    told = (cases.outcomes, cases.labelled, cases.columns)
    realised = realised_uplift(
        *valued,
        *told,
        blocks=blocks,
        seed=seed,
        revealed_by=charter.data.revealed_by,
        moved_by=charter.data.moved_by,
        entities=cases.entities,
    )
    return realised, measured_gaps(*valued, *told, blocks)
