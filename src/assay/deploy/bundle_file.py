"""One file with a bundle in it: what `assay export --to bundle` writes and `assay.load` reads.

A zip, nothing in it compressed: `MANIFEST.json` (the bundle's manifest, whose SHA-256 is its
digest), `served.json` (the version and how it is served, format 1), and `files/<name>` for each
file of the bundle.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.charter.environments import PRODUCTION
from assay.charter.serving import Serving as Rules
from assay.errors import ModelError
from assay.evidence.bundle import BUNDLE_FORMAT, Bundle
from assay.evidence.digest import canonical_bytes, digest_bytes

__all__ = ["Packed", "pack", "unpack"]

_MANIFEST, _SERVED, _FILES = "MANIFEST.json", "served.json", "files/"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Packed:
    """A bundle and how it is served elsewhere: its version, and the charter's section `serving`.

    `version` is 0 where it is not known; `entity` is what a row is about, None where nothing is
    named. `champion` says whether it is what its environment serves, at `revision`. `code` is the
    leave to run code that nobody could audit; no file holds it, so that none can give it to itself.
    """

    bundle: Bundle
    version: int = 0
    rules: Mapping[str, Any] = field(default_factory=dict)
    entity: str | None = None
    environment: str = PRODUCTION
    revision: int = 0
    champion: bool = False
    code: bool = False

    @property
    def serving(self) -> Rules:
        """The charter's section `serving`, read."""
        return Rules.model_validate(self.rules)


def pack(packed: Packed) -> bytes:
    """Return the file: the same bytes for the same content.

    >>> bundle = Bundle("bank", {"model.onnx": b"model"}, {"seed": 1})
    >>> unpack(pack(Packed(bundle, version=3))) == Packed(bundle, version=3)
    True
    """
    served = {
        "format": 1,
        "version": packed.version,
        "rules": dict(packed.rules),
        "entity": packed.entity,
        "environment": packed.environment,
        "revision": packed.revision,
        "champion": packed.champion,
    }
    contents = {_MANIFEST: packed.bundle.manifest(), _SERVED: canonical_bytes(served)}
    contents |= {_FILES + name: raw for name, raw in sorted(packed.bundle.files.items())}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, raw in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), raw)
    return out.getvalue()


def unpack(raw: bytes, digest: str | None = None) -> Packed:
    """Read the file back; `digest` is what the bundle's must be, where the caller knows it.

    Nothing is handed on before every file was checked against the manifest. Raises ModelError where
    the file is none, was changed, or holds anything else.
    """
    contents = _contents(raw)
    try:
        own = digest_bytes(contents[_MANIFEST])
        manifest, served = json.loads(contents[_MANIFEST]), json.loads(contents[_SERVED])
        named = {_FILES + name: expected for name, expected in manifest["files"].items()}
        if manifest["format"] != BUNDLE_FORMAT or served["format"] != 1:
            raise ModelError("The bundle's file has another format. Export it again.")
        if digest is not None and own != digest:
            raise ModelError(f"The file holds the bundle {own}, and {digest} was asked for.")
        if set(contents) != {_MANIFEST, _SERVED, *named}:
            raise ModelError("The bundle's file holds other files than its manifest names.")
        for name, expected in named.items():
            if digest_bytes(contents[name]) != expected:
                raise ModelError(f"{name} in the bundle's file was changed. Export it again.")
        files = {name.removeprefix(_FILES): contents[name] for name in named}
        bundle = Bundle(manifest["model"], files, manifest["origin"])
        told = {name: served[name] for name in _TOLD}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _none(error) from error
    if bundle.digest != own:
        raise ModelError("The bundle's manifest is not canonical. Export the bundle again.")
    return Packed(bundle, **told)


_TOLD = ("version", "rules", "entity", "environment", "revision", "champion")


def _contents(raw: bytes) -> dict[str, bytes]:
    """Read the zip; what is compressed is refused, so that nothing grows while it is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            names = [one.filename for one in entries]
            stored = all(one.compress_type == zipfile.ZIP_STORED for one in entries)
            if len(set(names)) != len(names) or not stored:
                raise ModelError(
                    "The bundle's file is compressed or names a file twice, so that Assay did not "
                    "write it. Export the bundle again."
                )
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _none(error) from error


def _none(error: Exception) -> ModelError:
    return ModelError(
        f"This is no bundle that `assay export --to bundle` wrote: {error!r}. Export it again."
    )
