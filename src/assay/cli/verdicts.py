"""How checks, verdicts and estimates look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.cli.output import say, table

if TYPE_CHECKING:
    from assay.evidence.evidence import Check
    from assay.evidence.gate import Verdict
    from assay.stats.estimate import Estimate

__all__ = ["estimate_document", "estimate_text", "print_checks", "print_verdict"]


def estimate_text(estimate: Estimate | None) -> str:
    """Write an estimate with its interval, or that it is not known, or not identified."""
    if estimate is None:
        return "not known"
    from assay.value.identification import is_marked

    return f"{estimate!r} (not identified)" if is_marked(estimate) else repr(estimate)


def estimate_document(estimate: Estimate | None) -> Mapping[str, Any] | None:
    """Write an estimate as a JSON document."""
    return None if estimate is None else dict(vars(estimate))


def print_checks(checks: Sequence[Check]) -> None:
    """Print each check with what was measured, its limit and the verdict."""
    rows = [
        (
            check.name,
            "-" if check.measured is None else f"{check.measured:,.4g}",
            check.limit,
            "holds" if check.passed else "FAILS" if check.severity == "block" else "warning",
        )
        for check in checks
    ]
    if rows:
        table("", ("check", "measured", "limit", "verdict"), rows)
    for check in checks:
        if check.note and not check.passed:
            say(f"  {check.name}: {check.note}")


def print_verdict(subject: str, verdict: Verdict) -> None:
    """Print whether the gate is open, and every reason where it is not."""
    if verdict.open:
        say(f"The gate for {subject} is open.", style="bold green")
        lines = verdict.waived
    else:
        say(f"The gate for {subject} is closed:", style="bold red")
        lines = verdict.reasons
    for line in (*lines, *verdict.notes):
        say(f"  - {line}")
