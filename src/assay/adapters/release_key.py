"""The key that signs what gateways are told, and the public half that they check it by."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from assay.adapters.secret_file import make_secret
from assay.adapters.whole_file import write_whole
from assay.errors import AssayError, DataError, StoreError, Untrusted
from assay.evidence.signature import Trust, fingerprint, public_key, sealed, unsealed

__all__ = ["PUBLIC", "PinnedTrust", "ReleaseKey", "folder_of_keys"]

PRIVATE, PUBLIC = "release.key", "release.pub"


def folder_of_keys(state: Path) -> Path:
    """Return where a workspace keeps them: in `keys` of its `.assay` folder.

    >>> folder_of_keys(Path(".assay")).as_posix()
    '.assay/keys'
    """
    return state / "keys"


class ReleaseKey:
    """The private key in a folder, which only its owner may read; made when first needed.

    Beside it lies the public half, `release.pub`, for whoever is to check. StoreError where the key
    cannot be read or made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[bytes, Trust] | None = None

    @property
    def fingerprint(self) -> str:
        """A short name of the public half."""
        return fingerprint(public_key(self._key()[0]))

    def seal(self, document: bytes) -> bytes:
        """Return a JSON document signed."""
        return sealed(document, self._key()[0])

    def opened(self, raw: bytes) -> bytes | None:
        """Return a document as it was before it was signed; None where this key did not sign it."""
        try:
            self._key()[1].demand(raw)
            return unsealed(raw)
        except StoreError:
            raise
        except AssayError:
            return None

    def _key(self) -> tuple[bytes, Trust]:
        if self._held is None:
            self._held = self._read()
        return self._held

    def _read(self) -> tuple[bytes, Trust]:
        path = self._folder / PRIVATE
        try:
            if not path.exists():
                _make(path)
            private = path.read_bytes()
            public = public_key(private)
            beside = self._folder / PUBLIC
            if not beside.exists() or beside.read_bytes() != public:
                write_whole(beside, public)
        except (OSError, DataError) as error:
            raise StoreError(
                f"The key {path} cannot be read or made: {error} Releases are signed with it: "
                "restore it from a copy, or remove both files of that folder and have gateways "
                "elsewhere trust the new `release.pub`."
            ) from error
        return private, Trust.of(public)


class PinnedTrust:
    """Trust in the public key that lies in a file when it is first needed.

    Once it was read, another one in its place, or none, changes nothing before a restart. Where no
    key ever lay there nothing was ever signed, and nothing is asked for, but nothing is allowed to
    run code either: not so where a key is `required`.
    """

    def __init__(self, path: Path, *, required: bool = False) -> None:
        self._path = path
        self._required = required
        self._trust: Trust | None = None

    def demand(self, document: bytes) -> None:
        """Raise Untrusted where a JSON document carries no signature that holds.

        StoreError where the public key cannot be read.
        """
        if self._trust is None:
            self._trust = self._read()
        if self._trust is not None:
            self._trust.demand(document)
        else:
            _demand_no_code(document, self._path)

    def _read(self) -> Trust | None:
        try:
            return Trust.of(self._path.read_bytes())
        except FileNotFoundError as error:
            if not self._required:
                return None
            raise StoreError(
                f"There is no public key {self._path}. Copy `.assay/keys/release.pub` of the "
                "workspace that releases to where --trust says."
            ) from error
        except (OSError, DataError) as error:
            raise StoreError(f"The public key {self._path} cannot be read: {error}") from error


class _Named(msgspec.Struct):
    code: tuple[str, ...] = ()


def _demand_no_code(document: bytes, path: Path) -> None:
    """Refuse a leave to run code that nobody signed; what does not read is refused elsewhere."""
    try:
        named = msgspec.json.decode(document, type=_Named).code
    except (msgspec.MsgspecError, RecursionError):
        return
    if named:
        raise Untrusted(
            f"The desired state says that {named[0][:64]} may run code, and there is no key "
            f"{path} to check who says so. Release again from the workspace."
        )


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    make_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
