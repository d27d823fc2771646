"""Signatures over what gateways are told: Ed25519 (RFC 8032), as pure functions over bytes.

What is signed is the canonical form of a JSON document without its field `signature`, behind a word
that says what it is, so that no signature of one kind of document holds for another. The same
document and key give the same signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from assay.errors import DataError, Untrusted
from assay.evidence.digest import canonical_bytes

__all__ = ["Trust", "fingerprint", "public_key", "sealed", "unsealed"]

_KIND = "ed25519:"
_WORD = b"assay desired state\n"
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]{1,2000}-----END PUBLIC KEY-----")


def public_key(private: bytes) -> bytes:
    """Return the public half of a private key, both as PEM; DataError where it is no such key."""
    public = _private(private).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(public: bytes) -> str:
    """Return a short name of a public key: the first 16 digits of the SHA-256 of its raw bytes."""
    raw = _public(public).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def sealed(document: bytes, private: bytes) -> bytes:
    """Return a JSON document with its field `signature` filled in, laid out as desired states are.

    DataError where it is no JSON object, or `private` is no Ed25519 key as PEM.
    """
    fields = _fields(document)
    signature = base64.b64encode(_private(private).sign(_signed(fields))).decode()
    return _laid_out({**fields, "signature": _KIND + signature})


def unsealed(document: bytes) -> bytes:
    r"""Return a JSON document with its field `signature` left empty.

    >>> unsealed(b'{"revision": 1, "signature": "ed25519:AA=="}')
    b'{\n  "revision": 1,\n  "signature": ""\n}\n'
    """
    return _laid_out({**_fields(document), "signature": ""})


@dataclass(frozen=True)
class Trust:
    """The public keys of which one has to have signed."""

    keys: tuple[Ed25519PublicKey, ...]

    @classmethod
    def of(cls, pem: bytes) -> Trust:
        """Read every key of a PEM file; DataError where it has none, or one of another kind."""
        found = _PEM.findall(pem)
        if not found:
            raise DataError(
                "There is no public key in it: give the file `keys/release.pub` of a workspace's "
                "`.assay` folder, or several of them in one file."
            )
        return cls(tuple(_public(one) for one in found))

    def demand(self, document: bytes) -> None:
        """Raise Untrusted where a JSON document carries no signature of one of the keys."""
        fields = _fields(document)
        signature = _decoded(fields.get("signature"))
        signed = _signed(fields)
        if signature is None or not any(_holds(key, signature, signed) for key in self.keys):
            said = "a signature that does not hold" if fields.get("signature") else "no signature"
            raise Untrusted(
                f"The desired state of {str(fields.get('model'))[:100]}, revision "
                f"{str(fields.get('revision'))[:20]}, carries {said} under the trusted key: it "
                "was changed, or others wrote it. What served before serves on. Release again "
                "from the workspace; if its key was changed on purpose, trust the new one."
            )


def _fields(document: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"What is to be signed or checked is no JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise DataError("What is to be signed or checked is no JSON object.")
    return fields


def _signed(fields: dict[str, Any]) -> bytes:
    return _WORD + canonical_bytes({name: fields[name] for name in fields if name != "signature"})


def _laid_out(fields: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def _decoded(text: object) -> bytes | None:
    if not isinstance(text, str) or not text.startswith(_KIND):
        return None
    try:
        return base64.b64decode(text.removeprefix(_KIND), validate=True)
    except (binascii.Error, ValueError):
        return None


def _holds(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataError(f"This is no private key as PEM: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DataError("The private key is not one of Ed25519.")
    return key


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"This is no public key as PEM: {error}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise DataError("The public key is not one of Ed25519.")
    return key
