"""What is recorded of a request that was answered with an error, as far as it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.deploy.answering import PINNED
from assay.deploy.desired import Desired
from assay.deploy.serving import Serving

__all__ = ["failure", "on_arm", "on_version"]


def failure(desired: Desired, status: int, at: str, seconds: float) -> dict[str, Any]:
    """Return the record of a failure under a state; `seconds` is what the answer took."""
    return {
        "failed": True,
        "model": desired.model,
        "status": status,
        "at": at,
        "latency_ms": round(seconds * 1000, 3),
        "revision": desired.revision,
    }


def on_arm(
    serving: Serving, pinned: int | None, ids: Sequence[str], entities: Sequence[str] | None
) -> dict[str, Any]:
    """Return arm, version and entity of a request, each where all of its rows have it alike.

    The arm is the one that the rows are dealt out to, whatever broke: so failures are as much by
    chance as answers are. Nothing is known of a request that did not read.
    """
    known: dict[str, Any] = {}
    if pinned is not None:
        known = {"arm": PINNED, "version": serving.arms[pinned].arm.version}
    elif len(found := {serving.index_for(key) for key in entities or ids}) == 1:
        arm = serving.answering[found.pop()].arm
        known = {"arm": arm.name, "version": arm.version}
    if entities and len(set(entities)) == 1:
        known["entity"] = entities[0]
    return known


def on_version(desired: Desired, version: str | None) -> dict[str, Any]:
    """Return arm and version of a request that asked for a version of this state."""
    served = (arm.version for arm in desired.arms if str(arm.version) == version)
    return {"arm": PINNED, "version": found} if (found := next(served, None)) is not None else {}
