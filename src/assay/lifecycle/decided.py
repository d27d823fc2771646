"""What one version decided in a stretch of time, with the outcomes that are known by now."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from assay.charter.charter import Charter
from assay.charter.delay import label_delay
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.monitor.cases import Cases, moments, read_cases, served_once
from assay.monitor.join import newest_outcomes
from assay.monitor.matured import matured
from assay.monitor.watched import Watched
from assay.ports.ports import Ports

__all__ = ["Stretch", "decided_by"]

Stretch = tuple[datetime, datetime]
"""From a moment to another, both included."""


def decided_by(
    charter: Charter,
    ports: Ports,
    watched: Watched,
    bundle: str,
    now: datetime,
    within: Stretch | None = None,
) -> Cases:
    """Return the cases that a bundle decided itself, not those of the baseline or the control.

    `within` takes those of a stretch of time only. Each prediction counts once, with its newest
    outcome, which counts once its label delay is over.
    """
    records = served_once(ports.captures.read(), charter.name)
    table = ports.outcomes.read()
    _, outcomes = newest_outcomes(
        [record["id"] for record in records],
        *(table[name].to_list() for name in ("id", "revision", "outcome")),
    )
    times = moments(records)
    ripe = matured(times, label_delay(charter), now)
    own = np.array(
        [
            one["bundle"] == bundle and one["arm"] not in (BASELINE_ARM, CONTROL_ARM)
            for one in records
        ],
        dtype=np.bool_,
    )
    if within is not None:
        first, last = (np.datetime64(one.astimezone(UTC).replace(tzinfo=None)) for one in within)
        own &= (first <= times) & (times <= last)
    rows = np.flatnonzero(own)
    told = [outcomes[row] for row in rows.tolist()]
    labelled = np.array([one is not None for one in told], dtype=np.bool_)
    return read_cases(watched, [records[row] for row in rows.tolist()], told, labelled, ripe[rows])
