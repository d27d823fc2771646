"""Folders of workspaces as places that a gateway serves from, each with its adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import fsspec

from assay.adapters.file_desired import FileDesired
from assay.adapters.file_keys import FileKeys
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.adapters.installation_key import installation_key
from assay.adapters.log_captures import LogCaptures
from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.adapters.release_key import PUBLIC, PinnedTrust, folder_of_keys
from assay.charter.environments import PRODUCTION
from assay.deploy.desired import Desired
from assay.deploy.protected_columns import Protection
from assay.errors import InputError, Untrusted
from assay.gateway.workspaces import Place

__all__ = ["GATHERING", "demanding", "governing", "place_at", "places_at"]

_STATE = ".assay"
GATHERING = 0.01
"""Seconds that captures gather which nobody waits for: the most that a crash loses of them."""


def places_at(
    folders: Sequence[Path], environment: str = PRODUCTION, trust: Path | None = None
) -> list[Place]:
    """Return the places of workspaces, or of their `.assay` folders; InputError names twins.

    `trust` is a file of public keys in place of the one that lies in each workspace.
    """
    states = [
        (folder / _STATE if (folder / _STATE).is_dir() else folder).resolve() for folder in folders
    ]
    twice = {str(state) for state in states if states.count(state) > 1}
    if twice:
        raise InputError(f"{', '.join(sorted(twice))} is given twice; give each workspace once.")
    return [place_at(state, environment, trust) for state in states]


def place_at(state: Path, environment: str = PRODUCTION, trust: Path | None = None) -> Place:
    """Return the place of one workspace in an environment, by its `.assay` folder.

    Blobs, keys and the inbox of outcomes are shared by all environments of a workspace.
    """
    pinned = PinnedTrust(
        folder_of_keys(state) / PUBLIC if trust is None else trust, required=trust is not None
    )
    own = state if environment == PRODUCTION else state / "environments" / environment
    captures = LogCaptures(own / "captures", GATHERING)
    key = cache(partial(installation_key, state / "capture.key"))
    return Place(
        name=str(state),
        desired=FileDesired(own / "desired.json"),
        blobs=FsspecBlobs(fsspec.filesystem("file"), str(state / "blobs")),
        captures=captures,
        outcomes=LogOutcomeInbox(state / "outcomes" / "inbox"),
        keys=FileKeys(state / "keys.json"),
        govern=governing(captures, key),
        demand=demanding(pinned, environment),
        key=key,
    )


def demanding(pinned: PinnedTrust, environment: str) -> Callable[[Desired], None]:
    """Return what raises Untrusted where a state is not signed, or signed for elsewhere."""

    def demand(desired: Desired) -> None:
        pinned.demand(desired.encode())
        if desired.environment != environment:
            raise Untrusted(
                f"The desired state of {desired.model} is one of {desired.environment}, and this "
                f"gateway serves {environment}. What served before serves on; release there."
            )

    return demand


def governing(captures: LogCaptures, key: Callable[[], bytes]) -> Callable[[Desired], None]:
    """Have captures protected and rotated as each state says, before it serves."""
    governed: list[tuple[object, ...]] = []

    def govern(desired: Desired) -> None:
        rules = desired.rules.capture
        if governed == [(rules, desired.entity)]:
            return
        restricted = bool(rules.protected) or rules.columns is not None
        secret = key() if rules.protected else b""
        protection = Protection.of(rules, secret, desired.entity) if restricted else None
        captures.govern(
            None if protection is None else protection.applied,
            rules.rotate_mib * 2**20,
            rules.rotate_minutes * 60,
        )
        governed[:] = [(rules, desired.entity)]

    return govern
