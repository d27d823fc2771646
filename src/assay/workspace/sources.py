"""Where a use case's predictions are logged, and the lock that monitoring holds."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from assay.workspace.root import STATE, Root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from assay.adapters.delta_predictions import DeltaPredictions
    from assay.adapters.file_predictions import FilePredictions
    from assay.adapters.log_frame import LogFrame
    from assay.charter.prediction_log import LogColumns, PredictionLog
    from assay.evidence.evidence import Check
    from assay.ports.predictions import Predictions

__all__ = ["KEY", "Sources"]

KEY = "capture.key"
"""The installation's key beside what it serves: see `assay.adapters.installation_key`."""


class Sources(Root):
    """Predictions of our own gateway, or of a model that is served elsewhere."""

    def _predictions(self) -> Predictions:
        """Return the log that the charter names; CharterError or DataError where it is none."""
        from assay.adapters.capture_predictions import CapturePredictions

        log = self.charter.monitoring.source
        if log is None:
            hashed = "hash" in self.charter.serving.capture.protected.values()
            originals = self._originals if hashed else None
            return CapturePredictions(self.ports.captures, self.charter.name, originals)
        return self._elsewhere(log)

    def _originals(self, bundle: str) -> Mapping[str, Mapping[str, str]]:
        """Return which category of a bundle's reference each hash in captures is of."""
        from assay.adapters.installation_key import installation_key
        from assay.deploy.fetch import fetch_bundle
        from assay.deploy.protected_columns import Protection
        from assay.monitor.watched import watch_bundle
        from assay.stats.grid import CategoryAxis

        rules = self.charter.serving.capture
        protection = Protection.of(rules, installation_key(self.directory / STATE / KEY))
        axes = watch_bundle(fetch_bundle(self.ports.blobs, bundle)).reference.grid.axes
        return {
            name: protection.originals(name, axis.values)
            for name, axis in axes.items()
            if rules.withheld(name) == "hash" and isinstance(axis, CategoryAxis)
        }

    def _alone(self, work: str = "monitor") -> AbstractContextManager[None]:
        """Hold this directory's lock for a kind of work: one run of it writes at a time.

        Kinds do not wait for each other, so that a retraining holds up no monitoring. Not to be
        held twice by one run.
        """
        from assay.adapters.file_lock import locked

        _ = self.ports
        return locked(self.directory / STATE / work / "lock")

    def _elsewhere(self, log: PredictionLog) -> Predictions:
        from assay.adapters.log_frame import LogFrame
        from assay.deploy.fetch import fetch_bundle
        from assay.lifecycle.served_elsewhere import DecidedByPolicy
        from assay.monitor.watched import watch_bundle

        amounts = self.charter.task == "regression"
        digest, inputs, unread = self._reference(log)
        frame = LogFrame(self._columns(log), amounts, digest, inputs)
        blobs, outcomes = self.ports.blobs, self.ports.outcomes
        return DecidedByPolicy(
            self._logged(log, frame),
            self.charter,
            lambda: watch_bundle(fetch_bundle(blobs, digest)),
            outcomes,
            remade=not self.ports.windows.parts(),
            unread={log.reference: unread},
        )

    def _logged(self, log: PredictionLog, frame: LogFrame) -> DeltaPredictions | FilePredictions:
        from assay.adapters.delta_predictions import DeltaPredictions
        from assay.adapters.file_predictions import FilePredictions

        place = self.directory / log.path
        if log.format == "delta" or (log.format is None and (place / "_delta_log").is_dir()):
            return DeltaPredictions(place, frame)
        return FilePredictions(self.directory, log.path, frame, log.format)

    def check_source(self) -> tuple[Check, ...]:
        """Check the log of a model that is served elsewhere, and its reference; nothing is written.

        No checks where predictions are Assay's own.
        """
        from assay.adapters.log_frame import LogFrame
        from assay.adapters.polars_tables import PolarsTables
        from assay.lifecycle.log_checks import log_checks

        log = self.charter.monitoring.source
        if log is None:
            return ()
        frame = LogFrame(self._columns(log), self.charter.task == "regression", inputs=())
        return log_checks(
            self.charter,
            frame,
            lambda: PolarsTables().read(self._reference_path(log)),
            lambda: self._read_reference(log),
            self._logged(log, frame).newest,
        )

    def _reference_path(self, log: PredictionLog) -> Path:
        from assay.errors import DataError

        path = self.directory / log.reference
        if not path.is_file():
            raise DataError(
                f"There is no reference at {path}. Check `monitoring.source.reference` in the "
                "charter: a CSV or Parquet file of held-out rows with scores and outcomes."
            )
        return path

    def _reference(self, log: PredictionLog) -> tuple[str, tuple[str, ...], dict[str, int]]:
        """Return the digest of the bundle made from the reference, and the log's inputs.

        With them goes why rows of the reference cannot be read. The bundle is made where reference,
        columns or payoffs are new, and kept with the other blobs.
        """
        import msgspec

        source = hashlib.sha256(self._reference_path(log).read_bytes()).hexdigest()
        sections = self.charter.digests()
        made_from = [source, sections["value"], sections["data"], log.columns.model_dump_json()]
        noted = self.ports.profiles.note("reference")
        known = [] if noted is None else msgspec.json.decode(noted)
        if not known or known[0] != made_from or not self.ports.blobs.has(known[1]):
            known = [made_from, *self._make_reference(log, source)]
            self.ports.profiles.write_note("reference", msgspec.json.encode(known))
        return known[1], tuple(known[2]), known[3] if known[3:] else {}

    def _make_reference(
        self, log: PredictionLog, source: str
    ) -> tuple[str, list[str], dict[str, int]]:
        from assay.lifecycle.served_elsewhere import bundle_of_reference, inputs_of

        rows, unread = self._read_reference(log)
        bundle = bundle_of_reference(self.charter, rows, source)
        for content in (*bundle.files.values(), bundle.manifest()):
            self.ports.blobs.put(content)
        return bundle.digest, inputs_of(self.charter, rows), unread

    def _reference_rows(self, log: PredictionLog) -> pl.DataFrame:
        """Return the labelled rows as predictions, with their raw `outcome`."""
        return self._read_reference(log)[0]

    def _read_reference(self, log: PredictionLog) -> tuple[pl.DataFrame, dict[str, int]]:
        """Return the labelled rows that can be read, and why others cannot be."""
        from assay.adapters.log_frame import LogFrame
        from assay.adapters.polars_tables import PolarsTables
        from assay.errors import DataError
        from assay.lifecycle.served_elsewhere import readable_reference

        data, columns = self.charter.data, self._columns(log)
        leave = (*data.ignore, *data.known_after, *filter(None, (data.time, data.entity)))
        frame = LogFrame(columns, self.charter.task == "regression", leave=leave)
        # A table is read without opening the ledger: whoever only checks makes nothing.
        tables = self._ports.tables if self._ports else PolarsTables()
        table = tables.read(self.directory / log.reference)
        outcome = str(columns.outcome)
        if outcome not in table.columns:
            raise DataError(
                f"The reference {log.reference} has no column {outcome}, and it needs outcomes; it "
                f"has {', '.join(table.columns[:20])}. Name the column that holds them in "
                "`monitoring.source.columns.outcome`; the log itself may do without."
            )
        rows = frame.rows(table, log.reference)
        return readable_reference(self.charter, rows.with_columns(table[outcome].alias("outcome")))

    def _columns(self, log: PredictionLog) -> LogColumns:
        """Return what the log's columns are called; outcomes as in the data where not said."""
        named = log.columns.outcome or self.charter.data.outcome
        return log.columns.model_copy(update={"outcome": named})
