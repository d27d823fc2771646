"""The rows that judged a version, kept so that what it realises can be compared with them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.retraining_cost import retrainings_per_month
from assay.build.tested import Tested
from assay.charter.charter import Charter
from assay.charter.value import ValueModel
from assay.errors import ModelError
from assay.evidence.bundle import Input
from assay.evidence.digest import digest_bytes
from assay.ports.engine import Columns, Floats
from assay.stats.clusters import Clusters

__all__ = ["JudgedRows", "fixed_costs_per_month", "judged_rows", "segment_names"]

_FORMAT = 1
_PAYOFF, _SCORE = "payoff: ", "score "


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """Raw scores, outcomes and payoff columns of the rows that judged a version, and its plan.

    Outcomes are encoded by the version's valuation, and raw scores become forecasts by its
    calibration: both are in its bundle. Amounts are in the charter's currency as it was then.
    """

    score: Floats
    outcomes: NDArray[Any]
    columns: Columns
    segments: NDArray[np.str_]
    segmented_by: tuple[str, ...]
    clusters: Clusters | None
    decisions_per_month: float
    fixed_costs_per_month: float
    cost_per_decision: float

    def table(self) -> bytes:
        """Return the rows as Parquet: the same rows, the same bytes."""
        scores = self.score.reshape(len(self.score), -1)
        found: dict[str, NDArray[Any]] = {
            f"{_SCORE}{place}": scores[:, place] for place in range(scores.shape[1])
        }
        found |= {"outcome": self.outcomes, "segment": self.segments.astype(object)}
        if self.clusters is not None:
            found["cluster"] = self.clusters.codes
        found |= {f"{_PAYOFF}{name}": self.columns[name] for name in sorted(self.columns)}
        out = io.BytesIO()
        pl.DataFrame(found).write_parquet(out, compression="zstd")
        return out.getvalue()

    def document(self) -> dict[str, Any]:
        """Return what evidence says of the rows: the digest of their table, and the plan."""
        return {
            "format": _FORMAT,
            "digest": digest_bytes(self.table()),
            "rows": len(self.outcomes),
            "segmented_by": list(self.segmented_by),
            "hang_together_by": None if self.clusters is None else self.clusters.by,
            "decisions_per_month": self.decisions_per_month,
            "fixed_costs_per_month": self.fixed_costs_per_month,
            "cost_per_decision": self.cost_per_decision,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], table: bytes) -> JudgedRows:
        """Read the rows back; ModelError where they are of a format that is not known."""
        if document["format"] != _FORMAT:
            raise ModelError(
                f"The rows that judged this version have format {document['format']!r}; this "
                f"version of Assay reads format {_FORMAT}. Build the model again."
            )
        frame, by = pl.read_parquet(io.BytesIO(table)), document["hang_together_by"]
        scores = np.column_stack(
            [frame[n].to_numpy() for n in frame.columns if n.startswith(_SCORE)]
        )
        return cls(
            score=scores[:, 0] if scores.shape[1] == 1 else scores,
            outcomes=frame["outcome"].to_numpy(),
            columns={
                name.removeprefix(_PAYOFF): frame[name].to_numpy()
                for name in frame.columns
                if name.startswith(_PAYOFF)
            },
            segments=frame["segment"].to_numpy().astype(str),
            segmented_by=tuple(document["segmented_by"]),
            clusters=None if by is None else Clusters(frame["cluster"].to_numpy(), by),
            decisions_per_month=document["decisions_per_month"],
            fixed_costs_per_month=document["fixed_costs_per_month"],
            cost_per_decision=document["cost_per_decision"],
        )


def judged_rows(tested: Tested) -> JudgedRows:
    """Return the rows that judge a version, with what its charter plans."""
    charter, columns = tested.charter, tested.columns
    named = _segmented_by(charter, tested.made.inputs)
    return JudgedRows(
        score=tested.raw,
        outcomes=tested.outcomes,
        columns={name: columns[name] for name in tested.made.valuation.columns},
        segments=segment_names(columns, named, len(tested.outcomes)),
        segmented_by=named,
        clusters=tested.clusters,
        decisions_per_month=charter.value.decisions_per_month,
        fixed_costs_per_month=fixed_costs_per_month(charter, charter.value),
        cost_per_decision=charter.value.cost_per_decision,
    )


def fixed_costs_per_month(charter: Charter, model: ValueModel) -> float:
    """Return what a month costs whatever is decided: running, and retraining by the calendar."""
    return model.run_cost_per_month + model.retraining_cost * retrainings_per_month(charter)


def segment_names(columns: Columns, by: Sequence[str], n: int) -> NDArray[np.str_]:
    """Return the segment of each of n cases: what it has in the columns, together.

    >>> columns = {"sex": np.array(["f", "m"]), "city": np.array(["Faro", "Braga"])}
    >>> segment_names(columns, ("sex", "city"), 2).tolist()
    ['f / Faro', 'm / Braga']
    """
    if not by:
        return np.full(n, "", dtype=np.str_)
    rows = zip(*(columns[name].astype(str).tolist() for name in by), strict=True)
    return np.array([" / ".join(row) for row in rows], dtype=np.str_)


def _segmented_by(charter: Charter, inputs: Sequence[Input]) -> tuple[str, ...]:
    """Return the columns that make segments: the sensitive ones that are input as categories.

    Served cases have their inputs only, and numbers would need the same cuts on all sides.
    """
    kinds = {one.name: one.kind for one in inputs}
    return tuple(name for name in charter.data.sensitive if kinds.get(name) == "category")
