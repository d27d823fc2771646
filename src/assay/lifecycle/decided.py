"""What one version decided in some windows, with the outcomes that are known by now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl

from assay.charter.charter import Charter
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.monitor.cases import Cases, framed_cases
from assay.monitor.late_labels import newest_of_each, with_outcomes
from assay.monitor.watched import Watched
from assay.monitor.window_line import WindowLine
from assay.ports.ports import Ports
from assay.ports.predictions import empty_served

__all__ = ["Stretch", "decided_by"]

Stretch = tuple[datetime, datetime]
"""From a moment to another, both included."""


def decided_by(
    charter: Charter,
    ports: Ports,
    watched: Watched,
    bundle: str,
    windows: Collection[str],
    now: datetime,
) -> Cases:
    """Return the cases that a bundle decided itself, not those of the baseline or the control.

    They are read from the windows that monitoring keeps, by name: captures of our own or anyone's
    log. Each prediction counts once, with its newest outcome, which counts once its label delay is
    over.
    """
    line = WindowLine(charter, ports.windows.parts(), now)
    newest = newest_of_each(ports.outcomes.read())
    found = [empty_served().with_columns(pl.lit(None, dtype=pl.Boolean).alias("@ripe"))]
    for number in line.parts:
        if line.window(number).name not in windows:
            continue
        rows = ports.windows.read(number)
        ripe = pl.Series("@ripe", line.ripe(number, rows["at"].to_numpy()))
        own = (pl.col("bundle") == bundle) & ~pl.col("arm").is_in([BASELINE_ARM, CONTROL_ARM])
        found.append(rows.with_columns(ripe).filter(own))
    rows = with_outcomes(pl.concat(found, how="diagonal_relaxed"), newest)
    return framed_cases(watched, rows, rows["@ripe"].to_numpy())
