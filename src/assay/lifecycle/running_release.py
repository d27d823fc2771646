"""What is known of a running release at a moment: all that it is decided on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.charter.charter import Charter
from assay.evidence.folds import ModelState, ReleaseState
from assay.lifecycle.charter_then import charter_of_release
from assay.lifecycle.payoffs import columns_paid
from assay.lifecycle.posting import Served
from assay.ports.blobs import Blobs
from assay.value.valuation import valuation

__all__ = ["RunningRelease", "inputs_read"]

Record = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class RunningRelease:
    """A release as it stands, with what was served under it by a moment.

    `served` is paid by `charter`. `shadows` are the captures of copies that a shadow scored,
    `failures` those of requests that were answered with an error, both in order of writing.
    """

    charter: Charter
    state: ReleaseState
    versions: ModelState
    blobs: Blobs
    served: Served
    now: datetime
    shadows: Sequence[Record] = ()
    failures: Sequence[Record] = ()


def inputs_read(charter: Charter, state: ReleaseState) -> frozenset[str]:
    """Return the inputs of captures that deciding a release reads: for payoffs and guardrails."""
    then = charter_of_release(charter, state)
    columns = {one.column for one in charter.release.guardrails if one.column is not None}
    for one in (charter, then):
        columns |= columns_paid(valuation(one.value, one.data))
    return frozenset(columns)
