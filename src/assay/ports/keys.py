"""Where the keys are kept by which callers are let in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import msgspec

__all__ = ["EVERY_MODEL", "SCOPES", "Key", "Keys", "Scope"]

Scope = Literal["infer", "outcomes", "metrics", "admin"]
"""What a key opens: predictions, outcomes, figures; `admin` opens everything."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

EVERY_MODEL = "*"


class Key(msgspec.Struct, frozen=True):
    """A key as it is kept: by its SHA-256, so that whoever reads the file cannot use it.

    The key itself, `assay_<id>_<secret>`, has 256 random bits and is shown once. `models` are
    names, or `*` for all.
    """

    id: str
    digest: str
    scopes: tuple[Scope, ...]
    models: tuple[str, ...] = (EVERY_MODEL,)
    note: str = ""
    created: str = ""


class Keys(Protocol):
    """The keys of one workspace."""

    def read(self) -> Sequence[Key] | None:
        """Return every key that holds; None where none was ever made.

        Once there was one, an empty list lets nobody in. Raises StoreError where they do not read.
        """
        ...

    def add(self, key: Key) -> None:
        """Keep a key durably."""
        ...

    def revoke(self, id_: str) -> bool:
        """Take a key away; False where there is none of that id."""
        ...
