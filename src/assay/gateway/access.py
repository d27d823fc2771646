"""Who may ask what: keys with scopes, and no open door on an address that others can reach."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from assay.errors import InputError, StoreError
from assay.gateway.http_message import Request
from assay.gateway.refusal import Refusal
from assay.ports.keys import EVERY_MODEL, Key, Keys, Scope

__all__ = ["Access", "Caller", "demand_keys"]

_LOG: Any = structlog.get_logger("assay.gateway")
_PREFIX = "assay_"
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="assay"'),)


@dataclass(frozen=True)
class Caller:
    """Who asks; `name` is what its requests are counted under.

    A key opens the models of its own workspace (`home`) alone. Without a key everything is open.
    """

    name: str
    key: Key | None = None
    home: str = ""

    def may(self, scope: Scope, model: str | None = None, home: str | None = None) -> bool:
        """Whether the caller may do this, with a model of a workspace where it is about one.

        >>> key = Key("a", "", ("infer",), ("bank",))
        >>> caller = Caller("a", key, "w")
        >>> caller.may("infer", "bank", "w"), caller.may("infer", "other", "w")
        (True, False)
        >>> caller.may("infer", "bank", "elsewhere"), caller.may("metrics")
        (False, False)
        """
        key = self.key
        if key is None:
            return True
        if scope not in key.scopes and "admin" not in key.scopes:
            return False
        if model is None:
            return True
        return home == self.home and (EVERY_MODEL in key.models or model in key.models)


class Access:
    """Lets callers in by the keys of the workspaces that a gateway serves.

    Where no workspace ever had a key everything is open; from the first key on, nothing is open
    without one, in any workspace.
    """

    def __init__(self, homes: Mapping[str, Keys]) -> None:
        self._homes = homes
        self._keys: dict[str, tuple[str, Key]] = {}
        self._complaint = ""
        self.closed = False
        self.refresh()

    def refresh(self) -> None:
        """Look whether keys were made or revoked; where they do not read, those from before hold.

        A gateway that never could read them lets nobody in.
        """
        try:
            read = {home: keys.read() for home, keys in self._homes.items()}
        except StoreError as error:
            self.closed = True
            if str(error) != self._complaint:
                self._complaint = str(error)
                _LOG.error("keys cannot be read; those from before hold", error=str(error))
            return
        self._complaint = ""
        self._keys = {key.id: (home, key) for home, keys in read.items() for key in keys or ()}
        self.closed = any(keys is not None for keys in read.values())

    def caller(self, request: Request) -> Caller:
        """Return who asks; Refusal (401) where a key is needed and none that holds was sent."""
        if not self.closed:
            return Caller(request.peer)
        given = _given(request.headers)
        if given is None:
            raise Refusal(
                401,
                "This gateway needs a key: send it as `Authorization: Bearer KEY` or as "
                "`X-API-Key: KEY`. Whoever runs it makes one with `assay keys add`.",
                _CHALLENGE,
            )
        id_ = given.removeprefix(_PREFIX).partition("_")[0]
        home, key = self._keys.get(id_, ("", _NOBODY))
        digest = hashlib.sha256(given.encode(errors="surrogateescape")).hexdigest()
        if not hmac.compare_digest(digest, key.digest) or key is _NOBODY:
            raise Refusal(401, "This key does not hold: it is wrong or revoked.", _CHALLENGE)
        return Caller(key.id, key, home)

    def demand(
        self, request: Request, scope: Scope, model: str | None = None, home: str | None = None
    ) -> Caller:
        """Return who asks; Refusal 401 without a key that holds, 403 where it does not open this.

        >>> Access({}).demand(Request("GET", "/metrics", "", {}, b"", peer="::1"), "metrics").key
        """
        caller = self.caller(request)
        if not caller.may(scope, model, home):
            what = "" if model is None else f" for the model {model[:100]!r}"
            raise Refusal(403, f"Your key does not open `{scope}`{what}; ask for one that does.")
        return caller


_NOBODY = Key("", "0" * 64, ())


def demand_keys(host: str, access: Access, *, opened: bool) -> None:
    """Refuse to listen where others can reach the gateway and anybody could ask; InputError.

    >>> demand_keys("127.0.0.1", Access({}), opened=False)
    """
    if access.closed or opened or _is_loopback(host):
        return
    raise InputError(
        f"The gateway would listen on {host}, where other machines can reach it, and no key was "
        "ever made: anybody could ask for predictions and send outcomes. Make a key with `assay "
        "keys add DIR --scope infer`, listen on 127.0.0.1, or say --open where something "
        "in front of the gateway lets in only who may."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _given(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key that a request brings."""
    bearer = headers.get(b"authorization", b"")
    if bearer[:7].lower() == b"bearer ":
        return bearer[7:].strip().decode(errors="surrogateescape")
    key = headers.get(b"x-api-key")
    return None if key is None else key.strip().decode(errors="surrogateescape")
