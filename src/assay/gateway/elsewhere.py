"""A gateway on a machine without the workspaces: it follows a server, and sends home what it wrote.

Its folder holds `fleet.json` (what was told last), `blobs/` (bundles), `keys.json` (who may ask),
`capture.key`, and `models/<name>/` with `captures/` and `outcomes/inbox/` until they are sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from assay.adapters.cached_blobs import CachedBlobs
from assay.adapters.file_desired import FileDesired
from assay.adapters.file_keys import FileKeys
from assay.adapters.http_control_plane import HttpControlPlane
from assay.adapters.installation_key import installation_key
from assay.adapters.log_captures import LogCaptures
from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.adapters.release_key import PinnedTrust
from assay.errors import InputError, StoreError
from assay.gateway.places import GATHERING, demanding, governing
from assay.gateway.sending import Sending
from assay.gateway.server_source import Follows, ServerSource
from assay.gateway.workspaces import Place
from assay.ports.blobs import Blobs

__all__ = ["Elsewhere", "elsewhere", "token_from"]


@dataclass(frozen=True)
class Elsewhere:
    """What follows a server, and what sends home."""

    source: ServerSource
    sending: Sending


def elsewhere(
    url: str,
    token: str,
    folder: Path,
    trust: Path | None,
    who: Follows,
    *,
    cache_mib: float = 4096.0,
    spread: float = 0.5,
) -> Elsewhere:
    """Return what a gateway elsewhere needs; InputError where what was given cannot work.

    `trust` is a file with the public keys of the workspaces: what it serves is only as sure as the
    way in which this file came here. `cache_mib` is room for bundles, `spread` the seconds over
    which gateways spread their downloads.
    """
    if trust is None or not trust.is_file():
        raise InputError(
            "A gateway that follows a server checks who signed what it is told: give --trust FILE, "
            "a copy of `.assay/keys/release.pub` of each workspace, one after the other."
        )
    plane = HttpControlPlane(url, token)
    try:
        (folder / "models").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made: {error}.") from error
    blobs = CachedBlobs(folder / "blobs", plane.blob, int(cache_mib * 2**20), spread=spread)
    fleet = FileDesired(folder / "fleet.json")
    source = ServerSource(
        plane,
        who,
        fleet,
        demanding(PinnedTrust(trust, required=True), who.environment),
        lambda model: _place(folder, folder / "models" / model, fleet, blobs),
        _place(folder, folder, fleet, blobs),
    )
    return Elsewhere(source, Sending(plane, who.environment, folder / "models"))


def token_from(environment: Mapping[str, str], name: str) -> str:
    """Return the token that an environment variable holds; InputError where it holds none.

    >>> token_from({"ASSAY_TOKEN": "assay_x"}, "ASSAY_TOKEN")
    'assay_x'
    """
    found = environment.get(name, "").strip()
    if not found:
        raise InputError(
            f"The variable {name} holds no token. Make one where the server runs, with `assay "
            "server token add NAME DIR --scope agent --scope serve`, and export it."
        )
    return found


def _place(folder: Path, own: Path, fleet: FileDesired, blobs: Blobs) -> Place:
    """Return where one model's records go; all models share the folder's keys."""
    captures = LogCaptures(own / "captures", GATHERING)
    key = cache(partial(installation_key, folder / "capture.key"))
    return Place(
        name=str(folder),
        desired=fleet,
        blobs=blobs,
        captures=captures,
        outcomes=LogOutcomeInbox(own / "outcomes" / "inbox"),
        keys=FileKeys(folder / "keys.json"),
        govern=governing(captures, key),
        key=key,
    )
