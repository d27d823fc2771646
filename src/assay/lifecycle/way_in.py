"""Whether a version has come the way that its environment asks for."""

from __future__ import annotations

from datetime import datetime, timedelta

from assay.charter.charter import Charter
from assay.charter.delay import rows_or_time
from assay.errors import CheckFailed
from assay.evidence.folds import Recorded, ReleaseState
from assay.lifecycle.approval import version_state
from assay.ports.ledger import Ledger

__all__ = ["compared_in", "demand_stood", "demand_way_in"]


def demand_way_in(
    ledger: Ledger, charter: Charter, version: int, now: datetime, before: ReleaseState | None
) -> None:
    """Raise CheckFailed where a version may not enter the charter's environment yet.

    It must have been champion in the environment that comes `before` for its `soak`, without a
    break, and must not have been taken back there. Where the environment trains the recipe anew,
    the version must be one that was trained there, with evidence that it is worth the same, and the
    one that it was made from must have stood before.
    """
    place, inside = charter.place, charter.environment
    if place.promotion == "retrain":
        shown = compared_in(ledger, charter, version)
        if shown is None or shown.compared is None:
            raise CheckFailed(
                f"Version {version} was not trained for {inside}, where the charter has the same "
                f"recipe trained anew (`environments.{inside}.promotion`). Run `assay release . "
                f"--environment {inside} --version N` with the version that is to be made again."
            )
        if not (shown.passed or place.gate):
            raise CheckFailed(
                f"Version {version} is not surely worth the same as version {shown.compared}, from "
                f"which it was made: see its equivalence evidence {shown.digest[:12]}."
            )
        version = shown.compared
    if before is not None:
        demand_stood(charter, before, version, now)


def compared_in(ledger: Ledger, charter: Charter, version: int) -> Recorded | None:
    """Return the newest evidence that compares a version, trained here, with its original."""
    found = [
        one
        for one in version_state(ledger, charter, version).evidence
        if one.kind == "equivalence" and one.environment == charter.environment
    ]
    return found[-1] if found else None


def demand_stood(charter: Charter, before: ReleaseState, version: int, now: datetime) -> None:
    """Raise CheckFailed where a version was not champion `before` for as long as is asked for."""
    place, name = charter.place, before.environment
    if all(step.champion != version for step in before.history):
        raise CheckFailed(
            f"Version {version} of {charter.name} has not been champion in {name} yet, which comes "
            f"before {charter.environment}. Run `assay release . --environment {name} --version "
            f"{version}` first."
        )
    taken = before.taken_back(version)
    if taken is not None:
        raise CheckFailed(
            f"Version {version} of {charter.name} was taken back in {name} "
            f"({taken.reason or taken.what.replace('_', ' ')}), which comes before "
            f"{charter.environment}. Release it in {name} again, or another version."
        )
    soak = rows_or_time(place.soak, charter)
    least = soak if isinstance(soak, timedelta) else timedelta(0)
    stood = before.stood(version, now)
    if stood < least:
        raise CheckFailed(
            f"Version {version} of {charter.name} has been champion in {name} for "
            f"{_words(stood)}, and must have been for {place.soak} before it enters "
            f"{charter.environment}: wait another {_words(least - stood)}."
        )


def _words(span: timedelta) -> str:
    hours, rest = divmod(int(span.total_seconds()), 3600)
    if hours >= 48:
        return f"{hours // 24} days {hours % 24} h"
    return f"{hours} h {rest // 60} min"
