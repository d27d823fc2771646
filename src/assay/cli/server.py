"""`assay server`: the control plane over workspaces, and the tokens that open it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from assay.cli.output import Json, say, show, table

__all__ = ["add", "list_tokens", "revoke", "run", "server"]

Directories = Annotated[
    list[Path] | None, typer.Argument(help="The directories that hold a charter.yaml each.")
]
Database = Annotated[
    str | None,
    typer.Option(
        help="Keep ledgers and tables in this PostgreSQL: `postgresql://user@host/assay`. Its "
        "password comes from PGPASSWORD or ~/.pgpass."
    ),
]
Beside = Annotated[Path, typer.Argument(help="The first of the server's directories.")]


class _RunByDefault(TyperGroup):
    """`assay server DIR...` is `assay server run DIR...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if args and args[0] in known else ["run", *args])


server = typer.Typer(
    cls=_RunByDefault, add_completion=False, rich_markup_mode="markdown", help="The control plane."
)
token = typer.Typer(help="Make, list and revoke the tokens that open the server.")
server.add_typer(token, name="token")


@server.command("run")
def run(
    directories: Directories = None,
    database: Database = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8081,
) -> None:
    """Offer everything that is done with use cases over HTTP, and bring releases on, until stopped.

    Gateways and agents elsewhere follow it; those of this machine need only the directory. With a
    database the ledgers are moved into it, and several servers may run: one of them acts, and
    another takes over when it is gone.
    """
    command = [sys.executable, "-m", "assay.server", *map(str, directories or [Path()])]
    command += ["--host", host, "--port", str(port)]
    command += [] if database is None else ["--database", database]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - our own program, in this one's place


@token.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the token is called.")],
    directory: Beside = Path(),
    scope: Annotated[
        list[str],
        typer.Option(help="read, build, sign, release, serve, agent or admin; once for each."),
    ] = ...,  # type: ignore[assignment]
    person: Annotated[
        str, typer.Option(help="Whose token it is, as the charters have the name.")
    ] = "",
    database: Database = None,
    json: Json = False,
) -> None:
    """Make a token and show its secret, this once: only a digest of it is kept."""
    from datetime import UTC, datetime

    from assay.adapters.sql_server_store import server_store_of
    from assay.lifecycle.access_tokens import made_token
    from assay.workspace.root import STATE

    secret, made = made_token(name, scope, person, datetime.now(UTC))
    store = server_store_of(directory / STATE, database)
    store.add_token(made)
    store.close()
    unknown = _unknown(directory, made.person)

    def text() -> None:
        say(secret)
        whose = f" It is {made.person}'s." if made.person else ""
        say(f"This is shown once. It opens {', '.join(made.scopes)}.{whose}")
        if unknown:
            say(unknown, style="red")

    document = {"name": made.name, "scopes": list(made.scopes), "person": made.person}
    warned = {"warning": unknown} if unknown else {}
    show({**document, **warned, "secret": secret}, text, json=json)


def _unknown(directory: Path, person: str) -> str:
    """Say that a directory's charter does not name a person, who then signs nothing there."""
    from assay.charter.people import Role
    from assay.evidence.sign_off import same_person
    from assay.workspace import Workspace

    if not person or not (directory / "charter.yaml").exists():
        return ""
    people = Workspace(directory).charter.people
    named = dict.fromkeys(one for role in Role for one in people.holders(role))
    if people.solo or any(same_person(person, one) for one in named):
        return ""
    return (
        f"The charter of {directory} does not name {person}, so that this token signs nothing "
        f"there. It names {', '.join(named)}: revoke the token and name one of them, or add "
        f"{person} to `people`."
    )


@token.command("list")
def list_tokens(directory: Beside = Path(), database: Database = None, json: Json = False) -> None:
    """List the tokens; their secrets are nowhere."""
    from assay.adapters.sql_server_store import server_store_of
    from assay.workspace.root import STATE

    store = server_store_of(directory / STATE, database)
    found = store.tokens()
    store.close()
    rows = [
        (one.name, " ".join(one.scopes), one.person or "-", f"{one.made_at:%Y-%m-%d %H:%M}")
        for one in found
    ]
    document = {
        "tokens": [
            {
                "name": one.name,
                "scopes": list(one.scopes),
                "person": one.person,
                "made_at": one.made_at.isoformat(),
            }
            for one in found
        ]
    }
    show(document, lambda: table("Tokens", ("name", "opens", "whose", "made"), rows), json=json)


@token.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    directory: Beside = Path(),
    database: Database = None,
    json: Json = False,
) -> None:
    """Let a token open nothing any more, within a second."""
    from assay.adapters.sql_server_store import server_store_of
    from assay.errors import InputError
    from assay.workspace.root import STATE

    store = server_store_of(directory / STATE, database)
    there = store.remove_token(name)
    store.close()
    if not there:
        raise InputError(f"There is no token {name!r}. `assay server token list` names them.")
    show({"revoked": name}, lambda: say(f"The token {name} opens nothing any more."), json=json)
