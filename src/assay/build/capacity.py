"""Whether a policy with capacities or a budget keeps to them on test rows."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from assay.evidence.evidence import Check
from assay.guardrails.plugin import Cases
from assay.value.classification import ClassificationValuation
from assay.value.limits import Limit

__all__ = ["beyond_capacity", "capacity_checks"]

_ONE_SIDED = 1.645
"""Normal quantile: a use above the limit by more comes by chance in 5 % of cases."""


_FAR = 1.25
"""Times the limit beyond which its use is another promise than the one that was signed."""


def capacity_checks(cases: Cases) -> tuple[Check, ...]:
    """Return what test rows used of each limit, for each case; none where there is no limit.

    Prices were learned on other rows and keep to a limit in expectation. A check fails where the
    use exceeds the limit by more than chance, and bars the way where by more than a quarter: nobody
    signed for that. Figures of value count what comes when places are gone as not served.
    """
    valued = cases.valuation
    if not isinstance(valued, ClassificationValuation):
        return ()
    return tuple(_check(cases, valued, limit) for limit in valued.limits)


def beyond_capacity(checks: Iterable[Check]) -> tuple[str, ...]:
    """Say in one sentence each which limits the policy does not keep to by itself."""
    return tuple(
        f"By itself the policy would use {one.measured:.2%} of cases for the {one.name}, where "
        f"{one.limit.split(', ')[0]} is agreed: amounts here end where places do."
        for one in checks
        if one.name.startswith("capacity") and not one.passed and one.measured is not None
    )


def _check(cases: Cases, valued: ClassificationValuation, limit: Limit) -> Check:
    n = len(cases)
    decisions = valued.decide(cases.forecast, cases.columns)
    use = np.broadcast_to(limit.use(cases.columns, n, valued.table.caps), (n, len(valued.actions)))
    used = use[np.arange(n), decisions]
    mean, allowed = float(used.mean()), limit.amount / limit.of
    spread = math.sqrt(allowed * (1 - min(allowed, 1.0))) if limit.whole else float(used.std())
    most = allowed + _ONE_SIDED * spread / math.sqrt(n)
    wanted = _wanted(cases, valued, use)
    note = _used(valued, limit, mean)
    if mean > allowed:
        note += (
            " The cut was learned on other rows; value is measured as if places end when they are "
            "gone. Where every place counts, rank in batches."
        )
    elif mean < allowed / 2 < wanted / 2:
        note += (
            f" It was worth {wanted:.4g}: cases that tie at the cut get no place, as no one "
            "of them is better than the others."
        )
    return Check(
        name=limit.name,
        passed=mean <= most,
        measured=mean,
        limit=f"at most {allowed:.4g} ({limit.text}), {most:.4g} by chance",
        severity="block" if mean > max(most, _FAR * allowed) else "warn",
        note=note,
    )


def _used(valued: ClassificationValuation, limit: Limit, mean: float) -> str:
    if not limit.whole:
        return f"Test rows used {mean:.4g} of the budget each."
    action = valued.actions[limit.costs.index(1.0)]
    return f"{mean:.2%} of test rows got `{action}`."


def _wanted(cases: Cases, valued: ClassificationValuation, use: np.ndarray) -> float:
    """Return what would be used for each case if every case got what is best for it alone."""
    codes, worth = valued.choices(cases.forecast, valued.payoffs(cases.columns, len(cases)))
    best = codes[np.argmax(worth, axis=1)]
    return float(use[np.arange(len(cases)), best].mean())
