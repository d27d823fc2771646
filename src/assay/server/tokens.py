"""Who may ask what: tokens with scopes, of which only digests are kept."""

from __future__ import annotations

import threading
import time

from assay.errors import AssayError
from assay.lifecycle.access_tokens import Scope, token_digest
from assay.ports.server_store import ServerStore, Token

__all__ = ["Forbidden", "Tokens", "Unknown"]

_FRESH = 1.0
"""Seconds for which the list of tokens is used without a look at the store."""


class Unknown(AssayError):
    """No token was given, or one that opens nothing."""


class Forbidden(AssayError):
    """The token does not open this."""


class Tokens:
    """The tokens of a store, looked up by their digest; a revoked one opens nothing a second on."""

    def __init__(self, store: ServerStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, Token] = {}
        self._read_at = float("-inf")

    def holder(self, authorization: bytes) -> Token:
        """Return the token of an `Authorization: Bearer` header; Unknown where none holds.

        Reads the store at most once a second.
        """
        if self.stale:
            self.read()
        return self.known(authorization)

    @property
    def stale(self) -> bool:
        """Whether the store should be looked at again."""
        return time.monotonic() - self._read_at > _FRESH

    def read(self) -> None:
        """Look at the store."""
        with self._lock:
            if self.stale:
                self._known = {one.digest: one for one in self._store.tokens()}
                self._read_at = time.monotonic()

    def forget(self) -> None:
        """Look at the store before the next answer."""
        self._read_at = float("-inf")

    def known(self, authorization: bytes) -> Token:
        """Return the token of a header among those read last; Unknown where none holds."""
        kind, _, secret = authorization.partition(b" ")
        found = None
        if kind.lower() == b"bearer":
            found = self._known.get(token_digest(secret.strip()))
        if found is None:
            raise Unknown(
                "This needs a token that holds: send it as `Authorization: Bearer TOKEN`. Whoever "
                "runs the server makes one with `assay server token add`."
            )
        return found

    @staticmethod
    def demand(token: Token, *scopes: Scope) -> None:
        """Refuse a token that has none of these scopes; Forbidden."""
        if "admin" not in token.scopes and not set(scopes) & set(token.scopes):
            raise Forbidden(
                f"The token {token.name!r} opens {', '.join(token.scopes)}; this needs "
                f"{' or '.join(scopes)}."
            )
