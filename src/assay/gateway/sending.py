"""What a gateway elsewhere wrote goes home: closed capture files and outcomes, each until taken."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog

from assay.adapters.capture_segment import is_closed
from assay.adapters.file_election import FileElection
from assay.adapters.lake_files import segments
from assay.adapters.outcome_inbox_files import InboxPart, clear_inbox, next_of_inbox
from assay.adapters.whole_file import write_whole
from assay.errors import AssayError, StoreError
from assay.ports.control_plane import ControlPlane
from assay.ports.outcome_inbox import Happened

__all__ = ["Sending", "send_home"]

_LOG: Any = structlog.get_logger("assay.gateway")
_MOST = 50_000
_REFUSALS = 200
"""So many refusals in a row, with nothing taken between them, and no more is asked."""

_MOST_BYTES = 200 * 2**20

_Told = Sequence[tuple[str, Happened]]
_LeftOut = tuple[str, Happened, str]


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
    else back; outcomes that it refuses are left out, and written into `refused/` beside the inbox,
    one with its reason on each line. `position` is how far each file
    of outcomes was sent, and is moved on. ServiceError where the server does not answer, StoreError
    where the disk fails.
    """
    captures = model / "captures"
    for path in [one for one in segments(captures) if is_closed(one)]:
        _settle(path, partial(_sent, plane, model.name, environment, path))
    inbox = model / "outcomes" / "inbox"
    while (part := next_of_inbox(inbox, position)) is not None:
        told = list(dict(part.told).items())  # of one id the last word holds
        refused: list[_LeftOut] = []
        for start in range(0, len(told), _MOST):
            refused += _tell(plane, model.name, told[start : start + _MOST])
        if refused:
            _put_aside(model, _name_of(part, position), refused)
        position.clear()
        position.update(part.position)
    clear_inbox(inbox, position)


def _tell(plane: ControlPlane, model: str, told: _Told) -> list[_LeftOut]:
    """Hand outcomes in, and return those that are not taken, each with the reason.

    Those that the server names are left out and the others sent again. Of a server that names none
    they are halved until the faulty are alone, in any order: so those that came together do not
    make a row. One that refuses whatever comes is asked no more than so often.
    """
    waiting, row = [told], 0
    refused: list[_LeftOut] = []
    while waiting:
        some = waiting.pop()
        answer = plane.take_outcomes(model, some)
        if answer is None:
            row = 0
            continue
        row += 1
        at = answer.faults
        if not at and (len(some) == 1 or row >= _REFUSALS):
            at = dict.fromkeys(range(len(some)), answer.why)
        refused += [(*some[place], why) for place, why in at.items()]
        if row >= _REFUSALS:
            rest = [one for place, one in enumerate(some) if place not in at]
            return refused + [(*one, answer.why) for part in (rest, *waiting) for one in part]
        waiting += _remaining(some, at)
    return refused


def _remaining(some: _Told, at: Mapping[int, str]) -> list[_Told]:
    """Return what is to be sent again of what was refused: all but the faulty, or two halves."""
    if at:
        rest = [one for place, one in enumerate(some) if place not in at]
        return [rest] if rest else []
    mixed = random.Random(0).sample(some, len(some))  # noqa: S311 - no secret
    half = len(some) // 2
    return [mixed[half:], mixed[:half]]


def _name_of(part: InboxPart, position: Mapping[str, int]) -> str:
    """Return what a part is called: read again from the same place on, it is called the same."""
    name = next(one for one, end in part.position.items() if position.get(one) != end)
    return f"{Path(name).stem}-{position.get(name, 0)}.jsonl"


def _put_aside(model: Path, name: str, refused: Sequence[_LeftOut]) -> None:
    path = model / "outcomes" / "refused" / name
    lines = [{"id": id_, "outcome": outcome, "why": why} for id_, outcome, why in refused]
    write_whole(path, msgspec.json.Encoder().encode_lines(lines))
    _LOG.error(
        "outcomes were refused, and put aside",
        model=model.name,
        n=len(refused),
        file=str(path),
        why=refused[0][2],
    )


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
