"""What creeps and what changed in the columns, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from assay.monitor.creep import Creep
from assay.monitor.finding import Finding
from assay.monitor.schema_drift import SchemaChange
from assay.stats.estimate import Estimate

__all__ = ["creep_findings", "schema_findings"]

_SHOWN = 3


def creep_findings(creep: Creep, between: int, lost: Estimate | None = None) -> tuple[Finding, ...]:
    """Return one finding of all features that crept, the surest first; none where none did.

    `between` is the number of windows between false alarms, `lost` what it costs a day.
    """
    if not creep.moved:
        return ()
    shown = "; ".join(f"{one.feature}: {one.text}" for one in creep.moved[:_SHOWN])
    more = f"; and {len(creep.moved) - _SHOWN} more" if len(creep.moved) > _SHOWN else ""
    limit = f"one false alarm in {between} windows at most"
    text = f"{len(creep.moved)} of {len(creep.features)} features creep. {shown}{more}"
    return (Finding("creep", "features", float(len(creep.moved)), limit, text, lost),)


def schema_findings(
    changes: Sequence[SchemaChange], lost: Estimate | None = None
) -> tuple[Finding, ...]:
    """Return one finding for each column whose presence, kind or values are not as before.

    >>> [one.text for one in schema_findings([SchemaChange("job", "new", "job is new")])]
    ['job is new']
    """
    return tuple(
        Finding("schema", f"{one.kind}: {one.column}", 1.0, "columns as built", one.text, lost)
        for one in changes
    )
