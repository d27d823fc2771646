"""Whether a version that was trained anew elsewhere is worth the same as its original."""

from __future__ import annotations

import numpy as np
import polars as pl

from assay.build.clusters import clusters_of
from assay.build.columns import to_columns
from assay.build.packaged import Packaged
from assay.build.parity import Engines
from assay.build.set_aside import set_aside
from assay.charter.charter import Charter
from assay.evidence.evidence import Check, Evidence
from assay.lifecycle.live_version import LiveVersion
from assay.stats.clusters import clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import per_decision
from assay.value.identification import identification
from assay.value.valuation import valuation

__all__ = ["equivalence"]


def equivalence(
    charter: Charter,
    frame: pl.DataFrame,
    original: Packaged,
    made: Packaged,
    engines: Engines,
    tolerance: float,
) -> Evidence:
    """Compare what two versions pay on the rows that judged the newer; the table is the newer's.

    Both decide the same rows, and the difference is taken case by case before its mean. It passes
    where the whole interval lies within `tolerance`, in currency per decision, on either side of 0:
    two one-sided tests (Schuirmann, A comparison of the two one-sided tests procedure and the power
    approach, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987), at 2.5 % each. Too few
    rows leave the interval wide, so that nothing is equivalent for lack of data.
    """
    found = _difference(charter, frame, original, made, engines)
    digests = charter.digests()
    check = Check(
        name=f"value as version {original.version}",
        passed=-tolerance <= found.low and found.high <= tolerance,
        measured=float(max(abs(found.low), abs(found.high))),
        limit=f"at most {tolerance:.4g} {charter.value.currency} per decision either way",
        note=f"It pays {found!r} more than version {original.version}, on {found.n:,} rows "
        f"of the table of {charter.environment}.",
    )
    return Evidence(
        kind="equivalence",
        subject=made.bundle.digest,
        rests_on={name: digests[name] for name in ("data", "value", "environments")},
        inputs={"data": made.data, "original": original.bundle.digest},
        checks=(check,),
        content={
            "environment": charter.environment,
            "original": original.version,
            "tolerance": tolerance,
            "difference": found.document(),
        },
    )


def _difference(
    charter: Charter, frame: pl.DataFrame, original: Packaged, made: Packaged, engines: Engines
) -> Estimate:
    """Return by how much more the newer version pays per decision."""
    valued = valuation(charter.value, charter.data)
    rows = set_aside(frame, charter, valued).judged
    outcomes = valued.encode(rows[charter.data.outcome].to_numpy())
    paid = []
    for packaged in (original, made):
        version = LiveVersion.of(packaged, engines)
        columns = to_columns(rows, packaged.signature.inputs)
        paid.append(valued.realised(version.decide(columns, valued), outcomes, columns))
    low, high = valued.bounds()
    mean = clustered_mean(
        np.asarray(paid[1] - paid[0], dtype=np.float64),
        clusters_of(rows, charter),
        seed=charter.build.seed,
        unit=per_decision(valued),
        bounds=(low - high, high - low),
    )
    return identification(charter.value, charter.data, charter.release).evaluation.mark(mean)
