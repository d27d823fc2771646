"""What windows say together, and what columns are not as they were, as findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from assay.monitor.concept import concept_findings
from assay.monitor.creep import Creeping
from assay.monitor.finding import Finding, FindingKind
from assay.monitor.schema_drift import SchemaChange
from assay.monitor.sequences import Crept, Followed
from assay.monitor.volume import Volume
from assay.stats.estimate import Estimate
from assay.stats.profile import is_score

__all__ = ["creep_findings", "followed_findings", "schema_findings"]

_SHOWN = 3


def followed_findings(
    followed: Followed,
    told: Collection[str] = (),
    lost: Estimate | None = None,
    a_day: Volume | None = None,
) -> tuple[set[FindingKind], list[Finding]]:
    """Return which kinds could be judged over windows, and what was found.

    Of features already `told` to have moved in this very window creep says nothing more. `lost` is
    what the changed mix of cases costs a day by now, `a_day` the decisions that are made.
    """
    kinds, found = set[FindingKind](), list[Finding]()
    if not followed.crept.note:
        kinds.add("creep")
        found += creep_findings(followed.crept, told, lost)
    if followed.concept is not None:
        kinds.add("concept")
        found += concept_findings(followed.concept, a_day)
    return kinds, found


def creep_findings(
    crept: Crept, told: Collection[str] = (), lost: Estimate | None = None
) -> tuple[Finding, ...]:
    """Return at most two findings: inputs that have crept (together), and the model's score.

    `lost` is the one amount a day that both share.
    """
    found = []
    for metric, of in (("inputs", False), ("score", True)):
        fresh = [one for one in crept.moved if one.feature not in told]
        moved = [one for one in fresh if is_score(one.feature) == of]
        if moved:
            text = f"{metric} crept: {_shown([_said(one) for one in moved])}"
            limit = "no shift that stays"
            found.append(Finding("creep", metric, float(len(moved)), limit, text, lost))
    return tuple(found)


def schema_findings(changes: Sequence[SchemaChange]) -> tuple[Finding, ...]:
    """Return one finding for all columns that are not as they were."""
    if not changes:
        return ()
    text = f"columns are not as they were: {_shown([one.text for one in changes])}"
    return (Finding("schema", "columns", float(len(changes)), "columns as they were", text),)


def _said(one: Creeping) -> str:
    return f"{one.feature} {one.text}"


def _shown(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
