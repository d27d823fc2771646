"""`assay sign` and `assay waive`: people put their names to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.output import Directory, Json, say, show

__all__ = ["sign", "waive"]

Person = Annotated[str, typer.Option("--as", help="Your name, as the charter has it.")]
RoleName = Annotated[str, typer.Option("--role", help="The role you sign in.")]
Version = Annotated[int | None, typer.Option(help="The version; the newest.")]


def sign(
    directory: Directory = Path(),
    person: Person = ...,  # type: ignore[assignment]
    role: RoleName = ...,  # type: ignore[assignment]
    version: Version = None,
    note: Annotated[str, typer.Option(help="What you want remembered.")] = "",
    json: Json = False,
) -> None:
    """Sign one version in one role; the sign-off is void when the version changes."""
    from assay.workspace import Workspace

    candidate, signed = Workspace(directory).sign(person, role, version=version, note=note)
    show(
        {"version": candidate.version, **signed.document()},
        lambda: say(
            f"{signed.person} signed {candidate.subject} as {signed.role.value.replace('_', ' ')} "
            f"(digest {signed.subject_digest[:16]})."
        ),
        json=json,
    )


def waive(
    directory: Directory = Path(),
    check: Annotated[
        str, typer.Option(help="The failed check to waive: `roc_auc`, or `quality: leak`.")
    ] = ...,  # type: ignore[assignment]
    person: Person = ...,  # type: ignore[assignment]
    role: RoleName = ...,  # type: ignore[assignment]
    reason: Annotated[str, typer.Option(help="Why; everybody will read it.")] = ...,  # type: ignore[assignment]
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it stands.")] = 30,
    version: Version = None,
    json: Json = False,
) -> None:
    """Let one failed check pass for a time, in your name and with a reason."""
    from assay.workspace import Workspace

    candidate, waiver = Workspace(directory).waive(
        check, person, role, reason=reason, days=days, version=version
    )
    show(
        {"version": candidate.version, **waiver.document()},
        lambda: say(
            f"{person} waived {waiver.named} for {candidate.subject} for {days} days: {reason}."
        ),
        json=json,
    )
