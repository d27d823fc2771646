"""Fairness between the groups of a sensitive column, in fairlearn's terms.

Groups are compared by what is decided about them (demographic parity), and by how often it is
right (equalized odds: true and false positive rates; equal opportunity: true positive rates).
Decisions count as selected or not, and outcomes as deserving it or not, as `Cases` defines: of two
outcomes by the positive one, of more by what differs from the baseline and would have paid.
Hardt, Price and Srebro, Equality of opportunity in supervised learning, NIPS 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.guardrails.groups import LEAST_CASES, judged_groups
from assay.guardrails.plugin import Cases, Measured

__all__ = ["FAIRNESS", "GroupFairness"]


@dataclass(frozen=True)
class GroupFairness:
    """A measure of fairlearn between groups, by its name there; `needed` are the outcomes it needs.

    A ratio is the least group's rate over the greatest's (1 is equal), a difference the greatest
    minus the least (0 is equal). Groups of fewer than 30 cases, and for the measures of being
    right those with fewer than 30 cases of an outcome they need, are reported and not judged.
    """

    metric: str
    needed: tuple[int, ...] = ()
    by_group: bool = True

    def measure(self, cases: Cases, column: str | None, seed: int) -> Measured:
        """Measure it on decisions between actions; None with the reason where it cannot be."""
        del seed
        if cases.valuation.task == "regression":
            return Measured(
                None,
                f"{self.metric} compares rates of selection and does not apply to decided amounts. "
                "Compare the value for each segment in the evaluation instead.",
            )
        if column is None or column not in cases.sensitive:
            known = ", ".join(cases.sensitive) or "none"
            return Measured(
                None,
                f"{self.metric} compares groups and needs a sensitive column; {column or 'none'} "
                f"was named, and `data.sensitive` has {known}.",
            )
        groups = cases.sensitive[column]
        large, small = self._judged(cases, groups)
        if len(large) < 2:
            return Measured(
                None,
                f"Fewer than two groups of {column} have the {LEAST_CASES} cases that a comparison "
                f"needs: {len(large)} has, {len(small)} have not.",
            )
        rates = _rates(cases, groups, [*large, *small])
        inside = np.isin(groups, large)
        # Loaded where it measures: it brings scikit-learn, and most commands need neither.
        function = getattr(import_module("fairlearn.metrics"), self.metric)
        value = float(
            function(
                cases.deserving()[inside].astype(int),
                cases.selected()[inside].astype(int),
                sensitive_features=groups[inside],
            )
        )
        note = f"Not judged, too few cases: {', '.join(small)}." if small else ""
        detail = {"groups": rates, "judged": large}
        if not np.isfinite(value):
            return Measured(None, f"No case of any judged group was selected. {note}", detail)
        return Measured(value, note, detail)

    def _judged(self, cases: Cases, groups: NDArray[np.str_]) -> tuple[list[str], list[str]]:
        large, small = judged_groups(groups)
        for outcome in self.needed:
            right, _ = judged_groups(groups[cases.deserving() == bool(outcome)])
            small += [name for name in large if name not in right]
            large = [name for name in large if name in right]
        return large, sorted(small)


def _rates(cases: Cases, groups: NDArray[np.str_], names: list[str]) -> dict[str, dict[str, Any]]:
    picked, positive = cases.selected(), cases.deserving()
    return {
        name: {
            "n": int((groups == name).sum()),
            "selection_rate": _share(picked, groups == name),
            "true_positive_rate": _share(picked, (groups == name) & positive),
            "false_positive_rate": _share(picked, (groups == name) & ~positive),
        }
        for name in names
    }


def _share(picked: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(picked[among].mean()) if among.any() else None


FAIRNESS = (
    GroupFairness("demographic_parity_difference"),
    GroupFairness("demographic_parity_ratio"),
    GroupFairness("equalized_odds_difference", (0, 1)),
    GroupFairness("equalized_odds_ratio", (0, 1)),
    GroupFairness("equal_opportunity_difference", (1,)),
    GroupFairness("equal_opportunity_ratio", (1,)),
)
"""Every measure of fairness between groups."""
