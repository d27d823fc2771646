"""What two large tables say: drift, quality, performance and value of each window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.monitor.drift import Drift, drift
from assay.monitor.feature_forms import known_features
from assay.monitor.quality import FeatureQuality, quality
from assay.stats.estimate import Estimate
from assay.stats.profile import Profile
from assay.stats.reference import Reference

__all__ = ["Estimates", "FileReport", "FileWindow", "measured_windows"]

Estimates = Mapping[str, Estimate]


@dataclass(frozen=True)
class FileWindow:
    """One window: what moved, in which state its data are, and what the model did and earned.

    Performance is before and after labels by metric; `value` is the uplift per decision over the
    baseline, `expected` before and `realised` after labels. All are empty where no score was named.
    """

    name: str
    n: int
    drift: Drift
    quality: Mapping[str, FeatureQuality]
    before: Estimates = field(default_factory=dict)
    after: Estimates = field(default_factory=dict)
    value: Estimates = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the window as a JSON document."""
        return {
            "window": self.name,
            "n": self.n,
            "moved": [one.feature for one in self.drift.moved],
            "drift": self.drift.document(),
            "quality": [one.document() for one in self.quality.values()],
            "performance": {"before_labels": _all(self.before), "after_labels": _all(self.after)},
            "value": _all(self.value),
        }


@dataclass(frozen=True)
class FileReport:
    """Every window of an analysis, beside `reference` windows of `rows` rows in all.

    `left_out` names columns that are not compared, and says why; `cut` says how rows fell into
    windows, and `warnings` what makes figures doubtful.
    """

    windows: Sequence[FileWindow]
    reference: int
    rows: int
    left_out: Mapping[str, str]
    cut: str = ""
    warnings: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        return {
            "reference": {"windows": self.reference, "rows": self.rows},
            "left_out": dict(self.left_out),
            "cut": self.cut,
            "warnings": list(self.warnings),
            "windows": [one.document() for one in self.windows],
        }


def measured_windows(
    windows: Sequence[tuple[str, Profile]], reference: Reference
) -> list[FileWindow]:
    """Measure what moved in each window, given by its name, and the state of its data."""
    known = known_features(reference) if reference.windows else {}
    return [
        FileWindow(name, one.n, drift(reference, one, known=known), quality(reference, one))
        for name, one in windows
    ]


def _all(estimates: Estimates) -> dict[str, Any]:
    return {
        name: {
            "mean": one.mean,
            "low": one.low,
            "high": one.high,
            "n": one.n,
            "unit": one.unit,
            "method": one.method,
        }
        for name, one in estimates.items()
    }
