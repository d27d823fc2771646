"""Assay's own alerts, as they would have been raised at the start of each window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.lifecycle.history import History
from assay.lifecycle.play import Play
from assay.lifecycle.standing import Standing
from assay.lifecycle.timeline import Period
from assay.monitor.drift import drift
from assay.monitor.finding import Finding, drift_findings, value_findings
from assay.monitor.possible import Blocks
from assay.monitor.track_record import Gap, measured_gaps, track_record
from assay.monitor.value import realised_uplift
from assay.stats.profile import profile
from assay.stats.reference import Reference, make_reference, read_reference

__all__ = ["Watch"]

Rows = NDArray[np.int64]

_WINDOWS = 20
"""Reference windows at most, each as long as the replay's: the newest rows learned from."""


class Watch:
    """Looks at what is known by the start of a window, through the monitor's own functions."""

    def __init__(self, history: History, charter: Charter, seed: int) -> None:
        self._history = history
        self._charter = charter
        self._seed = seed
        self._references: dict[bytes, Reference] = {}

    def findings(self, play: Play, now: Standing, period: Period) -> tuple[Finding, ...]:
        """Return what deserves an alert, of the window before and of outcomes that came since."""
        if not play.lived:
            return ()
        before = play.lived[-1][0]
        replayed = max(before.known, self._history.line.first)
        rows = np.arange(replayed, period.known)
        stale = self._stale(play, now, period)
        return (*self._moved(now, before), *self._value(play, rows), *stale)

    def _moved(self, now: Standing, before: Period) -> tuple[Finding, ...]:
        limits = self._charter.monitoring
        reference = self._reference(now, before.n)
        columns = self._history.columns(np.arange(before.start, before.stop))
        window = profile(columns, reference.grid)
        return drift_findings(
            drift(
                reference,
                window,
                rate=limits.false_discovery_rate,
                least_effect=limits.least_effect,
            )
        )

    def _reference(self, now: Standing, size: int) -> Reference:
        key = now.taught.tobytes()
        if key not in self._references:
            rows = now.taught[-_WINDOWS * size :]
            parts = max(10, min(_WINDOWS, len(rows) // size))
            document = make_reference(self._history.columns(rows), windows=parts)
            self._references[key] = read_reference(document)
        return self._references[key]

    def _value(self, play: Play, rows: Rows) -> tuple[Finding, ...]:
        """Judge the realised uplift of rows whose outcome could have come by now."""
        seen = rows[play.shown[rows]]
        if not len(seen):
            return ()
        valued, value = self._history.valuation, self._charter.value
        # Only rows that showed are looked up; what the others hold is never read.
        outcomes = np.zeros(len(rows), dtype=play.decisions.dtype)
        outcomes[play.shown[rows]] = self._history.outcomes(seen, int(rows[-1]) + 1)
        entities = self._history.entities
        learned = [len(play.lived[number][1].taught) for number in sorted(set(play.by[rows]))]
        realised = realised_uplift(
            valued,
            play.forecasts(rows),
            play.decisions[rows],
            outcomes,
            play.shown[rows],
            self._history.columns(rows),
            blocks=_one_block(len(rows), min(learned)),
            seed=self._seed,
            revealed_by=play.revealing.names,
            entities=None if entities is None else entities[rows],
        )
        if realised is None:
            return ()
        return value_findings(
            realised.uplift,
            value.decisions_per_month,
            self._charter.monitoring.boundary,
            basis="realised",
        )

    def _stale(self, play: Play, now: Standing, period: Period) -> tuple[Finding, ...]:
        """Follow what this standing let expect against what its outcomes showed."""
        gaps = []
        for lived, standing in play.lived:
            if standing is now:
                rows = play.seen(min(lived.stop, period.known), lived.start)
                if len(rows):
                    gaps.append(self._gaps(play, now, rows, period.known))
        record = track_record(gaps, tolerance=self._charter.monitoring.stale_tolerance)
        if not record.stale:
            return ()
        text = (
            f"outcomes lie {record.gap:+.3f} {self._history.valuation.currency} per case from what "
            "the forecasts let expect"
        )
        return (Finding("stale", "forecast", record.gap, "as expected", text),)

    def _gaps(self, play: Play, now: Standing, rows: Rows, known: int) -> dict[str, Gap]:
        """Compare actions taken, and each action as if taken for all: no error can hide."""
        valued, columns = self._history.valuation, self._history.columns(rows)
        forecast, outcomes = play.forecasts(rows), self._history.outcomes(rows, known)
        blocks = _one_block(len(rows), len(now.taught))
        told = np.ones(len(rows), dtype=np.bool_)
        found: dict[str, Gap] = {}
        ways = {"": play.decisions[rows]}
        for code, action in enumerate(valued.actions):
            ways[f" as if {action} for all"] = np.full(len(rows), code)
        for way, decisions in ways.items():
            gaps = measured_gaps(valued, forecast, decisions, outcomes, told, columns, blocks)
            found |= {f"{name}{way}": gap for name, gap in gaps.items()}
        return found


def _one_block(n: int, learned: int) -> Blocks:
    """Take the calibration's own error as that of one block of all rows learned from."""
    return Blocks(np.zeros(n, dtype=np.int64), np.array([learned]))
