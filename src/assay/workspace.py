"""The composition root: one directory with a charter, the ports it uses, and what can be done.

Layout: `charter.yaml` beside `.assay/`, which holds the ledger and its head, the blobs, the
captures, the outcomes and the desired state that gateways follow. Heavy libraries are imported
by the method that needs them.
"""

from __future__ import annotations

import getpass
import hashlib
import secrets
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from assay.build.built import Built
    from assay.build.quality import Quality
    from assay.charter.charter import Charter, Family
    from assay.deploy.rollout import Decision
    from assay.evidence.candidate import Candidate
    from assay.evidence.folds import ModelState, ReleaseState
    from assay.evidence.gate import Verdict, Waiver
    from assay.evidence.sign_off import SignOff
    from assay.lifecycle.books import Replay
    from assay.lifecycle.course import Labels
    from assay.lifecycle.ledger_of_value import ValueSoFar
    from assay.lifecycle.making import Registered
    from assay.lifecycle.posting import OutcomesTaken, Posted, Served
    from assay.lifecycle.releasing import Action
    from assay.lifecycle.status import Status
    from assay.monitor.run import MonitorResult
    from assay.ports.captures import Record
    from assay.ports.ports import Ports
    from assay.report.story import Story

__all__ = ["Progress", "Workspace", "draft"]

Progress = Callable[[float, str], None]
"""Called with the share of the work that is done, 0 to 1, and a word on what is being done."""

_CHARTER = "charter.yaml"
_STATE = ".assay"


def draft(directory: Path | str, table: Path | str, outcome: str) -> Path:
    """Write a drafted charter for a table into a new directory, and return its path.

    Raises InputError where the directory has a charter already: nothing is overwritten.
    """
    from assay.adapters.polars_tables import PolarsTables
    from assay.adapters.whole_file import write_whole
    from assay.envision.draft import draft_charter

    directory, table = Path(directory), Path(table)
    path = directory / _CHARTER
    if path.exists():
        raise InputError(f"{path} is there already. Name another directory, or remove it first.")
    frame = PolarsTables().read(table)
    text = draft_charter(frame, str(table.resolve()), outcome, directory.resolve().name)
    return write_whole(path, text.encode())


