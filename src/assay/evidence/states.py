"""How things stand: charters, model versions, releases and alerts, as the ledger tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.evidence.alert_state import AlertState
from assay.evidence.candidate import Candidate
from assay.evidence.gate import Waiver
from assay.evidence.release_state import Live, ReleaseState, ReleaseStep
from assay.evidence.sign_off import SignOff

__all__ = [
    "BASELINE_ARM",
    "CONTROL_ARM",
    "AlertState",
    "CharterState",
    "CharterVersion",
    "GateDecision",
    "Live",
    "ModelState",
    "Permission",
    "Recorded",
    "ReleaseState",
    "ReleaseStep",
    "VersionState",
]

BASELINE_ARM = "baseline"
"""The arm of a release whose rows get the baseline's decision, where no champion serves yet."""

CONTROL_ARM = "control"
"""The arm of the control share, whose entities get the baseline's decision whatever serves."""


@dataclass(frozen=True)
class CharterVersion:
    """One charter as it was submitted; `changed` names the sections that differ from before."""

    number: int
    digest: str
    sections: Mapping[str, str]
    by: str
    at: datetime
    changed: tuple[str, ...]


@dataclass(frozen=True)
class CharterState:
    """All versions of one charter, oldest first."""

    name: str
    revision: int = 0
    versions: tuple[CharterVersion, ...] = ()

    @property
    def current(self) -> CharterVersion:
        """The newest version."""
        return self.versions[-1]


@dataclass(frozen=True)
class Recorded:
    """A piece of evidence by its digest, and whether all of its blocking checks passed.

    `compared` is the version that an equivalence was shown with, for `environment`.
    """

    digest: str
    kind: str
    passed: bool
    at: datetime
    compared: int | None = None
    environment: str = ""


@dataclass(frozen=True)
class GateDecision:
    """What the gate said at a moment about a subject digest."""

    subject_digest: str
    open: bool
    reasons: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class Permission:
    """Something out of the ordinary that somebody allowed, such as reading a pickle."""

    what: str
    why: str
    by: str
    at: datetime


@dataclass(frozen=True)
class VersionState:
    """One model version: what it is made of, and what people and the gate said about it.

    `bundle` is empty until the version is registered.
    """

    model: str
    version: int
    revision: int = 0
    bundle: str = ""
    charter: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    registered_at: datetime | None = None
    evidence: tuple[Recorded, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    gates: tuple[GateDecision, ...] = ()
    permissions: tuple[Permission, ...] = ()

    @property
    def candidate(self) -> Candidate:
        """The version as people sign it, under the charter it was registered with."""
        return Candidate(
            model=self.model,
            version=self.version,
            bundle=self.bundle,
            evidence=tuple(one.digest for one in self.evidence),
            sections=self.sections,
        )


@dataclass(frozen=True)
class ModelState:
    """All versions of one model, by number."""

    name: str
    versions: Mapping[int, VersionState] = field(default_factory=dict)

    @property
    def registered(self) -> tuple[VersionState, ...]:
        """The versions that have a bundle, oldest first."""
        return tuple(self.versions[n] for n in sorted(self.versions) if self.versions[n].bundle)

    @property
    def newest(self) -> VersionState | None:
        """The newest registered version."""
        return self.registered[-1] if self.registered else None

    @property
    def next_version(self) -> int:
        """The number that nothing in the ledger has used yet."""
        return max(self.versions, default=0) + 1
