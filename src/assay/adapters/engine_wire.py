"""What a gateway and the process that runs a model say to each other, over a pair of sockets."""

from __future__ import annotations

import socket
import struct
from typing import Any

import msgspec
import numpy as np

from assay.evidence.bundle import Input
from assay.ports.engine import Floats

__all__ = ["Ask", "Load", "Message", "Ready", "Refused", "Scores", "receive", "send"]

_LENGTH = struct.Struct("<Q")
_LONGEST = 4 << 30


class Load(msgspec.Struct, tag="load", array_like=True, frozen=True):
    """A model's bytes, whose digest was checked, the columns it takes, and the leave for code."""

    content: bytes
    inputs: tuple[Input, ...]
    code: bool


class Ready(msgspec.Struct, tag="ready", array_like=True, frozen=True):
    """The model is loaded; `cut_off` says whether the system gave the process no network."""

    cut_off: bool


class Ask(msgspec.Struct, tag="ask", array_like=True, frozen=True):
    """n rows of the columns that the model reads, in its order.

    `numbers` are float32, one column after the other; `texts` one list for each category.
    """

    rows: int
    numbers: bytes
    texts: tuple[list[str], ...]


class Scores(msgspec.Struct, tag="scores", array_like=True, frozen=True):
    """Raw scores as float64, (n,) or (n, K)."""

    shape: tuple[int, ...]
    content: bytes

    @classmethod
    def of(cls, scores: Floats) -> Scores:
        """Return an array as it travels."""
        return cls(scores.shape, np.ascontiguousarray(scores, dtype=np.float64).tobytes())

    def array(self) -> Floats:
        """Return the array that travelled."""
        return np.frombuffer(self.content, dtype=np.float64).reshape(self.shape)


class Refused(msgspec.Struct, tag="refused", array_like=True, frozen=True):
    """The model cannot be loaded (`model`), or cannot score these rows (`data`), and why."""

    what: str
    why: str


Message = Load | Ready | Ask | Scores | Refused

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Message)


def send(channel: socket.socket, message: Message) -> None:
    """Send one message: its length in eight bytes, then itself."""
    body = _encoder.encode(message)
    channel.sendall(_LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> Message:
    """Return the next message; EOFError where the other side is gone."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    if length > _LONGEST:
        raise EOFError("the other side sends nonsense")
    message: Message = _decoder.decode(_exactly(channel, length))
    return message


def _exactly(channel: socket.socket, length: int) -> bytearray:
    content = bytearray(length)
    view, got = memoryview(content), 0
    while got < length:
        count = channel.recv_into(view[got:])
        if not count:
            raise EOFError("the other side is gone")
        got += count
    return content
