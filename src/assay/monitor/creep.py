"""Shifts too small for any one window, found because they stay: an e-detector for each feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.monitor.creep_streams import Stream, streams_of
from assay.monitor.drift import too_little
from assay.stats.e_detector import BETS, gaussian_bets, mixture, shiryaev_roberts
from assay.stats.profile import Profile
from assay.stats.reference import Reference

__all__ = ["CREEP_FORMAT", "Creep", "CreepState", "Creeping", "creep"]

Floats = NDArray[np.float64]

CREEP_FORMAT = 1
"""Raise it when the state's meaning changes, and teach `CreepState.from_document` the old one."""

_REFERENCE_ERRORS = 2.0
"""Standard errors of the reference's own mean that count as no change."""
_MOST = 4.0
"""A window counts as this many standard errors at most: one jump is no creep."""
_HALF_BET = 0.25
"""Half the shift, in standard errors of a window, that the run's start is looked for with."""
_HEADROOM = 3.0


@dataclass(frozen=True, eq=False)
class CreepState:
    """What is remembered between windows: the number of the last one, and S streams' evidence.

    `logs` (S, 2, B) are log e-detectors for each direction and bet; `runs` (S, 2, 4) tell of the
    current run in each direction its strength, its first window, its rows, and their summed shift.
    """

    names: tuple[str, ...]
    last: int
    windows: int
    logs: Floats
    runs: Floats

    @classmethod
    def start(cls, names: Sequence[str]) -> CreepState:
        """Return the state before any window."""
        count = len(names)
        logs = np.full((count, 2, len(BETS)), -np.inf)
        return cls(tuple(names), -1, 0, logs, np.zeros((count, 2, 4)))

    def after(self, windows: int) -> CreepState:
        """Return the state as after so many windows that told nothing."""
        return replace(self, last=self.last + windows, windows=self.windows + windows)

    def document(self) -> dict[str, Any]:
        """Return the state as a JSON document."""
        known = np.where(np.isfinite(self.logs), self.logs, -1e300)
        return {
            "format": CREEP_FORMAT,
            "last": self.last,
            "windows": self.windows,
            "streams": {
                name: {"logs": logs.tolist(), "runs": runs.tolist()}
                for name, logs, runs in zip(self.names, known, self.runs, strict=True)
            },
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CreepState:
        """Read a state back; raises ValueError on a format this version does not know."""
        if document.get("format") != CREEP_FORMAT:
            raise ValueError(
                f"A state of creep has format {document.get('format')!r}; this version of Assay "
                f"reads format {CREEP_FORMAT}. Fold the windows again."
            )
        streams = document["streams"]
        logs = np.array([one["logs"] for one in streams.values()]).reshape(-1, 2, len(BETS))
        runs = np.array([one["runs"] for one in streams.values()]).reshape(-1, 2, 4)
        logs = np.where(logs <= -1e300, -np.inf, logs)
        return cls(tuple(streams), document["last"], document["windows"], logs, runs)


@dataclass(frozen=True)
class Creeping:
    """A feature that has crept: by how much (sd) on average, since which window, on which evidence.

    `what` is `values`, `missing`, or a category's value; `evidence` is the feature's e-detector.
    """

    feature: str
    what: str
    shift: float
    since: int
    windows: int
    evidence: float

    @property
    def text(self) -> str:
        """The finding in words."""
        said = {"values": "values", "missing": "missing values"}.get(self.what, self.what)
        return f"{said} shifted by {self.shift:+.3f} sd over {self.windows} windows"


@dataclass(frozen=True, eq=False)
class Creep:
    """Where a model's features stand after some windows, and the state to go on from.

    `evidence` is the e-detector over all features: an alarm where it reaches the number of windows
    between false alarms. `features` are e-detectors for each feature, to be judged beside
    those of other models. `note` says why nothing was judged, or is empty.
    """

    evidence: float
    features: Mapping[str, float]
    moved: tuple[Creeping, ...]
    state: CreepState
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return what was found as a JSON document (without the state)."""
        return {
            "evidence": self.evidence,
            "note": self.note,
            "moved": [{**vars(one), "text": one.text} for one in self.moved],
        }


def creep(
    reference: Reference,
    windows: Sequence[tuple[int, Profile]],
    state: CreepState | None = None,
    *,
    windows_between_false_alarms: int = 1000,
    tolerance: float = 0.0,
) -> Creep:
    """Fold numbered windows, in order of time, into the evidence that some feature has shifted.

    Windows up to the last one of `state` are known already and change nothing: the same windows
    give the same state, in one go or one by one. The null is that each feature's mean lies
    within `tolerance` standard deviations and two standard errors of the reference's own mean, and
    moves from window to window as the reference windows do (its upper 90% limit). Numbers go
    by the mean of their normal scores, categories by the shares of the four commonest values.

    Where the null holds, windows between two alarms are `windows_between_false_alarms` on average
    at least: the mean of Shiryaev-Roberts e-detectors over bets, directions and features is one.
    That takes a window's mean for normal, with the spread that the reference states.

    >>> from assay.stats.profile import profile
    >>> from assay.stats.reference import make_reference, read_reference
    >>> rng = np.random.default_rng(0)
    >>> reference = read_reference(make_reference({"rate": rng.normal(4, 1, 20_000)}))
    >>> later = [profile({"rate": rng.normal(4.1, 1, 1000)}, reference.grid) for _ in range(9)]
    >>> [one.feature for one in creep(reference, list(enumerate(later))).moved]
    ['rate']
    """
    known = CreepState.start(()) if state is None else state
    if not reference.enough:
        return Creep(0.0, {}, (), known, too_little(reference))
    streams = streams_of(reference)
    names = tuple(stream.name for stream in streams)
    if known.names != names:
        known = replace(CreepState.start(names), last=known.last)
    cap = float(np.log(windows_between_false_alarms * max(1, len(names)))) + _HEADROOM
    for number, window in sorted(windows, key=lambda one: one[0]):
        if number > known.last:
            known = _folded(streams, known, number, window, tolerance, cap)
    return _judged(streams, known, windows_between_false_alarms)


def _folded(
    streams: Sequence[Stream],
    state: CreepState,
    number: int,
    window: Profile,
    tolerance: float,
    cap: float,
) -> CreepState:
    shift, rows = np.array([stream.shift(window) for stream in streams]).reshape(-1, 2).T
    spread = np.array([stream.spread(n) for stream, n in zip(streams, rows, strict=True)])
    error = np.array([stream.error for stream in streams])
    margin = tolerance + _REFERENCE_ERRORS * error
    both = np.array([1.0, -1.0])
    excess = (both * shift[:, None] - margin[:, None]) / spread[:, None]
    excess = np.minimum(excess, _MOST)
    logs = np.minimum(shiryaev_roberts(state.logs, gaussian_bets(excess)), cap)
    told = np.where(np.isnan(excess), 0.0, excess)
    runs = _run_on(state.runs, told, shift, rows, number)
    return CreepState(state.names, number, state.windows + 1, logs, runs)


def _run_on(runs: Floats, excess: Floats, shift: Floats, rows: Floats, number: int) -> Floats:
    """Follow each direction's run: it ends where its cumulative sum comes down to zero."""
    strength = np.clip(runs[..., 0] + excess - _HALF_BET, 0.0, None)
    fresh, on = runs[..., 0] <= 0, strength > 0
    first = np.where(fresh, number, runs[..., 1])
    summed = np.nan_to_num(shift * rows)[:, None]
    count = np.where(fresh, 0.0, runs[..., 2]) + rows[:, None]
    total = np.where(fresh, 0.0, runs[..., 3]) + summed
    found: Floats = np.where(on[..., None], np.stack([strength, first, count, total], axis=-1), 0.0)
    return found


def _judged(streams: Sequence[Stream], state: CreepState, between: int) -> Creep:
    if not streams or not state.windows:
        return Creep(0.0, {}, (), state)
    of_feature: dict[str, list[int]] = {}
    for place, stream in enumerate(streams):
        of_feature.setdefault(stream.feature, []).append(place)
    logs = {name: float(mixture(state.logs[at], (0, 1, 2))) for name, at in of_feature.items()}
    evidence = float(np.exp(mixture(np.array(list(logs.values())))))
    features = {name: float(np.exp(log)) for name, log in logs.items()}
    moved: list[Creeping] = []
    if evidence >= between:
        moved = [
            _creeping(name, [(streams[at], state.logs[at], state.runs[at]) for at in places], found)
            for name, places in of_feature.items()
            if (found := features[name]) >= between
        ]
    moved = [replace(one, windows=max(1, state.last - one.since + 1)) for one in moved]
    return Creep(evidence, features, tuple(sorted(moved, key=lambda one: -one.evidence)), state)


def _creeping(
    name: str, parts: Sequence[tuple[Stream, Floats, Floats]], evidence: float
) -> Creeping:
    """Name the stream and direction that carry a feature's evidence, with its run so far."""
    stream, logs, runs = max(parts, key=lambda part: float(part[1].max()))
    _, first, rows, total = runs[int(np.argmax(logs.max(axis=1)))].tolist()
    shift = total / rows if rows else 0.0
    return Creeping(name, stream.what, shift, int(first), 0, evidence)
