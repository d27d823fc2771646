"""What a gateway elsewhere wrote goes home: closed capture files and outcomes, each until taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from assay.adapters.capture_segment import is_closed
from assay.adapters.file_election import FileElection
from assay.adapters.lake_files import segments
from assay.adapters.outcome_inbox_files import clear_inbox, next_of_inbox
from assay.errors import AssayError, StoreError
from assay.ports.control_plane import ControlPlane
from assay.ports.outcome_inbox import Happened

__all__ = ["Sending", "send_home"]

_LOG: Any = structlog.get_logger("assay.gateway")
_MOST = 50_000
_REFUSALS = 200
_MOST_BYTES = 200 * 2**20


class Sending:
    """Sends every so many seconds, on a thread of its own; of several workers one sends."""

    def __init__(
        self, plane: ControlPlane, environment: str, folder: Path, every: float = 5.0
    ) -> None:
        self._plane = plane
        self._environment = environment
        self._folder = folder
        self._every = every
        self._election = FileElection(folder / "sending.lock")
        self._positions: dict[str, dict[str, int]] = {}
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._complaint = ""

    def start(self) -> None:
        """Send from now on."""
        self._thread = threading.Thread(target=self._run, name="send", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what was closed last, where the server answers, and stop."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            if not self._complaint:
                self.send()
            self._election.resign()

    def send(self) -> None:
        """Send what there is now; what fails stays, and is tried again."""
        try:
            if self._election.leads():
                for model in sorted(self._folder.glob("[!.]*/")):
                    at = self._positions.setdefault(model.name, {})
                    send_home(self._plane, model, self._environment, at)
            self._complaint = ""
        except AssayError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                _LOG.error("what was captured is not sent yet; it stays here", error=str(error))

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            self.send()


def send_home(plane: ControlPlane, model: Path, environment: str, position: dict[str, int]) -> None:
    """Send one model's closed capture files, then its outcomes; what was taken is removed.

    A file that the server refuses for good is put aside into `refused/`, so that it keeps nothing
    else back; an outcome that it refuses is left out, and logged. `position` is how far each file
    of outcomes was sent, and is moved on. ServiceError where the server does not answer, StoreError
    where the disk fails.
    """
    captures = model / "captures"
    for path in [one for one in segments(captures) if is_closed(one)]:
        _settle(path, partial(_sent, plane, model.name, environment, path))
    inbox = model / "outcomes" / "inbox"
    while (part := next_of_inbox(inbox, position)) is not None:
        told = list(dict(part.told).items())  # of one id the last word holds
        for start in range(0, len(told), _MOST):
            _tell(plane, model.name, told[start : start + _MOST])
        position.clear()
        position.update(part.position)
    clear_inbox(inbox, position)


def _tell(plane: ControlPlane, model: str, told: Sequence[tuple[str, Happened]]) -> None:
    """Hand outcomes in; those that are refused together are halved until the faulty are alone.

    A server that refuses whatever comes is asked no more than so often.
    """
    waiting, refusals = [told], 0
    while waiting:
        some = waiting.pop()
        why = plane.take_outcomes(model, some)
        if not why:
            continue
        refusals += 1
        if len(some) > 1 and refusals < _REFUSALS:
            half = len(some) // 2
            waiting += [some[half:], some[:half]]
        else:
            _LOG.error("outcomes were refused", model=model, why=why, n=len(some))


def _sent(plane: ControlPlane, model: str, environment: str, path: Path, raw: bytes) -> str:
    if len(raw) > _MOST_BYTES:
        return f"it has {len(raw):,} bytes, more than a server takes"
    return plane.take_captures(model, environment, path.name, raw)


def _settle(path: Path, send: Callable[[bytes], str]) -> None:
    try:
        why = send(path.read_bytes())
        if not why:
            path.unlink()
            return
        aside = path.parent / "refused"
        aside.mkdir(exist_ok=True)
        path.rename(aside / path.name)
    except OSError as error:
        raise StoreError(f"The captures {path} cannot be read or moved: {error}.") from error
    _LOG.error("a capture file was refused, and put aside", file=str(aside / path.name), why=why)
