"""What a model was made from: data, code and environment, each by its digest."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import assay
from assay.evidence.digest import digest_bytes, digest_of

__all__ = ["Provenance", "code_digest", "environment", "provenance"]


@dataclass(frozen=True)
class Provenance:
    """Digests of data, code and environment, and the lists behind them.

    `moved_from` is the bundle whose model and calibration were taken over, where one was.
    """

    data: str
    code: str
    environment: str
    packages: tuple[str, ...]
    python: str
    own_code: tuple[str, ...]
    moved_from: str | None = None

    @property
    def inputs(self) -> dict[str, str]:
        """The digests as evidence names its inputs."""
        made_of = {"data": self.data, "code": self.code, "environment": self.environment}
        return made_of if self.moved_from is None else {**made_of, "moved_from": self.moved_from}

    def content(self) -> dict[str, Any]:
        """Return what evidence of provenance says."""
        return {
            "python": self.python,
            "packages": list(self.packages),
            "own_code": list(self.own_code),
        }


def provenance(data_digest: str, own_code: Sequence[Path] = ()) -> Provenance:
    """Return the provenance of a build on data with this digest.

    `own_code` are the user's own source files, which count as code beside Assay's.
    """
    packages, python = environment(), platform.python_version()
    return Provenance(
        data=data_digest,
        code=code_digest(own_code),
        environment=digest_of({"python": python, "packages": packages}),
        packages=packages,
        python=python,
        own_code=tuple(path.name for path in own_code),
    )


def environment() -> tuple[str, ...]:
    """Return every installed distribution as `name==version`, in order.

    >>> any(line.startswith("numpy==") for line in environment())
    True
    """
    found = {
        f"{re.sub(r'[-_.]+', '-', one.metadata['Name']).lower()}=={one.version}"
        for one in distributions()
        if one.metadata["Name"]
    }
    return tuple(sorted(found))


def code_digest(own_code: Sequence[Path] = ()) -> str:
    """Return the digest of Assay's installed sources and of the user's own files."""
    root = Path(assay.__file__).parent
    files = {
        path.relative_to(root).as_posix(): digest_bytes(path.read_bytes())
        for path in sorted(root.rglob("*.py"))
    }
    own = {path.name: digest_bytes(path.read_bytes()) for path in own_code}
    return digest_of({"assay": files, "own": own})
