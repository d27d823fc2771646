"""The root of the command line: names every command, loads the one that is called.

Exit codes: 0 yes, 1 a gate or check says no, 2 the input is wrong, 3 the world is broken.
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from assay.cli.output import fail
from assay.errors import AssayError, InputError, did_you_mean

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "new": "assay.cli.new",
    "check": "assay.cli.check",
    "build": "assay.cli.build",
    "submit": "assay.cli.submit",
    "policy": "assay.cli.policy",
    "gate": "assay.cli.gate",
    "sign": "assay.cli.sign",
    "waive": "assay.cli.sign",
    "release": "assay.cli.release",
    "up": "assay.cli.up",
    "server": "assay.cli.server",
    "score": "assay.cli.score",
    "stream": "assay.cli.stream",
    "export": "assay.cli.export",
    "keys": "assay.cli.keys",
    "captures": "assay.cli.captures",
    "outcomes": "assay.cli.outcomes",
    "monitor": "assay.cli.monitor",
    "sweep": "assay.cli.sweep",
    "respond": "assay.cli.respond",
    "alerts": "assay.cli.alerts",
    "triage": "assay.cli.triage",
    "profile": "assay.cli.profile",
    "value": "assay.cli.value",
    "status": "assay.cli.status",
    "replay": "assay.cli.replay",
    "report": "assay.cli.report",
    "audit": "assay.cli.audit",
    "schema": "assay.cli.schema",
    "demo": "assay.cli.demo",
}
"""Each command by name, in the order of a model's life, and the module that holds it."""

_STOPPED = 130
"""128 and the number of the signal that Ctrl-C sends, as shells count it."""


class _CommandsByName(TyperGroup):
    """Loads a command's module when it is asked for; the modules themselves are light."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the framework's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            hint = did_you_mean(cmd_name, COMMANDS)
            raise InputError(
                f"There is no command `{cmd_name}`{'; ' + hint if hint else '.'} "
                "`assay --help` lists them all."
            )
        found = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        if isinstance(found, typer.Typer):
            command = typer.main.get_command(found)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
            single.command(cmd_name)(found)
            command = typer.main.get_command(single)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_CommandsByName,
    name="assay",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"assay {version('assay')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version."),
    ] = False,
) -> None:
    """Show what a model is really worth, in money, before it is built and every day after."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    debug, json = "--debug" in given, "--json" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        code = app(args=given, prog_name="assay", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    except Exception as error:  # noqa: BLE001 - the last net: a traceback only with --debug
        if debug:
            traceback.print_exc()
        fail(*_told(error), json=json)
    if code == _STOPPED:
        fail("stopped by hand", _STOPPED, json=json)
    raise SystemExit(code or 0)


def _told(error: Exception) -> tuple[str, int]:
    """Return what to say of an error, and the exit code."""
    if isinstance(error, AssayError):
        return str(error), error.exit_code
    # The command line's own errors have no public home that all versions of the framework share.
    if hasattr(error, "format_message") and hasattr(error, "ctx"):
        command = error.ctx.command_path if error.ctx else "assay"
        problem = error.format_message().rstrip(".") or "Name a command"
        return f"{problem}. See `{command} --help`.", 2
    own = f"This is a fault of Assay's own: {type(error).__name__}: {error}."
    return f"{own} Run the command again with --debug to see where, and report it.", 3
