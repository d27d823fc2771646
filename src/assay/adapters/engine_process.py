"""`python -m assay.adapters.engine_process FD`: a model in a process of its own, without network.

It takes its model and its rows from a socket that it inherits, and knows of nothing else: no
ledger, no captures, no settings. It ends when the other side closes the socket.
"""

from __future__ import annotations

import ctypes
import io
import signal
import socket
import sys
import warnings
import zipfile
from contextlib import suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Protocol

import numpy as np

from assay.adapters.engine_wire import Ask, Load, Ready, Refused, Scores, receive, send
from assay.errors import AssayError, DataError, MissingLibrary, ModelError
from assay.evidence.uncompiled import described
from assay.ports.engine import Columns, Floats

__all__ = ["main"]

_OWN_NETWORK = (0x40000000, 0x50000000)
"""CLONE_NEWNET of unshare(2), for others than root with CLONE_NEWUSER: a network of nobody else."""
_CONNECTING = frozenset({"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto"})
_READERS = {
    "pyfunc": ("assay.adapters.pyfunc_engine", "PyfuncModel"),
    "skops": ("assay.adapters.skops_engine", "SkopsModel"),
}
"""What runs a kind of model; loaded when it is known which, since both are large."""
_FRAMES = ("pandas", "pyarrow")
"""What scikit-learn loads where it is there, at 60 MiB and a second, and a model rarely needs."""


class _Model(Protocol):
    def score(self, columns: Columns) -> Floats: ...


def main(fd: int) -> None:
    """Load the model that comes first, then answer rows until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    channel = socket.socket(fileno=fd)
    cut_off = _cut_off()
    with suppress(EOFError, ConnectionError):
        load = receive(channel)
        assert isinstance(load, Load)  # noqa: S101 - what our own parent sends first
        try:
            answers = _Answers(load)
        except AssayError as error:
            send(channel, Refused("model", str(error)))
            return
        send(channel, Ready(cut_off))
        while True:
            asked = receive(channel)
            assert isinstance(asked, Ask)  # noqa: S101 - and what it sends from then on
            send(channel, answers.to(asked))


class _Answers:
    """A loaded model that answers messages."""

    def __init__(self, load: Load) -> None:
        uncompiled = described(load.content)
        if uncompiled is None:
            raise ModelError("A compiled model needs no process of its own.")
        uncompiled.require_leave(code=load.code)
        kinds = {column.name: column.kind for column in load.inputs}
        self._numbers = [name for name in uncompiled.features if kinds[name] == "number"]
        self._texts = [name for name in uncompiled.features if kinds[name] == "category"]
        if uncompiled.kind == "skops" and not _mentions_frames(load.content):
            sys.meta_path.insert(0, _NoFrames())
        module, name = _READERS[uncompiled.kind]
        try:
            make = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise MissingLibrary(str(error.name), "local") from error
        self._model: _Model = make(load.content, uncompiled, kinds)

    def to(self, asked: Ask) -> Scores | Refused:
        """Return scores, or why there are none."""
        singles = np.frombuffer(asked.numbers, dtype=np.float32)
        numbers = singles.reshape(len(self._numbers), asked.rows).astype(np.float64)
        columns: dict[str, np.ndarray] = dict(zip(self._numbers, numbers, strict=True))
        for name, texts in zip(self._texts, asked.texts, strict=True):
            columns[name] = np.array(texts, dtype=object)
        try:
            return Scores.of(self._model.score(columns))
        except DataError as error:
            return Refused("data", str(error))


class _NoFrames(MetaPathFinder):
    """Makes pandas look as if it were not installed."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in _FRAMES:
            raise ModuleNotFoundError(f"{fullname} is not needed here", name=fullname)


def _mentions_frames(content: bytes) -> bool:
    """Whether a skops file says anything of pandas: which type it needs, or gives out."""
    with zipfile.ZipFile(io.BytesIO(content)) as given:
        return "schema.json" not in given.namelist() or b"pandas" in given.read("schema.json")


def _cut_off() -> bool:
    """Leave the network where the system allows it; in any case refuse to connect from Python."""
    sys.addaudithook(_refuse_to_connect)
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        return any(unshare(flags) == 0 for flags in _OWN_NETWORK)
    except (AttributeError, OSError):
        return False


def _refuse_to_connect(event: str, _: object) -> None:
    if event in _CONNECTING:
        raise PermissionError(f"a model's process has no network: {event}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
