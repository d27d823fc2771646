"""Tokens that open a server: what they may open, and how one is made."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from assay.errors import InputError, did_you_mean
from assay.ports.server_store import Token

__all__ = ["SCOPES", "Scope", "made_token", "token_digest"]

Scope = Literal["read", "build", "sign", "release", "serve", "agent", "admin"]
"""What a token opens.

`read`: everything that can be looked at. `build`: blobs, and charters with `release`. `sign`:
sign-offs and waivers of the token's person. `release`: steps of releases, alerts. `serve`:
captures, outcomes. `agent`: to follow the desired state and load bundles. `admin`: all of it, and
the tokens.
"""

SCOPES: tuple[Scope, ...] = get_args(Scope)


def made_token(name: str, scopes: Sequence[str], person: str, at: datetime) -> tuple[str, Token]:
    """Return a new secret, and what is kept of it.

    Raises InputError where a scope is not known, or a token that is nobody's is to `sign`.

    The secret holds 256 random bits, so that one round of SHA-256 keeps it: there is nothing to
    guess that a slow digest would protect.
    """
    for one in scopes:
        if one not in SCOPES:
            raise InputError(
                f"There is no scope {one!r}: {did_you_mean(one, SCOPES) or ', '.join(SCOPES)}."
            )
    if not scopes or not name.strip() or not name.isprintable():
        raise InputError("A token needs a name and at least one scope.")
    secret = f"assay_{secrets.token_urlsafe(32)}"
    if "sign" in scopes and not person.strip():
        raise InputError(
            f"The token {name!r} is to open `sign` and is nobody's: only a person signs, each for "
            "themselves. Name whose it is (`--person`), as the charter has the name."
        )
    chosen = tuple(one for one in SCOPES if one in scopes)
    return secret, Token(name.strip(), token_digest(secret.encode()), chosen, person.strip(), at)


def token_digest(secret: bytes) -> str:
    """Return what is kept of a secret.

    >>> token_digest(b"assay_x")[:8]
    'f5f2d989'
    """
    return hashlib.sha256(secret).hexdigest()
