"""A version that was just made and registered."""

from __future__ import annotations

from dataclasses import dataclass

from assay.build.built import Built
from assay.evidence.candidate import Candidate
from assay.evidence.evidence import Check
from assay.stats.estimate import Estimate

__all__ = ["Registered"]


@dataclass(frozen=True)
class Registered:
    """A registered version with what was measured of it."""

    candidate: Candidate
    built: Built

    @property
    def model(self) -> str:
        """The model's name."""
        return self.candidate.model

    @property
    def version(self) -> int:
        """The version's number."""
        return self.candidate.version

    @property
    def uplift_per_month(self) -> Estimate:
        """What the version is worth above the charter's baseline."""
        return self.built.assessment.uplift_per_month

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of its evidence."""
        return self.built.checks
