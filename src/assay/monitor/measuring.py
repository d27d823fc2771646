"""One look over kept windows: which still stand, which are measured anew, which are gone."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import polars as pl

from assay.charter.charter import Charter
from assay.errors import DataError
from assay.evidence.digest import digest_of
from assay.monitor.groups import Bundles, measured_groups
from assay.monitor.late_labels import (
    Deliveries,
    count_deliveries,
    newest_of_each,
    told_windows,
    with_outcomes,
)
from assay.monitor.measured import Measured
from assay.monitor.reading import kept_reading, read_profile, read_reading
from assay.monitor.run import FollowedWindows, MeasuredWindow, deciding
from assay.monitor.sequences import Followed, Step, follow_steps
from assay.monitor.watched import Watched
from assay.monitor.window_line import WindowLine
from assay.ports.outcomes import Outcomes
from assay.ports.profiles import Profiles, WindowKey
from assay.ports.served_windows import Part, ServedWindows
from assay.stats.profile import Profile

__all__ = ["Run", "Stores", "Told"]

_SECTIONS = ("value", "data", "build", "release", "acceptance", "guardrails")

_AT_ONCE = 50
"""Windows whose profiles are written in one transaction."""


@dataclass(frozen=True)
class Stores:
    """Where one model's predictions and profiles are kept between runs."""

    windows: ServedWindows
    profiles: Profiles


class Told:
    """Outcomes as they are known now; all of them are read only where a window asks."""

    def __init__(self, outcomes: Outcomes, stores: Stores, revision: int) -> None:
        self._outcomes, self._stores = outcomes, stores
        new = outcomes.read(revision)
        self.revision = int(new["revision"].max() or 0) if new.height else revision  # type: ignore[arg-type]
        self.windows = told_windows(new, stores.windows)
        stamps = "/".join(one.stamp for one in stores.windows.parts().values())
        self.stamp = f"{self.revision} {zlib.crc32(stamps.encode())}"

    @cached_property
    def _all(self) -> pl.DataFrame:
        return self._outcomes.read()

    @cached_property
    def newest(self) -> pl.DataFrame:
        """The newest outcome of each id."""
        return newest_of_each(self._all)

    def counted(self, stamp: str, known: Deliveries) -> Deliveries:
        """Count repeats and strangers; `known` are those counted as of a stamp."""
        if stamp == self.stamp:
            return known
        return count_deliveries(self._all, self.newest, self._stores.windows)


