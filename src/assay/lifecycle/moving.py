"""Which registered version's policy is moved, brought together from ledger and blobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.build.built import Permitted
from assay.build.judged_rows import JudgedRows
from assay.build.packaged import Packaged
from assay.build.parity import Engines
from assay.build.policy_move import PolicyMove, TableOf, move_policy
from assay.build.search import Progress
from assay.charter.charter import Charter
from assay.deploy.fetch import fetch_bundle
from assay.evidence.folds import Permission
from assay.lifecycle.approval import evidence_of, version_state
from assay.lifecycle.leave import allowed
from assay.lifecycle.making import Registered
from assay.ports.ports import Ports

__all__ = ["Moved", "move_version", "read_version"]


@dataclass(frozen=True)
class Moved:
    """What became of a version's policy: a move and its new version, or neither.

    Both are None where the version has the charter's policy already.
    """

    version: int
    move: PolicyMove | None
    registered: Registered | None


def move_version(
    charter: Charter,
    ports: Ports,
    version: int | None,
    table: TableOf,
    *,
    engines: Engines,
    progress: Progress | None = None,
) -> tuple[int, PolicyMove | None]:
    """Move the policy of a registered version, the newest where none is named; nothing is written.

    Returns the version's number with the move, None where it has the charter's policy already.
    Raises InputError where no such version is there, and what `move_policy` raises.
    """
    packaged = read_version(charter, ports, version)
    move = move_policy(charter, packaged, table, engines=engines, progress=progress)
    return packaged.version, move


def read_version(charter: Charter, ports: Ports, version: int | None = None) -> Packaged:
    """Return a registered version's bundle with what its evidence says, the newest by default."""
    state = version_state(ports.ledger, charter, version)
    found = [one for one in evidence_of(ports.blobs, state) if one.kind == "evaluation"]
    evaluation: Mapping[str, Any] = found[-1].content if found else {}
    kept = evaluation.get("judged_rows")
    judged = None
    if kept is not None and ports.blobs.has(kept["digest"]):
        judged = JudgedRows.read(kept, ports.blobs.get(kept["digest"]))
    bundle = fetch_bundle(ports.blobs, state.bundle)
    packaged = Packaged.read(state.version, bundle, evaluation, judged)
    return replace(packaged, permitted=tuple(_permitted(one) for one in allowed(state)))


def _permitted(one: Permission) -> Permitted:
    return Permitted(one.what, one.why, one.by)
