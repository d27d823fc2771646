"""`assay keys`: who may ask the gateway, and for what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.output import Directory, Json, say, show, table

if TYPE_CHECKING:
    from assay.ports.keys import Keys

__all__ = ["add", "keys", "list_", "revoke"]

keys = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)

Scopes = Annotated[
    list[str],
    typer.Option("--scope", help="infer, outcomes, metrics or admin; may be given several times."),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="Only this model; may be given several times.")
]


@keys.callback()
def _group() -> None:
    """Make, list and revoke the keys by which callers are let in at the gateway.

    As soon as one was made, the gateway answers nobody without a key; it takes note of new and
    revoked keys within a second.
    """


@keys.command("add")
def add(
    directory: Directory = Path(),
    scope: Scopes = ["infer"],  # noqa: B006 - typer copies it
    model: Models = None,
    note: Annotated[str, typer.Option(help="Whom it is for.")] = "",
    json: Json = False,
) -> None:
    """Make a key and print it once; only its digest is kept."""
    from assay.adapters.system_clock import SystemClock
    from assay.ports.keys import EVERY_MODEL, Key

    store = _keys(directory)
    id_, secret, digest = _drawn()
    key = Key(
        id=id_,
        digest=digest,
        scopes=_scopes(scope),
        models=tuple(model or (EVERY_MODEL,)),
        note=note,
        created=SystemClock().now().isoformat(timespec="seconds"),
    )
    store.add(key)

    def text() -> None:
        say(secret)
        say("This is shown once: hand it over and keep it safe. Send it as `X-API-Key`.")

    show({"id": id_, "key": secret, "scopes": key.scopes, "models": key.models}, text, json=json)


@keys.command("list")
def list_(directory: Directory = Path(), json: Json = False) -> None:
    """List the keys that hold, by their ids; the keys themselves are kept nowhere."""
    kept = _keys(directory).read() or ()
    fields = ("id", "scopes", "models", "note", "created")
    rows: list[dict[str, Any]] = [{name: getattr(key, name) for name in fields} for key in kept]

    def text() -> None:
        if not rows:
            say("No key holds.")
            return
        lines = [[_plain(row[name]) for name in fields] for row in rows]
        table("", fields, lines)

    show({"keys": rows}, text, json=json)


@keys.command("revoke")
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as listed.")],
    directory: Directory = Path(),
    json: Json = False,
) -> None:
    """Take a key away; gateways let it in no more within a second."""
    from assay.errors import InputError

    store, path = _keys(directory), _path(directory)
    if not store.revoke(id_):
        raise InputError(f"There is no key {id_!r}; `assay keys list` shows those there are.")
    left = len(store.read() or ())

    def text() -> None:
        say(f"The key {id_} is revoked.")
        if not left:
            say(
                "It was the last one: nobody is let in until you add one with `assay keys add`. "
                "To let anybody in again, on this machine's own addresses, delete "
                f"{path}.",
                style="yellow",
            )

    show({"revoked": id_, "left": left}, text, json=json)


def _keys(directory: Path) -> Keys:
    from assay.adapters.file_keys import FileKeys
    from assay.workspace import Workspace

    _ = Workspace(directory).charter  # a folder without a charter is a slip of the pen
    return FileKeys(_path(directory))


def _path(directory: Path) -> Path:
    from assay.workspace import Workspace
    from assay.workspace.root import STATE

    return Workspace(directory).directory / STATE / "keys.json"


def _drawn() -> tuple[str, str, str]:
    """Return a fresh key's id, the key itself and its digest."""
    import hashlib
    import secrets

    id_ = secrets.token_hex(4)
    secret = f"assay_{id_}_{secrets.token_urlsafe(32)}"
    return id_, secret, hashlib.sha256(secret.encode()).hexdigest()


def _scopes(given: list[str]) -> tuple[Any, ...]:
    from assay.errors import InputError
    from assay.ports.keys import SCOPES

    strange = [scope for scope in given if scope not in SCOPES]
    if strange:
        raise InputError(f"There is no scope {strange[0]!r}; there are {', '.join(SCOPES)}.")
    return tuple(dict.fromkeys(given))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(value)
