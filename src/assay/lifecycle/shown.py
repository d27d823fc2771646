"""What evaluations showed of a version and of the baseline, per decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.evidence.evidence import Evidence
from assay.evidence.states import ModelState, Recorded
from assay.ports.blobs import Blobs
from assay.stats.estimate import Estimate

__all__ = ["Shown", "evaluations_of", "shown_by"]


@dataclass(frozen=True)
class Shown:
    """What an evaluation showed, per decision: the version's value, its uplift, the baseline's.

    `decisions` counts the version's actions (empty in regression).
    """

    value: Estimate
    uplift: Estimate
    baseline: Estimate
    decisions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, assessment: Mapping[str, Any]) -> Shown:
        """Read the assessment that an evaluation holds."""
        base = assessment["baselines"][assessment["baseline"]]
        found = (assessment["value"], assessment["uplift_per_decision"], base)
        value, uplift, baseline = (Estimate.from_document(one) for one in found)
        return cls(value, uplift, baseline, dict(assessment.get("decisions", {})))


def evaluations_of(
    versions: ModelState, number: int, until: datetime | None = None
) -> tuple[Recorded, ...]:
    """Return the evaluations of a version, oldest first, that were recorded until a moment."""
    found = versions.versions.get(number)
    return tuple(
        one
        for one in (found.evidence if found is not None else ())
        if one.kind == "evaluation" and (until is None or one.at <= until)
    )


def shown_by(recorded: Recorded, blobs: Blobs) -> Shown:
    """Return what an evaluation showed; StoreError where its bytes are lost or changed."""
    evidence = Evidence.from_document(json.loads(blobs.get(recorded.digest)))
    return Shown.read(evidence.content["assessment"])
