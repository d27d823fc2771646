"""The name of a prediction: the same for a request sent again, another for any other request."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from assay.gateway.protocol import InferRequest

__all__ = ["request_name"]


def request_name(request: InferRequest, fresh: str, version: int | None = None) -> str:
    """Return the name that the predictions of a request share; row i has the id `<name>/i`.

    It is `fresh` where the request does not name itself. A client's own id gets a digest of what
    was asked after it: inputs, entities and the version asked for. So a request that is sent again
    keeps its name and counts once, and one that asks something else under a used id is lost to
    nobody: it has a name of its own. SHA-256, cut to 64 bits.

    >>> from assay.gateway.protocol import decode_request
    >>> column = b'{"name": "x", "shape": [1], "datatype": "FP64", "data": [%d]}'
    >>> asked = [decode_request(b'{"id": "a", "inputs": [' + column % n + b"]}") for n in (1, 1, 2)]
    >>> once, again, other = (request_name(request, "-") for request in asked)
    >>> once == again, once == other, once.rpartition("-")[0]
    (True, False, 'a')
    """
    if request.id is None:
        return fresh
    tensors = [request.tensors[name] for name in sorted(request.tensors)]
    digest = hashlib.sha256(_bytes((tensors, request.entities, version))).hexdigest()
    return f"{request.id}-{digest[:16]}"


def _bytes(asked: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(asked)
    except (OverflowError, UnicodeError):
        # JSON has whole numbers of any size and halves of characters, MessagePack has not.
        return repr(asked).encode(errors="surrogatepass")
