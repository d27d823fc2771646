"""From data to a registered version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.workspace.progress import Progress
from assay.workspace.root import STATE, Root

if TYPE_CHECKING:
    import polars as pl

    from assay.build.built import Built
    from assay.build.quality import Quality
    from assay.build.run import Again
    from assay.lifecycle.making import Registered
    from assay.lifecycle.moving import Moved

__all__ = ["Building"]

_NEWEST = "newest_rows.parquet"


class Building(Root):
    """From data to a registered version."""

    def check(self) -> Quality:
        """Check the data against the charter; nothing is written."""
        from assay.build.run import quality

        return quality(self.charter, self._table()[0])

    def build(
        self,
        *,
        newest: bool = False,
        trials: int | None = None,
        again: Again | None = None,
        source: Path | None = None,
        progress: Progress | None = None,
    ) -> Registered:
        """Find, judge and package a model, and register it with its evidence.

        `newest` retrains: it learns from `newest_rows`, whose outcomes are all known by now.
        `again` names the recipe where none is to be searched for, `source` another table.
        """
        from assay.adapters.model_engine import load_model
        from assay.build.run import build

        frame, digest = self._table(self.newest_rows() if newest else source)
        built = build(
            self.charter,
            self.directory,
            frame,
            digest,
            engines=load_model,
            matured=newest,
            trials=trials,
            again=again,
            progress=progress,
        )
        return self._register(built)

    def submit(
        self, model: str, *, allow_pickle: str | None = None, progress: Progress | None = None
    ) -> Registered:
        """Judge a finished model like one that was built, and register it.

        `allow_pickle` is the person in whose name a pickle may be loaded; it is recorded.
        """
        from functools import partial

        from assay.adapters.model_engine import load_model
        from assay.build.intake import permission_wanted
        from assay.build.submit import submit
        from assay.lifecycle.approval import permit

        frame, digest = self._table()
        permitted = permission_wanted(model, allow_pickle, self.charter)
        if permitted is not None:  # on the ledger before any of its code runs
            self._submit_charter()
            permit(self.ports.ledger, self.charter, vars(permitted), self._now())
        built = submit(
            self.charter,
            frame,
            digest,
            model,
            engines=partial(load_model, code=permitted is not None),
            allow_pickle=allow_pickle,
            progress=progress,
        )
        return self._register(built)

    def move_policy(self, version: int | None = None, *, progress: Progress | None = None) -> Moved:
        """Put the charter's present policy on a version (the newest), and register that.

        Nothing is trained: see `assay.build.policy_move`. The table must be the one that the
        version was made from; that of the newest retraining is found by itself.
        """
        from assay.lifecycle.moving import Moved, move_version
        from assay.workspace.engines import engines_of

        given = (self.charter, self.ports, version, self._table_of)
        source, move = move_version(*given, engines=engines_of(self), progress=progress)
        return Moved(source, move, None if move is None else self._register(move.built))

    def newest_rows(self) -> Path:
        """Write the charter's rows and all served cases with outcomes as one table, oldest first.

        It keeps the newest `response.training_rows` where the charter names them, and is what a
        retraining learns from. Returns its path in `.assay/`.
        """
        from assay.adapters.whole_file import write_whole
        from assay.lifecycle.posting import labelled_table, newest_rows

        frame, _ = self._table()
        served = labelled_table(self._served(), self.charter)
        rows = newest_rows(frame, served, self.charter)
        return write_whole(self.directory / STATE / _NEWEST, rows)

    def _table_of(self, digest: str) -> tuple[pl.DataFrame, str]:
        """Return the table of a digest where it is at hand, else the one that would be read."""
        found = self._table()
        retrained = self.directory / STATE / _NEWEST
        if found[1] == digest or self._data is not None or not retrained.is_file():
            return found
        newest = self._table(retrained)
        return newest if newest[1] == digest else found

    def _register(self, built: Built) -> Registered:
        from assay.build.registry import register
        from assay.lifecycle.making import Registered

        self._submit_charter()
        ports = self.ports
        candidate = register(built, self.charter, ports.ledger, ports.blobs, self._now())
        return Registered(candidate, built)
