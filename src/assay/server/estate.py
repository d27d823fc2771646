"""The workspaces that a server stands for, by the names of their models."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from assay.adapters.environment_folder import environment_folder
from assay.adapters.release_key import ReleaseKey, folder_of_keys
from assay.charter.charter import Charter
from assay.charter.environments import PRODUCTION
from assay.charter.load import load_charter
from assay.deploy.desired import desired_state
from assay.errors import AssayError, InputError, StoreError
from assay.guardrails.registry import known_metrics
from assay.lifecycle.inbox_outcomes import sifted_by
from assay.lifecycle.leave import bundles_with_leave
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger
from assay.ports.ports import Ports
from assay.workspace import Workspace
from assay.workspace.embedded import embedded
from assay.workspace.root import CHARTER, STATE

__all__ = ["Estate", "NotThere"]


_LOG: Any = structlog.get_logger("assay.server")

Stamp = tuple[int, int, date]


class NotThere(AssayError):
    """What was asked for is not known here."""


class Estate:
    """Opens each workspace when it is first needed; used from many threads."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._ledger: Ledger | None = None
        self._directories: dict[str, Path] = {}
        self._charters: dict[str, tuple[Stamp, Charter]] = {}
        for directory in directories:
            charter = load_charter(directory / CHARTER, known_metrics())
            stamp = _stamp(directory)
            name = charter.name
            self._charters[name] = (stamp, charter)
            other = self._directories.setdefault(name, directory)
            if other != directory:
                raise InputError(
                    f"{directory} and {other} have the same model, {name!r}. A server knows "
                    "models by their names: give each directory once, and each model its own name."
                )
        self._open: dict[tuple[str, str], tuple[Stamp, Workspace]] = {}
        self._labels: dict[tuple[str, str], frozenset[str]] = {}
        self._ports: dict[tuple[str, str], Ports] = {}
        self._opening = threading.Lock()
        self._alone = {name: threading.RLock() for name in self._directories}

    def share(self, ledger: Ledger) -> None:
        """Let all workspaces use one ledger; called before any of them is opened."""
        self._ledger = ledger

    @property
    def models(self) -> tuple[str, ...]:
        """The models' names, in order."""
        return tuple(sorted(self._directories))

    def directory(self, model: str) -> Path:
        """Return a model's directory; NotThere where the model is not known."""
        if model not in self._directories:
            raise NotThere(f"There is no model {model[:100]!r} here.")
        return self._directories[model]

    def states(self) -> tuple[Path, ...]:
        """Return the folders that the desired states lie in."""
        return tuple(path / STATE for path in self._directories.values())

    def alone(self, model: str) -> threading.RLock:
        """Return the lock of those who change a model."""
        self.directory(model)
        return self._alone[model]

    def workspace(self, model: str, environment: str = PRODUCTION) -> Workspace:
        """Return a model's workspace under the charter as it is now; NotThere where unknown."""
        as_of = _stamp(self.directory(model))
        with self._opening:
            stamp, workspace = self._open.get((model, environment), (None, None))
            if workspace is None or stamp != as_of:
                workspace = self._opened(model, environment)
                self._open[model, environment] = (as_of, workspace)
            return workspace

    def for_a_way_back(self, model: str, environment: str = PRODUCTION) -> Workspace:
        """Return a model's workspace whatever became of its charter, to go back or to pause."""
        try:
            return self.workspace(model, environment)
        except AssayError:
            directory = self.directory(model)
            if not environment_folder(directory / STATE, environment).is_dir():
                raise
            ports = embedded(directory / STATE, environment, ledger=self._ledger)
            return Workspace(directory, ports=ports, environment=environment, model=model)

    def environments(self, model: str) -> tuple[str, ...]:
        """Return the environments of a model, production last."""
        own = self._charter(model).environments
        return (*(name for name in own if name != PRODUCTION), PRODUCTION)

    def blobs(self) -> tuple[Blobs, ...]:
        """Return the stores of bundles and evidence."""
        return tuple(self.workspace(model).ports.blobs for model in self.models)

    def variant(self, environment: str, model: str, labels: Mapping[str, str]) -> bytes | None:
        """Return a model's desired state for gateways of labels; None where it is that of all."""
        if model not in self._directories or not self.label_names(environment, model):
            return None
        workspace = self._known(model, environment)
        state = workspace.release_state()
        code = bundles_with_leave(workspace.ports.ledger, workspace.charter, state)
        document = desired_state(workspace.charter, state, state.revision, labels, code)
        return self.sealed(model, document.encode())

    def sealed(self, model: str, document: bytes) -> bytes:
        """Return a desired state signed with the key of its model's workspace."""
        sealed = ReleaseKey(folder_of_keys(self.directory(model) / STATE)).seal(document)
        return msgspec.json.format(sealed, indent=-1)

    def label_names(self, environment: str, model: str) -> frozenset[str]:
        """Return the names of the labels that decide what a model serves where."""
        if model not in self._directories:
            return frozenset()
        try:
            release = self._charter(model).within(environment).release
        except AssayError as error:
            _LOG.error("a charter has faults; its labels of before hold", error=str(error))
            return self._labels.get((environment, model), frozenset())
        names = frozenset(_names(release.stages if release.strategy == "staged" else ()))
        self._labels[environment, model] = names
        return names

    def _known(self, model: str, environment: str) -> Workspace:
        """Return a model's workspace, under the last sound charter where it has faults now."""
        try:
            return self.workspace(model, environment)
        except AssayError:
            with self._opening:
                _, workspace = self._open.get((model, environment), (None, None))
            if workspace is None:
                raise
            return workspace

    def _charter(self, model: str) -> Charter:
        """Return the charter as it is on disk, without opening anything."""
        directory = self.directory(model)
        stamp, charter = self._charters[model]
        now = _stamp(directory)
        if stamp != now:
            charter = load_charter(directory / CHARTER, known_metrics())
            self._charters[model] = (now, charter)
        return charter

    def _opened(self, model: str, environment: str) -> Workspace:
        directory = self._directories[model]
        fresh = Workspace(directory, environment=environment)
        _ = fresh.charter  # a charter with faults opens nothing
        ports = self._ports.get((model, environment))
        if ports is None:
            ports = self._ports[model, environment] = embedded(
                directory / STATE,
                environment,
                ledger=self._ledger,
                sift=sifted_by(fresh.charter),
            )
        workspace = Workspace(directory, ports=ports, environment=environment, model=model)
        if workspace.charter.name != model:
            raise InputError(
                f"The charter of {directory} speaks of {workspace.charter.name!r} now, and no "
                f"longer of {model!r}: start the server again."
            )
        return workspace


def _stamp(directory: Path) -> Stamp:
    """Return what tells one charter on disk from another, and one day from the next."""
    try:
        found = (directory / CHARTER).stat()
    except OSError as error:
        raise StoreError(f"The charter in {directory} cannot be read: {error}.") from error
    return found.st_mtime_ns, found.st_size, datetime.now(UTC).date()


def _names(stages: Iterable[Mapping[str, str]]) -> set[str]:
    return {name for stage in stages for name in stage}
