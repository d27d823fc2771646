"""A bundle brought out of the blobs, each file checked against the digest that names it."""

from __future__ import annotations

import json
from typing import Any

from assay.errors import ModelError, StoreError
from assay.evidence.bundle import BUNDLE_FORMAT, Bundle
from assay.evidence.digest import digest_bytes
from assay.ports.blobs import Blobs

__all__ = ["fetch_bundle"]


def fetch_bundle(blobs: Blobs, digest: str) -> Bundle:
    """Return the bundle that a digest names.

    The manifest lies under the bundle's digest, each file under its own. Nothing is handed on
    before every digest was checked. Raises StoreError where bytes are missing or changed and
    ModelError where the manifest is of another format.
    """
    manifest = _checked(blobs, digest, "manifest of bundle")
    document = _parsed(manifest, digest)
    files = {
        name: _checked(blobs, file, f"file {name} of bundle {digest[:12]},")
        for name, file in document["files"].items()
    }
    bundle = Bundle(document["model"], files, document["origin"])
    if bundle.digest != digest:
        raise StoreError(
            f"The bundle {digest} does not read back as itself: its manifest is not canonical. "
            "Build the model again."
        )
    return bundle


def _checked(blobs: Blobs, digest: str, what: str) -> bytes:
    content = blobs.get(digest)
    if digest_bytes(content) != digest:
        raise StoreError(f"The {what} {digest} was changed; restore it from a copy.")
    return content


def _parsed(manifest: bytes, digest: str) -> dict[str, Any]:
    try:
        document = json.loads(manifest)
        form = document["format"]
        whole = isinstance(document["files"], dict) and isinstance(document["model"], str)
        whole = whole and isinstance(document["origin"], dict)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The blob {digest} is no bundle manifest: {error!r}.") from error
    if form != BUNDLE_FORMAT or not whole:
        raise ModelError(
            f"The bundle {digest} has format {form!r}; this version of Assay reads "
            f"{BUNDLE_FORMAT}. Build the model again."
        )
    parsed: dict[str, Any] = document
    return parsed
