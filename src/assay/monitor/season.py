"""The reference windows of a window's own season: Mondays beside Mondays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from assay.charter.monitoring import Season
from assay.stats.reference import Reference
from assay.stats.wall_clock import season_name, seasons_of

__all__ = ["in_season"]


def in_season(
    reference: Reference, moment: datetime | np.datetime64 | None, season: Season, zone: ZoneInfo
) -> Reference:
    """Return the reference with the windows that share a moment's season, in the charter's zone.

    `moment` (UTC where it has no zone of its own) is one inside the judged window, best its middle.
    The whole reference comes back where the charter names no season. Where it does, and windows
    or moment have no time, or there are fewer than ten windows of the season, the reference has
    not `enough` windows: nothing is judged by it, and its `of` says which windows are short.

    >>> from assay.stats.profile import Profile
    >>> from assay.stats.grid import Grid
    >>> days = np.arange("2026-03-02", "2026-03-16", dtype="datetime64[D]")
    >>> known = Reference(Grid({}), (Profile(9, {}),) * 14, tuple(days.astype("datetime64[us]")))
    >>> monday = in_season(known, days[7], "day_of_week", ZoneInfo("UTC"))
    >>> len(monday.windows), monday.of
    (2, 'Monday')
    """
    if season == "none":
        return reference
    if moment is None or len(reference.moments) != len(reference.windows):
        return replace(reference, windows=(), moments=(), of="a known season")
    wanted = int(seasons_of(np.array([_plain(moment)], dtype="datetime64[us]"), season, zone)[0])
    seasons = seasons_of(np.array(reference.moments, dtype="datetime64[us]"), season, zone)
    same = np.flatnonzero(seasons == wanted).tolist()
    return replace(
        reference,
        windows=tuple(reference.windows[place] for place in same),
        moments=tuple(reference.moments[place] for place in same),
        of=season_name(wanted, season),
    )


def _plain(moment: datetime | np.datetime64) -> np.datetime64:
    if isinstance(moment, np.datetime64):
        return moment
    plain = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(plain, "us")
