"""Which arm of a release answers: a sticky, salted split by entity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

__all__ = ["in_control", "share_of", "split", "to_challenger"]

_WHOLE = 2**64


def share_of(salt: str, key: str) -> int:
    """Return a key's place on a ring of 2**64, uniform over keys and independent between salts.

    >>> share_of("release-1", "ana") == share_of("release-1", "ana")
    True
    """
    framed = f"{len(salt)}:{salt}{key}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "big")


def in_control(salt: str, key: str, share: float) -> bool:
    """Whether an entity belongs to the control, which gets the baseline's action for good.

    Its salt is not that of a release, so that neither a new release nor a step of one moves
    anybody in or out. Share 0 gets nobody; a growing share only adds entities.

    >>> in_control("control/bank", "ana", 0.0), in_control("control/bank", "ana", 1.0)
    (False, True)
    """
    return share_of(salt, key) < int(share * _WHOLE)


def to_challenger(salt: str, key: str, weight: float) -> bool:
    """Whether the challenger, with a weight from 0 to 1, answers for an entity.

    Weight 0 gets nobody and weight 1 everybody, exactly; a growing weight only adds entities, so
    that each stays on its arm.

    >>> to_challenger("release-1", "ana", 0.0), to_challenger("release-1", "ana", 1.0)
    (False, True)
    """
    return share_of(salt, key) < int(weight * _WHOLE)


def split(
    salt: str, keys: Sequence[str], rows: Sequence[int], share: float
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the rows whose keys stand within a share of the ring, and the others, each in order.

    It is what `share_of` says of each key: what all have alike is hashed once.

    >>> split("release-1", ["ana", "rui", "eva"], range(3), 0.5)
    ([2], [0, 1])
    """
    bound = int(share * _WHOLE)
    if bound <= 0:
        return (), rows
    if bound >= _WHOLE:
        return rows, ()
    least = bound.to_bytes(8, "big")  # bytes in this order compare as the numbers do
    begun = hashlib.blake2b(
        f"{len(salt)}:{salt}".encode(errors="surrogatepass"), digest_size=8
    ).copy
    within: list[int] = []
    beyond: list[int] = []
    for row in rows:
        place = begun()
        place.update(keys[row].encode(errors="surrogatepass"))
        (within if place.digest() < least else beyond).append(row)
    return within, beyond
