"""The directory, the charter, the ports, and what every phase needs of them."""

from __future__ import annotations

import getpass
import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import polars as pl

    from assay.charter.charter import Charter
    from assay.evidence.folds import ModelState
    from assay.lifecycle.inbox_outcomes import Sifted
    from assay.lifecycle.posting import Served
    from assay.ports.captures import Record
    from assay.ports.outcome_inbox import Happened
    from assay.ports.ports import Ports

__all__ = ["CHARTER", "STATE", "Root"]

CHARTER = "charter.yaml"
STATE = ".assay"


class Root:
    """One directory with a charter; `data` is read in place of its source where given.

    `environment` is the one that is released to and served: each has its own desired state and
    captures, beside one ledger and one store of bundles. None is production. `model` is the name
    of the model that is meant, where that is known: a way back is never that of another one,
    whatever name the charter got meanwhile.
    """

    def __init__(
        self,
        directory: Path | str = ".",
        *,
        data: Path | None = None,
        ports: Ports | None = None,
        environment: str | None = None,
        model: str | None = None,
    ) -> None:
        self.directory = Path(directory)
        self.environment = environment
        self._model = model
        self._data = data
        self._ports = ports

    @cached_property
    def charter(self) -> Charter:
        """The charter on disk as it holds today; CharterError lists all of its faults."""
        from assay.charter.load import load_charter
        from assay.guardrails.registry import known_metrics

        return self._as_it_holds(load_charter(self.directory / CHARTER, known_metrics()))

    @cached_property
    def ports(self) -> Ports:
        """The ports; opened when they are first needed, and only beside a sound charter."""
        _ = self.charter
        return self._opened

    @cached_property
    def _opened(self) -> Ports:
        """The ports, whatever the charter says."""
        from assay.workspace.embedded import embedded

        state = self.directory / STATE
        return self._ports or embedded(state, self._place, sift=self._sifted)

    @property
    def _place(self) -> str:
        """The environment that is released to and served."""
        from assay.charter.environments import PRODUCTION

        return self.environment or PRODUCTION

    def _as_it_holds(self, charter: Charter) -> Charter:
        """Return a charter as it holds today in the environment."""
        from assay.adapters.system_clock import SystemClock

        clock = self._ports.clock if self._ports else SystemClock()
        today = clock.now().astimezone(charter.monitoring.zone).date()
        return charter.on(today).within(self._place)

    def versions(self) -> ModelState:
        """Return every version, as the ledger tells it."""
        from assay.lifecycle.approval import model_state

        return model_state(self.ports.ledger, self.charter)

    def audit(self, kept: str | None = None) -> int:
        """Count the ledger's entries; LedgerBroken names the first wrong (`kept`: see `audit`)."""
        from assay.lifecycle.audit import audit

        return audit(self.ports, kept)

    def _table(self, path: Path | None = None) -> tuple[pl.DataFrame, str]:
        from assay.adapters.polars_tables import PolarsTables

        # A table is read without opening the ledger: where it is no good, nothing is made.
        tables = self._ports.tables if self._ports else PolarsTables()
        path = path or self._data or self.directory / self.charter.data.source
        frame = tables.read(path)
        return frame, hashlib.sha256(path.read_bytes()).hexdigest()

    def _captures(self) -> list[Record]:
        return list(self.ports.captures.read())

    def _served(self) -> Served:
        from assay.lifecycle.posting import served_cases

        return served_cases(self.charter, self._captures(), self.ports.outcomes.read())

    def _sifted(self, told: Sequence[tuple[str, Happened]]) -> Sifted:
        from assay.lifecycle.inbox_outcomes import sifted_by

        return sifted_by(self.charter)(told)

    def _submit_charter(self) -> None:
        from assay.lifecycle.approval import submit_charter

        self.ports.ledger.verify()  # nothing is decided on, or added to, a broken chain
        submit_charter(self.ports.ledger, self.charter, getpass.getuser(), self._now())

    def _now(self) -> datetime:
        return self.ports.clock.now()
