"""Whether a policy with a capacity keeps to it on test rows."""

from __future__ import annotations

import math

import numpy as np

from assay.charter.policy import TopK
from assay.evidence.evidence import Check
from assay.guardrails.plugin import Cases
from assay.ports.engine import Floats
from assay.value.classification import ClassificationValuation

__all__ = ["capacity_check"]

_ONE_SIDED = 1.645
"""Normal quantile: a share above the capacity by more comes by chance in 5 % of cases."""


def capacity_check(cases: Cases) -> Check | None:
    """Return the share of cases acted on against `k / of`; None where the policy has no capacity.

    A warning, not a bar: the cut was learned on other rows and keeps to the capacity in
    expectation. It fails where the share exceeds the capacity by more than chance.
    """
    valued = cases.valuation
    if not isinstance(valued, ClassificationValuation) or not isinstance(valued.policy, TopK):
        return None
    policy, n = valued.policy, len(cases)
    act, rest = valued.alternatives(valued.payoffs(cases.columns, n))
    share, capacity = float((cases.decisions == act).mean()), policy.k / policy.of
    most = capacity + _ONE_SIDED * math.sqrt(capacity * (1 - min(capacity, 1.0)) / n)
    gain = _expected(cases, act) - _expected(cases, rest)
    wanted = float((gain > 0).mean())
    note = f"{share:.2%} of test rows got `{policy.action}`."
    if share > capacity:
        note += " The cut was learned on other rows; where every place counts, rank in batches."
    elif share < capacity / 2 < wanted / 2:
        note += (
            f" It was worth it for {wanted:.2%}: cases that tie at the cut get no place, as no one "
            "of them is better than the others."
        )
    return Check(
        name="capacity",
        passed=share <= most,
        measured=share,
        limit=f"at most {capacity:.4g} ({policy.k} of {policy.of}), {most:.4g} by chance",
        severity="warn",
        note=note,
    )


def _expected(cases: Cases, action: int) -> Floats:
    decisions = np.full(len(cases), action, dtype=np.int64)
    return cases.valuation.expected(cases.forecast, decisions, cases.columns)
