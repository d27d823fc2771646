"""The key that signs releases: made once, kept private, and pinned by whoever checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from assay.adapters.file_desired import FileDesired
from assay.adapters.release_key import PUBLIC, PinnedTrust, ReleaseKey
from assay.deploy.desired import Arm, Desired
from assay.errors import StoreError, Untrusted

STATE = Desired(3, "bank", (Arm("champion", 1, "a" * 64, 1.0),))


def test_it_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    key = ReleaseKey(tmp_path / "keys")
    signed = key.seal(STATE.encode())
    assert ReleaseKey(tmp_path / "keys").seal(STATE.encode()) == signed
    assert (tmp_path / "keys" / "release.key").stat().st_mode & 0o777 == 0o600
    assert {one.name for one in (tmp_path / "keys").iterdir()} == {"release.key", PUBLIC}
    assert key.opened(signed) == STATE.encode()
    assert key.opened(STATE.encode()) is None
    assert key.opened(b"junk") is None
    PinnedTrust(tmp_path / "keys" / PUBLIC).demand(signed)


def test_processes_that_begin_together_make_one_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from assay.adapters.release_key import ReleaseKey; "
        "sys.stdin.readline(); print(ReleaseKey(Path(sys.argv[1])).fingerprint)"
    )
    many = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = {one.communicate("\n")[0] for one in many}
    assert len(said) == 1
    assert said == {ReleaseKey(tmp_path).fingerprint + "\n"}


def test_a_lost_public_half_is_made_again_and_a_damaged_key_is_said(tmp_path: Path) -> None:
    found = ReleaseKey(tmp_path).fingerprint
    (tmp_path / PUBLIC).unlink()
    assert ReleaseKey(tmp_path).fingerprint == found
    assert (tmp_path / PUBLIC).exists()
    (tmp_path / "release.key").write_bytes(b"junk")
    with pytest.raises(StoreError, match="restore it from a copy"):
        _ = ReleaseKey(tmp_path).fingerprint


def test_nothing_is_asked_for_where_no_key_ever_lay_unless_one_is_required(tmp_path: Path) -> None:
    PinnedTrust(tmp_path / PUBLIC).demand(STATE.encode())
    with pytest.raises(StoreError, match="--trust"):
        PinnedTrust(tmp_path / PUBLIC, required=True).demand(STATE.encode())
    (tmp_path / PUBLIC).write_bytes(b"junk")
    with pytest.raises(StoreError, match="cannot be read"):
        PinnedTrust(tmp_path / PUBLIC).demand(STATE.encode())


def test_the_first_key_that_was_read_stays_the_one(tmp_path: Path) -> None:
    signed = ReleaseKey(tmp_path / "a").seal(STATE.encode())
    strange = ReleaseKey(tmp_path / "b").seal(STATE.encode())
    pinned = PinnedTrust(tmp_path / "a" / PUBLIC)
    pinned.demand(signed)
    (tmp_path / "b" / PUBLIC).replace(tmp_path / "a" / PUBLIC)
    with pytest.raises(Untrusted):
        pinned.demand(strange)
    (tmp_path / "a" / PUBLIC).unlink()
    with pytest.raises(Untrusted):
        pinned.demand(STATE.encode())
    pinned.demand(signed)


def test_a_sealed_store_reads_what_it_published_and_nothing_that_others_wrote(
    tmp_path: Path,
) -> None:
    path = tmp_path / "desired.json"
    store = FileDesired(path, ReleaseKey(tmp_path / "keys"))
    assert store.publish(STATE.encode(), 3)
    assert store.read() == STATE.encode()
    assert path.read_bytes() != STATE.encode()
    forged = msgspec.structs.replace(STATE, revision=10**9, arms=())
    FileDesired(path).publish(forged.encode(), forged.revision)
    assert store.read() is None
    assert store.publish(STATE.encode(), 3)
    assert store.read() == STATE.encode()
    assert not store.publish(msgspec.structs.replace(STATE, revision=2).encode(), 2)


def test_a_leave_to_run_code_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    allowed = msgspec.structs.replace(STATE, code=("a" * 64,))
    sealed = ReleaseKey(tmp_path / "of another").seal(allowed.encode())
    keyless = PinnedTrust(tmp_path / "keys" / PUBLIC)
    keyless.demand(STATE.encode())
    for document in (allowed.encode(), sealed):
        with pytest.raises(Untrusted, match="may run code, and there is no key"):
            keyless.demand(document)
    here = ReleaseKey(tmp_path / "keys")
    signed = here.seal(STATE.encode())
    added = msgspec.structs.replace(Desired.read(signed), code=("a" * 64,)).encode()
    with pytest.raises(Untrusted, match="does not hold"):
        PinnedTrust(tmp_path / "keys" / PUBLIC).demand(added)
    PinnedTrust(tmp_path / "keys" / PUBLIC).demand(here.seal(allowed.encode()))