class Run:
    """One look over the windows: which still stand, which are measured anew, which are gone."""

    def __init__(
        self,
        charter: Charter,
        stores: Stores,
        bundles: Bundles,
        told: Told,
        lines: WindowLine,
        seed: int,
    ) -> None:
        self._charter, self._stores, self._bundles = charter, stores, bundles
        self._told, self._lines, self._seed = told, lines, seed
        self._kept: dict[int, dict[WindowKey, bytes]] = {}
        for key, reading in stores.profiles.readings().items():
            self._kept.setdefault(key.window, {})[key] = reading
        self._fresh: dict[WindowKey, tuple[bytes, bytes]] = {}
        self._gone: list[WindowKey] = []
        self._rules = _rules(charter)
        self._recent: dict[WindowKey, Profile] = {}
        self._seen: dict[WindowKey, str] = {}
        self.measured: list[int] = []
        self.unswept: list[WindowKey] = []
        self.stamp = told.stamp

    def windows(self) -> Iterator[MeasuredWindow]:
        """Yield every window with what was measured of it, now or before."""
        for number, part in self._lines.parts.items():
            ripe = self._lines.how_ripe(number, self._stores.windows)
            made_from = f"{part.stamp}/{ripe}/{self._rules}"
            self.stamp = f"{zlib.crc32((self.stamp + made_from).encode())}"
            found = None if number in self._told.windows else self._standing(number, made_from)
            if found is None:
                found = self._measure(number, part, made_from)
            yield self._lines.window(number), found
        self._write()

    def followed(self, windows: Sequence[MeasuredWindow]) -> FollowedWindows:
        """Follow each bundle's complete windows, from where it was noted to stand."""
        found: dict[tuple[str, int], Followed] = {}
        for bundle, steps in self._steps(windows).items():
            note = f"followed {bundle}"
            kept = self._stores.profiles.note(note)
            told, after = follow_steps(self._charter, partial(self._bundle, bundle), steps, kept)
            if after != kept:
                self._stores.profiles.write_note(note, after)
            found |= {(bundle, number): one for number, one in told.items()}
        return found

    def _steps(self, windows: Sequence[MeasuredWindow]) -> dict[str, list[Step]]:
        steps: dict[str, list[Step]] = {}
        for window, parts in windows:
            for bundle, keys in deciding(parts).items() if window.complete else ():
                rows = self._lines.parts[window.index].stamp
                labels = " ".join(self._seen[key] for key in keys)
                step = Step(window.index, rows, labels, partial(self._profiles, keys))
                steps.setdefault(bundle, []).append(step)
        return steps

    def _profiles(self, keys: Sequence[WindowKey]) -> list[Profile]:
        profiles = self._stores.profiles
        found = [self._recent.get(key) or read_profile(profiles.profile(key)) for key in keys]
        return [one for one in found if one is not None]

    def _bundle(self, digest: str) -> Watched:
        watched = self._bundles(digest)
        if watched is None:
            raise DataError(
                f"The bundle {digest[:12]} served, and nobody has it. Monitor with every bundle "
                "that served."
            )
        return watched

    def forget(self) -> None:
        """Drop what is kept of windows, and of parts of windows, that are no more."""
        gone = [
            one
            for number in self._kept.keys() - self._lines.parts.keys()
            for one in self._kept[number]
        ]
        if gone or self._gone:
            self._stores.profiles.drop([*gone, *self._gone])

    def _standing(self, number: int, made_from: str) -> dict[WindowKey, Measured] | None:
        kept = self._kept.get(number)
        if not kept:
            return None
        found: dict[WindowKey, Measured] = {}
        unswept: list[WindowKey] = []
        for key, content in kept.items():
            reading = read_reading(content)
            if reading is None or reading.made_from != made_from:
                return None
            found[key], self._seen[key] = reading.measured, reading.seen
            unswept += [] if reading.swept else [key]
        self.unswept += unswept
        return found

    def _measure(self, number: int, part: Part, made_from: str) -> dict[WindowKey, Measured]:
        rows = with_outcomes(self._stores.windows.read(number), self._told.newest)
        ripe = self._lines.ripe(number, rows["at"].to_numpy())
        found = dict(
            measured_groups(
                self._charter,
                self._lines.window(number),
                rows,
                ripe,
                self._bundles,
                seed=self._seed,
                before=lambda key: self._before(key, part),
            )
        )
        found = {key: self._keep(key, one, made_from) for key, one in found.items()}
        self._gone += [key for key in self._kept.get(number, ()) if key not in found]
        self.measured.append(number)
        if len(self._fresh) >= _AT_ONCE:
            self._write()
        return found

    def _keep(self, key: WindowKey, measured: Measured, made_from: str) -> Measured:
        """Return what was measured without its profile, which is written down.

        Drift stays as it was judged before, maybe beside other models: labels move none.
        """
        known, swept = read_reading(self._kept.get(key.window, {}).get(key, b"")), False
        if known is not None and _same_rows(known.made_from, made_from):
            measured, swept = replace(measured, drift=known.measured.drift), known.swept
        profile, reading = kept_reading(measured, made_from, swept=swept)
        self._fresh[key], self._seen[key] = (profile, reading), f"{zlib.crc32(profile):08x}"
        if not swept:
            self.unswept.append(key)
        if measured.profile is not None:
            self._recent[key] = measured.profile
        return replace(measured, profile=None)

    def _before(self, key: WindowKey, part: Part) -> Profile | None:
        """Return a window's profile where it was made from the very rows that it has now."""
        reading = read_reading(self._kept.get(key.window, {}).get(key, b""))
        if reading is None or reading.made_from.split("/")[0] != part.stamp:
            return None
        return read_profile(self._stores.profiles.profile(key))

    def _write(self) -> None:
        if self._fresh:
            self._stores.profiles.put(self._fresh)
            recent = list(self._fresh)[-_AT_ONCE:]
            self._recent = {key: self._recent[key] for key in recent}
            self._fresh = {}


def _same_rows(one: str, other: str) -> bool:
    """Whether two readings were made from the same rows under the same rules."""
    return one.split("/")[::2] == other.split("/")[::2]


def _rules(charter: Charter) -> str:
    """Return a digest of all of the charter that measuring reads."""
    digests, limits = charter.digests(), charter.monitoring
    named = [
        digests[name] for name in ("value", "data", "build", "release", "acceptance", "guardrails")
    ]
    shown = [limits.segments, limits.season, limits.false_discovery_rate, limits.least_effect]
    more = [sorted(limits.limits.items()), limits.windows_between_false_alarms]
    return digest_of([*named, *map(str, [*shown, *more]), str(charter.value.baseline)])[:16]
