"""Where an environment keeps what it serves and captures."""

from __future__ import annotations

from pathlib import Path

from assay.charter.environments import PRODUCTION

__all__ = ["environment_folder"]


def environment_folder(state: Path, environment: str = PRODUCTION) -> Path:
    """Return where an environment keeps what it serves and captures: production in `state` itself.

    >>> environment_folder(Path(".assay"), "test").as_posix()
    '.assay/environments/test'
    """
    return state if environment == PRODUCTION else state / "environments" / environment