class Workspace:
    """Everything that can be done with one use case; a notebook can do what the commands do.

    `data` is read in place of the charter's source where it is given.
    """

    def __init__(
        self, directory: Path | str = ".", *, data: Path | None = None, ports: Ports | None = None
    ) -> None:
        self.directory = Path(directory)
        self._data = data
        self._ports = ports

    @cached_property
    def charter(self) -> Charter:
        """The charter as it is on disk; CharterError lists all of its faults."""
        from assay.charter.load import load_charter
        from assay.guardrails.registry import known_metrics

        return load_charter(self.directory / _CHARTER, known_metrics())

    @cached_property
    def ports(self) -> Ports:
        """The ports; opened when they are first needed, and only beside a sound charter."""
        _ = self.charter
        from assay.adapters.embedded import embedded

        return self._ports or embedded(self.directory / _STATE)

    def check(self) -> Quality:
        """Check the data against the charter; nothing is written."""
        from assay.build.run import quality

        return quality(self.charter, self._table()[0])

    def build(
        self, *, newest: bool = False, trials: int | None = None, progress: Progress | None = None
    ) -> Registered:
        """Find, judge and package a model, and register it with its evidence.

        `newest` retrains: it learns from `newest_rows`, whose outcomes are all known by now.
        """
        from assay.adapters.onnx_engine import OnnxEngine
        from assay.build.run import build

        frame, digest = self._table(self.newest_rows() if newest else None)
        built = build(
            self.charter,
            self.directory,
            frame,
            digest,
            engines=OnnxEngine,
            matured=newest,
            trials=trials,
            progress=progress,
        )
        return self._register(built)

    def submit(
        self, model: str, *, allow_pickle: str | None = None, progress: Progress | None = None
    ) -> Registered:
        """Judge a finished model like one that was built, and register it.

        `allow_pickle` is the person in whose name a pickle may be loaded; it is recorded.
        """
        from assay.adapters.onnx_engine import OnnxEngine
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
            engines=OnnxEngine,
            allow_pickle=allow_pickle,
            progress=progress,
        )
        return self._register(built)

    def gate(self, version: int | None = None) -> tuple[Candidate, Verdict]:
        """Decide whether a version may go live, and record the decision."""
        from assay.lifecycle.approval import judge

        self._submit_charter()
        return judge(self.ports.ledger, self.ports.blobs, self.charter, version, self._now())

    def sign(
        self, person: str, role: str, *, version: int | None = None, note: str = ""
    ) -> tuple[Candidate, SignOff]:
        """Sign a version in a role; SignOffRefused says why where that may not be."""
        from assay.lifecycle.approval import role_named, sign

        self._submit_charter()
        signature = (person, role_named(role), note)
        now, user = self._now(), getpass.getuser()
        return sign(self.ports.ledger, self.charter, version, signature, now, user)

    def waive(
        self,
        check: str,
        person: str,
        role: str,
        *,
        reason: str,
        days: int = 30,
        version: int | None = None,
    ) -> tuple[Candidate, Waiver]:
        """Let one failed check pass for some days."""
        from assay.lifecycle.approval import role_named, waive

        self._submit_charter()
        waiver = (check, person, role_named(role), reason, days)
        ports, now, user = self.ports, self._now(), getpass.getuser()
        return waive(ports.ledger, ports.blobs, self.charter, version, waiver, now, user)

    def release(
        self,
        version: int | None = None,
        *,
        action: Action = "start",
        reason: str = "by hand",
        salt: str | None = None,
    ) -> ReleaseState:
        """Take one step of a release; GateClosed lists everything that is missing.

        `salt` decides who gets which arm; a fresh random one where it is not given.
        """
        from assay.lifecycle.releasing import release

        return release(
            self.ports.ledger,
            self.ports.desired,
            self.charter,
            None if action == "roll_back" else self._judged(version, action),
            action=action,
            reason=reason,
            salt=salt or secrets.token_hex(8),
            now=self._now(),
        )

    def decide(self) -> Decision | None:
        """Decide the running canary on what is known so far, and act on it; None too early."""
        from assay.lifecycle.canary import decide_running

        state = self.release_state()
        decision = decide_running(self.charter, state, self._served(), self._now())
        if decision is not None and decision.verdict != "hold" and state.challenger is not None:
            self.release(state.challenger.version, action=decision.verdict, reason=decision.reason)
        return decision

    def release_state(self) -> ReleaseState:
        """Return what serves, as the ledger tells it."""
        from assay.lifecycle.releasing import release_state

        return release_state(self.ports.ledger, self.charter)

    def serving_state(self) -> Path:
        """Return the directory that a gateway serves from; CheckFailed where nothing is released.

        The desired state is written anew from the ledger, which is the truth about it.
        """
        from assay.lifecycle.releasing import publish

        state = publish(self.ports.ledger, self.ports.desired, self.charter)
        if state.champion is None and state.challenger is None:
            raise CheckFailed(
                f"No version of {self.charter.name} is released, so that there is nothing to "
                "serve. Run `assay release` first."
            )
        return self.directory / _STATE

    def outcomes(self, file: Path | str) -> OutcomesTaken:
        """Take in a table of outcomes; the same table twice counts once."""
        from assay.lifecycle.posting import take_outcomes

        frame = self.ports.tables.read(Path(file))
        return take_outcomes(frame, self.charter, self.ports.outcomes, self._captures())

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
        return write_whole(self.directory / _STATE / "newest_rows.parquet", rows)

    def observe(self) -> MonitorResult:
        """Measure and judge all that was served, and write nothing."""
        from assay.lifecycle.approval import model_state
        from assay.lifecycle.posting import observe

        return observe(
            self.charter,
            self._captures(),
            self.ports.outcomes.read(),
            model_state(self.ports.ledger, self.charter),
            self.ports.ledger,
            self.ports.blobs,
            self._now(),
        )

    def monitor(self) -> Posted:
        """Measure and judge all that was served, and post alerts and value to the ledger."""
        from assay.lifecycle.posting import post

        return post(self.ports.ledger, self.charter, self.observe(), self._now())

    def versions(self) -> ModelState:
        """Return every version, as the ledger tells it."""
        from assay.lifecycle.approval import model_state

        return model_state(self.ports.ledger, self.charter)

    def status(self) -> Status:
        """Return where things stand: newest version, gate, release, open alerts, what is next."""
        from assay.lifecycle.status import status_of

        return status_of(self.charter, self.ports.ledger, self.ports.blobs, self._now())

    def value(self) -> ValueSoFar:
        """Return what the use case was to earn, and what it has earned; nothing is written."""
        from assay.lifecycle.ledger_of_value import value_so_far

        return value_so_far(self.charter, self.versions(), self.ports.blobs, self.observe())

    def story(self, version: int | None = None) -> Story:
        """Gather everything that the report shows of a version (the newest where not named)."""
        from assay.report.story import gather

        ports = self.ports
        return gather(self.charter, ports.ledger, ports.blobs, self.observe(), version, self._now())

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
        every: int | None = None,
        families: Sequence[Family] = (),
        progress: Progress | None = None,
    ) -> Replay:
        """Live the charter's policies through the table's history; nothing is written."""
        from assay.lifecycle.replay import replay

        return replay(
            self._table()[0],
            self.charter,
            first=first,
            labels=labels,
            every=every,
            families=families,
            progress=progress,
        )

    def draw_replay(self, found: Replay, folder: Path | None = None) -> list[Path]:
        """Write a replay as `replay.html` and `replay.png`, and return both paths."""
        from assay.adapters.whole_file import write_whole
        from assay.report.replay_page import replay_files

        drawn = replay_files(found, self.charter.title).items()
        return [write_whole((folder or self.directory) / name, raw) for name, raw in drawn]

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

    def _served(self) -> Served:
        from assay.lifecycle.posting import served_cases

        return served_cases(self.charter, self._captures(), self.ports.outcomes.read())

    def _register(self, built: Built) -> Registered:
        from assay.build.registry import register
        from assay.lifecycle.making import Registered

        self._submit_charter()
        ports = self.ports
        candidate = register(built, self.charter, ports.ledger, ports.blobs, self._now())
        return Registered(candidate, built)

    def _submit_charter(self) -> None:
        from assay.lifecycle.approval import submit_charter

        self.ports.ledger.verify()  # nothing is decided on, or added to, a broken chain
        submit_charter(self.ports.ledger, self.charter, getpass.getuser(), self._now())

    def _judged(self, version: int | None, action: Action) -> tuple[Candidate, Verdict]:
        running = self.release_state().challenger
        if version is None and action != "start" and running is not None:
            version = running.version
        return self.gate(version)

    def _captures(self) -> list[Record]:
        return list(self.ports.captures.read())

    def _now(self) -> datetime:
        return self.ports.clock.now()
