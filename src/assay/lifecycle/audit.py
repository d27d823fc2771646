"""Whether the ledger holds together, and with what lies beside it."""

from __future__ import annotations

from collections.abc import Iterator

from assay.errors import LedgerBroken
from assay.evidence.folds import models
from assay.ports.ports import Ports

__all__ = ["audit"]

_LEAST_DIGITS = 16


def audit(ports: Ports, kept: str | None = None) -> int:
    """Return how many entries the ledger holds; raises LedgerBroken naming what is wrong.

    Beyond the chain itself, the ledger must know of what came after it: bundles and evidence are
    kept, predictions served and outcomes taken in under its entries. So a ledger that was removed
    together with its head, or replaced by a younger one, is found by what it left behind. `kept`
    is a last digest that somebody wrote down elsewhere (every report shows it), or its first 16
    characters or more: an entry with it must be there, since entries are only ever added.
    """
    count = ports.ledger.verify()
    trace = next(_left_behind(ports) if count == 0 else _unknown(ports), None)
    if trace is not None:
        raise LedgerBroken(
            f"The ledger has {count} entries, each bound to the one before, but {trace}. It "
            "was removed or replaced by another: restore the ledger and its head from a copy."
        )
    if kept is not None and not _has(ports, kept):
        raise LedgerBroken(
            f"No entry of the ledger has the digest {kept}, which was kept elsewhere: entries up "
            "to it were removed or written anew, together with the head. Restore a copy."
        )
    return count


def _has(ports: Ports, kept: str) -> bool:
    long_enough = len(kept) >= _LEAST_DIGITS
    return long_enough and any(one.digest.startswith(kept) for one in ports.ledger.events())


def _left_behind(ports: Ports) -> Iterator[str]:
    """Yield what is there that no empty ledger can have led to."""
    if not ports.blobs.empty():
        yield "there are bundles and evidence beside it"
    if next(iter(ports.captures.read()), None) is not None:
        yield "there are predictions beside it"
    if ports.outcomes.read().height:
        yield "there are outcomes beside it"


def _unknown(ports: Ports) -> Iterator[str]:
    """Yield what was served that no entry knows of."""
    known = {
        version.bundle
        for model in models(ports.ledger.events()).values()
        for version in model.registered
    }
    revisions: dict[str, int] = {}
    for record in ports.captures.read():
        model, revision = record["model"], record.get("revision") or 0
        if model not in revisions:
            revisions[model] = ports.ledger.revision(f"release:{model}")
        newest = revisions[model]
        made = f"prediction {record['id']} was made"
        if record["bundle"] not in known:
            yield f"{made} by bundle {record['bundle'][:12]}, which no entry registers"
        elif revision > newest:
            yield f"{made} under revision {revision} of {model}'s release, and it is at {newest}"
