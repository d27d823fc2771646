"""What `build` and `submit` say about a version that was just registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assay.cli.output import say
from assay.cli.verdicts import estimate_document, estimate_text, print_checks

if TYPE_CHECKING:
    from assay.charter.charter import Charter
    from assay.lifecycle.making import Registered

__all__ = ["print_registered", "registered_document"]


def registered_document(registered: Registered) -> Mapping[str, Any]:
    """Return the version, its worth and its checks as a JSON document."""
    return {
        "model": registered.model,
        "version": registered.version,
        "bundle": registered.candidate.bundle,
        "uplift_per_month": estimate_document(registered.uplift_per_month),
        "checks": [check.document() for check in registered.checks],
    }


def print_registered(charter: Charter, registered: Registered) -> None:
    """Print what the version is worth, what was checked, and what to do next."""
    say(f"{registered.model} version {registered.version}", style="bold")
    worth = estimate_text(registered.uplift_per_month)
    say(f"  worth {worth} against `{charter.value.baseline}`, on {registered.built.measured_on}")
    for line in registered.built.words:
        say(f"  {line}")
    print_checks(registered.checks)
    pieces = len(registered.built.evidence)
    say(f"bundle {registered.candidate.bundle[:16]}, registered with {pieces} pieces of evidence")
    say("Next: `assay report` to see it, `assay gate` to see what is missing before it goes live.")
