"""What a window's numbers say against plan and boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from assay.charter.monitoring import Boundary
from assay.monitor.drift import Drift
from assay.monitor.ranking import shortfall
from assay.monitor.volume import DAYS_PER_MONTH, Volume
from assay.stats.decision_names import DECISION
from assay.stats.estimate import Estimate
from assay.stats.profile import is_score

__all__ = [
    "DAYS_PER_MONTH",
    "Finding",
    "FindingKind",
    "drift_findings",
    "value_findings",
    "worth_telling",
]

FindingKind = Literal[
    "value",
    "plan",
    "drift",
    "stale",
    "creep",
    "schema",
    "performance",
    "concept",
    "fairness",
    "service",
]
_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One thing in one window that deserves an alert.

    `value_per_day` is what it is estimated to cost, in the charter's currency per day (a gain is
    negative); None where nobody knows. Estimates of several findings overlap: one change can show
    in drift, in performance and in value, so they are not to be added up.
    """

    kind: FindingKind
    metric: str
    measured: float
    limit: str
    text: str
    value_per_day: Estimate | None = None

    def cause(self) -> dict[str, Any]:
        """Return what a posted window says of it: its cause, and what it costs a day by now."""
        a_day = self.value_per_day
        told = None if a_day is None else a_day.document()
        return {"kind": self.kind, "metric": self.metric, "value_per_day": told}


def value_findings(
    uplift: Estimate,
    decisions_per_month: float,
    boundary: Boundary,
    *,
    basis: Literal["realised", "expected"],
    plan: Estimate | None = None,
    volume: Volume | None = None,
    missed: frozenset[str] | None = None,
) -> tuple[Finding, ...]:
    """Return the limits that an uplift per decision surely misses: floor, daily loss, plan.

    Surely: even the upper end of its interval lies below. `plan` is the uplift per decision
    that was signed; it is missed where the upper end lies below the plan's lower one. The floor and
    the plan are promises about the planned volume; the daily loss is what `volume` loses, the
    decisions that were really made (all that are planned where not given), and so is what each
    finding costs a day. Where windows are
    watched one after another, `missed` names the limits that they show to be missed (see
    `ValueWatch`): then that counts, and not each window's own interval.

    >>> poor = Estimate(-0.2, -0.3, -0.1, n=1000, method="", unit="EUR per decision")
    >>> [one.metric for one in value_findings(poor, 1400, Boundary(), basis="realised")]
    ['floor']
    """
    currency = uplift.unit.split(" ", maxsplit=1)[0]
    per_day = f"{currency} per day"
    monthly = uplift.scaled(decisions_per_month, f"{currency} per month")
    a_day = Volume.planned(decisions_per_month) if volume is None else volume
    daily = uplift.scaled(a_day.per_day, per_day)
    said = "uplift" if basis == "realised" else "uplift expected before labels"

    def below(name: str, surely: bool) -> str | None:
        """Return how a limit is missed, in words; None where it is not."""
        if missed is None:
            return "lies" if surely else None
        return None if name not in missed else "lies" if surely else "lies, with windows before it,"

    found = []
    if how := below("floor", monthly.high < boundary.floor_per_month):
        limit = f"at least {boundary.floor_per_month:,.0f} {currency} per month"
        floor = boundary.floor_per_month / decisions_per_month * a_day.per_day
        lost = uplift.scaled(-a_day.per_day, per_day).shifted(floor)
        text = f"{said} {monthly!r} {how} below the floor: {limit}"
        found.append(Finding("value", "floor", monthly.mean, limit, text, lost))
    most = boundary.max_loss_per_day
    if most is not None and (how := below("loss", daily.high < -most)):
        limit = f"at most {most:,.0f} {currency} lost per day"
        text = f"{said} {daily!r} on {a_day} {how} beyond the limit: {limit}"
        found.append(Finding("value", "loss", daily.mean, limit, text, daily.scaled(-1, per_day)))
    if plan is not None and (how := below("plan", uplift.high < plan.low)):
        limit = f"the plan, {plan!r}"
        lost = shortfall(plan, uplift).scaled(a_day.per_day, per_day)
        text = f"{said} {uplift!r} {how} below {limit}"
        found.append(Finding("plan", "uplift", uplift.mean, limit, text, lost))
    return tuple(found)


def drift_findings(drift: Drift, lost: Estimate | None = None) -> tuple[Finding, ...]:
    """Return at most three findings: inputs that moved (together), the score, and decisions.

    `lost` is what the changed mix of cases costs a day, from `mix.score_mix_cost`: one amount
    that both findings share. Where it is not given their cost is unknown.
    """
    inputs = [one for one in drift.moved if not one.feature.startswith("@")]
    decided = [one for one in drift.moved if one.feature == DECISION]
    scores = [one for one in drift.moved if is_score(one.feature)]
    found = []
    if inputs:
        shown = "; ".join(f"{one.feature}: {one.text}" for one in inputs[:_SHOWN])
        more = f"; and {len(inputs) - _SHOWN} more" if len(inputs) > _SHOWN else ""
        count = sum(not name.startswith("@") for name in drift.features)
        text = f"{len(inputs)} of {count} inputs moved. {shown}{more}"
        found.append(Finding("drift", "inputs", float(len(inputs)), "no input moves", text, lost))
    if scores:
        moved = "; ".join(_of_outcome(one.feature) + one.text for one in scores[:_SHOWN])
        text = f"the model's score moved: {moved}"
        limit = "the score does not move"
        found.append(Finding("drift", "score", scores[0].effect, limit, text, lost))
    for one in decided:
        limit, text = "decisions do not move", f"decisions moved: {one.text}"
        found.append(Finding("drift", "decision", one.effect, limit, text, lost))
    return tuple(found)


def worth_telling(finding: Finding, least_per_day: float) -> bool:
    """Return whether a finding of drift or creep costs or brings enough a day to be worth an alert.

    One whose effect nobody knows is, and so is every finding of another kind. The effect is that of
    the changed mix of cases at what the model expects of each: where a model no longer knows its
    cases, labels tell, as `stale` and `concept`, which no floor holds back.

    >>> def drifted(mean):
    ...     lost = Estimate(mean, mean - 1, mean + 1, n=500, method="", unit="EUR per day")
    ...     return Finding("drift", "inputs", 1.0, "no input moves", "x moved", lost)
    >>> [worth_telling(drifted(mean), 100.0) for mean in (-120.0, 20.0)]
    [True, False]
    """
    if finding.kind not in ("drift", "creep") or finding.value_per_day is None:
        return True
    return abs(finding.value_per_day.mean) >= least_per_day


def _of_outcome(feature: str) -> str:
    """Return which outcome a score is of, where it is one of several."""
    _, named, label = feature.partition(": ")
    return f"{label}: " if named else ""
