"""A server's parts together, and who calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from assay.lifecycle.access_tokens import Scope
from assay.ports.server_store import ServerStore, Token
from assay.server.acknowledging import Acknowledging
from assay.server.estate import Estate
from assay.server.fleet import Fleet
from assay.server.reconciling import Reconciling
from assay.server.tokens import Forbidden, Tokens
from assay.server.watch import Watch

__all__ = ["Call", "Control", "needs"]

_BEARER = HTTPBearer(auto_error=False, description="A token of `assay server token add`.")


@dataclass(frozen=True)
class Control:
    """Everything that the routes work with."""

    estate: Estate
    store: ServerStore
    tokens: Tokens
    fleet: Fleet
    acknowledging: Acknowledging
    watch: Watch
    reconciling: Reconciling


@dataclass(frozen=True)
class Call:
    """One call: the server's parts, and the token that was sent."""

    control: Control
    token: Token

    @property
    def by(self) -> str:
        """Who is written down for what is done: the token's person, or the token."""
        return self.token.person or self.user

    @property
    def user(self) -> str:
        """The token, as entries name it."""
        return f"token {self.token.name}"

    @property
    def person(self) -> str:
        """Whose token it is; Forbidden where it is a machine's."""
        if not self.token.person:
            raise Forbidden(
                f"The token {self.token.name!r} is nobody's: only a person signs, each for "
                "themselves. Make one with `--person`."
            )
        return self.token.person


def needs(*scopes: Scope) -> Callable[..., Call]:
    """Return what lets a call in whose token has one of the scopes."""

    def call(request: Request, _: object = Security(_BEARER)) -> Call:
        control: Control = request.app.state.control
        token = control.tokens.holder(request.headers.get("authorization", "").encode())
        control.tokens.demand(token, *scopes)
        return Call(control, token)

    return call
