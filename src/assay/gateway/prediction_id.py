"""The name of a prediction: the same for a request sent again, another for any other request."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec

from assay.gateway.protocol import Body

__all__ = ["drawn_key", "fresh_names", "request_name"]

_PURPOSE = b"prediction id"
"""Keeps these digests apart from all others that are made under the same key."""


@cache
def drawn_key() -> bytes:
    """Return a key of this process alone, for places that have none which lasts.

    >>> drawn_key() == drawn_key(), len(drawn_key())
    (True, 32)
    """
    return os.urandom(32)


def fresh_names() -> Callable[[], str]:
    """Return what makes names that no other request of any gateway has.

    A name is 96 bits drawn once for each process, and a count.

    >>> fresh, other = fresh_names(), fresh_names()
    >>> len({fresh(), fresh(), other()})
    3
    """
    drawn, count = os.urandom(12).hex(), itertools.count(1)
    return lambda: f"{drawn}-{next(count):x}"


def request_name(
    body: Body,
    entities: Sequence[str] | None,
    fresh: Callable[[], str],
    key: Callable[[], bytes] = drawn_key,
    version: int | None = None,
) -> str:
    """Return the name that the predictions of a request share; row i has the id `<name>/i`.

    It is a `fresh` one where the request does not name itself. A client's own id gets a digest of
    what was asked after it: inputs, entities and the version asked for. So a request that is sent
    again keeps its name and counts once, and one that asks something else under a used id is lost
    to nobody: it has a name of its own. The digest is BLAKE2b of 64 bits under the installation's
    `key`: captures keep it, and whoever has no key cannot try out what was asked.

    >>> from assay.gateway.protocol import decode_body
    >>> column = b'{"name": "x", "shape": [1], "datatype": "FP64", "data": [%d]}'
    >>> asked = [decode_body(b'{"id": "a", "inputs": [' + column % n + b"]}") for n in (1, 1, 2)]
    >>> once, again, other = (request_name(body, None, fresh_names()) for body in asked)
    >>> once == again, once == other, once.rpartition("-")[0]
    (True, False, 'a')
    """
    if not body.id:
        return fresh()
    tensors = sorted(body.inputs, key=lambda tensor: tensor.name)
    asked = _bytes((tensors, entities, version))
    digest = hashlib.blake2b(asked, key=key(), digest_size=8, person=_PURPOSE)
    return f"{body.id}-{digest.hexdigest()}"


def _bytes(asked: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(asked)
    except (OverflowError, UnicodeError):
        # JSON has whole numbers of any size and halves of characters, MessagePack has not.
        return repr(asked).encode(errors="surrogatepass")
