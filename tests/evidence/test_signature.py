"""Signatures: what was changed, left out or signed by others does not hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.deploy.desired import Arm, Desired
from assay.errors import DataError, Untrusted
from assay.evidence.signature import Trust, fingerprint, public_key, sealed, unsealed

STATE = Desired(
    3,
    "bank",
    (Arm("champion", 1, "a" * 64, 0.9), Arm("challenger", 2, "b" * 64, 0.1)),
    serving={"capture": {"rotate_minutes": 7.5}, "reasons": 3},
)


def _key(seed: int) -> bytes:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


ONE, OTHER = _key(1), _key(2)


def test_what_was_signed_reads_as_before_and_holds_after_it_was_read() -> None:
    signed = sealed(STATE.encode(), ONE)
    assert unsealed(signed) == STATE.encode()
    again = Desired.read(signed)
    assert again.signature.startswith("ed25519:")
    trust = Trust.of(public_key(ONE))
    trust.demand(signed)
    trust.demand(again.encode())
    assert sealed(STATE.encode(), ONE) == signed


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 4},
        {"model": "other"},
        {"salt": "mine"},
        {"environment": "test"},
        {"warm": ["c" * 64]},
        {"serving": {}},
        {"control_share": 0.5},
        {"arms": []},
        {"more": 1},
        {"signature": "ed25519:" + "A" * 86 + "=="},
        {"signature": "ed25519:not base64"},
        {"signature": "rsa:AAAA"},
        {"signature": None},
        {"signature": ""},
    ],
    ids=str,
)
def test_whatever_was_changed_is_refused(change: dict[str, Any]) -> None:
    fields = {**json.loads(sealed(STATE.encode(), ONE)), **change}
    with pytest.raises(Untrusted, match="desired state of"):
        Trust.of(public_key(ONE)).demand(json.dumps(fields).encode())


@given(bundle=st.text("abcdef0123456789", min_size=64, max_size=64), weight=st.floats(0, 1))
@settings(max_examples=30)
def test_no_other_bundle_or_weight_takes_the_place_of_the_signed_one(
    bundle: str, weight: float
) -> None:
    fields = json.loads(sealed(STATE.encode(), ONE))
    before = dict(fields["arms"][1])
    fields["arms"][1] |= {"bundle": bundle, "weight": weight}
    if fields["arms"][1] == before:
        return
    with pytest.raises(Untrusted):
        Trust.of(public_key(ONE)).demand(json.dumps(fields).encode())


def test_another_key_is_not_trusted_unless_it_is_named_too() -> None:
    signed = sealed(STATE.encode(), OTHER)
    with pytest.raises(Untrusted, match="does not hold under"):
        Trust.of(public_key(ONE)).demand(signed)
    Trust.of(public_key(ONE) + public_key(OTHER)).demand(signed)
    assert fingerprint(public_key(ONE)) != fingerprint(public_key(OTHER))


def test_keys_and_documents_that_are_none_are_said_to_be() -> None:
    strange = x25519.X25519PrivateKey.generate()
    private = strange.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = strange.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(DataError, match="not one of Ed25519"):
        public_key(private)
    with pytest.raises(DataError, match="not one of Ed25519"):
        Trust.of(public)
    with pytest.raises(DataError, match="no private key"):
        public_key(b"junk")
    with pytest.raises(DataError, match="no public key"):
        Trust.of(ONE)
    with pytest.raises(DataError, match="no public key as PEM"):
        Trust.of(public_key(ONE).replace(b"MCow", b"AAAA"))
    with pytest.raises(DataError, match="no JSON object"):
        sealed(b"[1]", ONE)
    with pytest.raises(DataError, match="no JSON"):
        Trust.of(public_key(ONE)).demand(b"\xff")
