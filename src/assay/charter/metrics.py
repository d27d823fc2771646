"""The statistics that `acceptance` may put limits on, and for which task each has a meaning."""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["ACCEPTANCE", "needs_column"]

Task = Literal["classification", "regression"]

_BOTH: Final[tuple[Task, ...]] = ("classification", "regression")

ACCEPTANCE: Final[dict[str, tuple[Task, ...]]] = {
    "uplift_per_month": _BOTH,
    "uplift_per_decision": _BOTH,
    "roc_auc": ("classification",),
    "average_precision": ("classification",),
    "log_loss": ("classification",),
    "brier": ("classification",),
    "calibration_error": ("classification",),
    "accuracy": ("classification",),
    "precision": ("classification",),
    "recall": ("classification",),
    "f1": ("classification",),
    "mae": ("regression",),
    "rmse": ("regression",),
    "r2": ("regression",),
}
"""Metric -> tasks. Uplift is judged on the low end of its interval, all else on its value."""

_OF_GROUPS = ("demographic_parity", "equalized_odds", "equal_opportunity")


def needs_column(metric: str) -> bool:
    """Whether a guardrail compares groups and so must name the column that makes them.

    >>> needs_column("demographic_parity_ratio"), needs_column("value_kept_under_noise")
    (True, False)
    """
    return metric.startswith(_OF_GROUPS)
