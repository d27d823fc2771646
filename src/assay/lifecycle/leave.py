"""Which bundles may run code that nobody could audit: what people allowed on the ledger."""

from __future__ import annotations

import json

from assay.charter.charter import Charter
from assay.deploy.settings import Whose
from assay.evidence.folds import Permission, ReleaseState, VersionState, models
from assay.lifecycle.approval import model_state
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger

__all__ = ["allowed", "bundles_with_leave", "files_with_leave"]


def allowed(state: VersionState) -> tuple[Permission, ...]:
    """Return what people allowed for a version as it is registered.

    A permission from before its registration was for a model that never became a version.
    """
    since = state.registered_at
    return () if since is None else tuple(one for one in state.permissions if one.at >= since)


def bundles_with_leave(ledger: Ledger, whose: Whose, state: ReleaseState) -> frozenset[str]:
    """Return those bundles of a release, serving or standing by, that may run code."""
    lives = (state.champion, state.challenger, state.previous, state.fallen)
    found = set()
    for version in {live.version for live in lives if live is not None}:
        told = models(ledger.events(f"model:{whose.name}/{version}")).get(whose.name)
        one = None if told is None else told.versions.get(version)
        if one is not None and allowed(one):
            found.add(one.bundle)
    return frozenset(found)


def files_with_leave(ledger: Ledger, blobs: Blobs, charter: Charter) -> frozenset[str]:
    """Return the digests of the files of all versions that may run code.

    A version whose bundle is lost has none.
    """
    digests = [one.bundle for one in model_state(ledger, charter).registered if allowed(one)]
    manifests = [json.loads(blobs.get(one)) for one in digests if blobs.has(one)]
    return frozenset(digest for one in manifests for digest in one["files"].values())
