"""An assessment whose figures say whether they are identified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from assay.stats.estimate import Estimate
from assay.value.assessment import Assessment
from assay.value.identification import Identification

__all__ = ["marked_assessment"]


def marked_assessment(found: Identification, assessment: Assessment) -> Assessment:
    """Return an assessment as it is, or with the mark in every estimate's method.

    Where actions move outcomes, what the table shows of a policy's value is no more identified
    than of its uplift: other actions were taken then.
    """
    if found.identified:
        return assessment
    marks: dict[str, Any] = {}
    for field in fields(assessment):
        value = getattr(assessment, field.name)
        if isinstance(value, Estimate):
            marks[field.name] = found.mark(value)
        elif isinstance(value, Mapping):
            marks[field.name] = {
                name: found.mark(one) if isinstance(one, Estimate) else one
                for name, one in value.items()
            }
    return replace(assessment, **marks)
