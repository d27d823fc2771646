"""The key of this installation, under which protected columns are hashed."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from assay.adapters.secret_file import make_secret
from assay.errors import StoreError

__all__ = ["installation_key", "write_installation_key"]

_LENGTH = 32


def installation_key(path: Path) -> bytes:
    """Return the key in a file, 32 random bytes that only its owner may read; made where missing.

    Whoever loses it can map no hash back, and new hashes are others: it belongs into the backup,
    but not beside the copies of captures. Raises StoreError where it cannot be read or made.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "capture.key"
    >>> installation_key(path) == installation_key(path), oct(path.stat().st_mode & 0o777)
    (True, '0o600')
    """
    try:
        if not path.exists():
            make_secret(path, secrets.token_bytes(_LENGTH))
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"The installation's key {path} cannot be read or made: {error}. Protected columns are "
            "hashed under it, so nothing is captured without it: mend the disk or its rights."
        ) from error
    if len(key) != _LENGTH:
        raise StoreError(
            f"The installation's key {path} has {len(key)} bytes, not {_LENGTH}. Restore it from "
            "a copy; without one remove it, and hashes made from now on are others than before."
        )
    return key


def write_installation_key(path: Path, seed: str) -> None:
    """Make the key from a text where there is none: for simulations, whose runs are to be alike."""
    if not path.exists():
        make_secret(path, hashlib.sha256(seed.encode()).digest())
