"""What is served, what it earns, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.workspace.capturing import Capturing
from assay.workspace.hearing import awaited_beside
from assay.workspace.progress import Progress
from assay.workspace.root import STATE

if TYPE_CHECKING:
    import polars as pl

    from assay.charter.charter import Family
    from assay.evidence.bundle import Bundle
    from assay.lifecycle.books import Replay
    from assay.lifecycle.bridging import Bridged
    from assay.lifecycle.course import Labels
    from assay.lifecycle.ledger_of_value import ValueSoFar
    from assay.lifecycle.multivariate import Multivariate
    from assay.lifecycle.posting import OutcomesTaken, Posted
    from assay.lifecycle.status import Status
    from assay.monitor.run import MonitorResult
    from assay.report.story import Story

__all__ = ["Watching"]


class Watching(Capturing):
    """Outcomes, monitoring, value, pages and replay."""

    def outcomes(self, file: Path | str | pl.DataFrame) -> OutcomesTaken:
        """Take in a table of outcomes, or a file of one; the same table twice counts once."""
        from assay.errors import DataError
        from assay.lifecycle.posting import take_outcomes

        if isinstance(file, Path | str) and not Path(file).exists():
            raise DataError(
                f"There is no table of outcomes at {file}. Give a CSV or Parquet file with the "
                "prediction's `id` and its `outcome`."
            )
        frame = self.ports.tables.read(Path(file)) if isinstance(file, Path | str) else file
        kept = None
        if self.charter.monitoring.source is not None:
            self.observe()
            kept = self.ports.windows
        return take_outcomes(
            frame, self.charter, self.ports.outcomes, self.ports.captures.read(), kept
        )

    def observe(self) -> MonitorResult:
        """Measure what is new and judge all that was served; nothing is posted."""
        from assay.lifecycle.observing import observe

        with self._alone():
            return observe(self.charter, self.ports, self._predictions(), self._now()).result

    def monitor(self) -> Posted:
        """Measure what is new, judge all that was served, and post alerts and value to the ledger.

        Closed logs of captures go over into the lake first.
        A second run with nothing new reads little and posts nothing; two at once wait in line.
        """
        from assay.lifecycle.observing import observe
        from assay.lifecycle.posting import post

        self.rotate_captures()
        with self._alone():
            now = self._now()
            found = observe(self.charter, self.ports, self._predictions(), now).result
            return post(self.ports.ledger, self.charter, found, now)

    def multivariate(self) -> tuple[Multivariate, ...]:
        """Compare the newest complete window of each version with reference rows, all columns.

        Nothing is posted; where the rows of a reference are not at hand, that is said.
        """
        from assay.lifecycle.multivariate import multivariate
        from assay.lifecycle.observing import take_look

        with self._alone():
            seen = take_look(self.charter, self.ports, self._predictions(), self._now())
        return multivariate(self.charter, self.ports, seen.windows, self._rows_of)

    def _rows_of(self, bundle: Bundle) -> pl.DataFrame:
        """Return the held-out rows that a bundle's reference was made from."""
        from assay.build.set_aside import set_aside
        from assay.errors import InputError
        from assay.value.valuation import valuation

        log = self.charter.monitoring.source
        if log is not None:
            return self._reference_rows(log).sort("at", maintain_order=True)
        table, digest = self._table()
        if bundle.origin.get("data") != digest:
            raise InputError(
                "This needs the rows that the version was made from, and the charter's table is "
                "another one by now. Give that table, or look at the drift of single features."
            )
        return set_aside(
            table, self.charter, valuation(self.charter.value, self.charter.data)
        ).judged

    def status(self) -> Status:
        """Return where things stand: newest version, gate, release, open alerts, what is next."""
        from assay.lifecycle.status import status_of

        now = self._now()
        found = status_of(self.charter, self.ports.ledger, self.ports.blobs, now)
        release = found.release
        if release.running and release.strategy == "blue_green":
            return replace(found, awaited=awaited_beside(self.directory / STATE, release, now))
        return found

    def value(self) -> ValueSoFar:
        """Return what the use case was to earn, and what it has earned; nothing is written."""
        from assay.lifecycle.ledger_of_value import value_so_far

        return value_so_far(self.charter, self.versions(), self.ports.blobs, self.observe())

    def bridge(self) -> Bridged:
        """Return what lies between planned and realised value, or why nothing is known of it."""
        from assay.lifecycle.bridge_elsewhere import log_bridge_so_far
        from assay.lifecycle.bridging import bridge_so_far

        log, now = self.charter.monitoring.source, self._now()
        if log is not None:
            reports, reference = self.observe().windows, self._reference_rows(log)
            return log_bridge_so_far(self.charter, self.ports, reports, reference, now)
        return bridge_so_far(self.charter, self.ports, now)

    def story(self, version: int | None = None) -> Story:
        """Gather everything that the report shows of a version (the newest where not named)."""
        from assay.report.story import gather

        found, bridged = self.observe(), self.bridge()
        return gather(self.charter, self.ports, found, bridged, version, self._now())

    def report(self, out: Path | str | None = None, *, version: int | None = None) -> Path:
        """Write one self-contained HTML page and return its path."""
        from assay.adapters.whole_file import write_whole
        from assay.report.page import page

        path = self.directory / "report.html" if out is None else Path(out)
        return write_whole(path, page(self.story(version)).encode())

    def replay(
        self,
        *,
        first: int | None = None,
        labels: Labels = "selected",
        policies: Sequence[str | Callable[..., object]] = (),
        every: int | None = None,
        families: Sequence[Family] = (),
        trials: int | None = None,
        compare: bool = True,
        progress: Progress | None = None,
    ) -> Replay:
        """Live response policies through the table's history; nothing is written.

        Policies are named (`triggered`), functions, or `module:function` beside the charter; the
        three that Assay has where none is given. The rest is as in `assay.lifecycle.replay`.
        """
        from assay.lifecycle.policies import POLICIES, policy_beside
        from assay.lifecycle.replay import replay

        named = [
            policy_beside(self.directory, one) if isinstance(one, str) else one for one in policies
        ]
        return replay(
            self._table()[0],
            self.charter,
            first=first,
            labels=labels,
            policies=named or POLICIES,
            every=every,
            families=families,
            trials=trials,
            compare=compare,
            progress=progress,
        )

    def draw_replay(self, found: Replay, folder: Path | None = None) -> list[Path]:
        """Write a replay as `replay.html` and `replay.png`, and return both paths."""
        from assay.adapters.whole_file import write_whole
        from assay.report.replay_page import replay_files

        drawn = replay_files(found, self.charter.title).items()
        return [write_whole((folder or self.directory) / name, raw) for name, raw in drawn]
