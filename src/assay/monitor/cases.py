"""The cases of one model version in one window, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.monitor.input_columns import columns_as_built
from assay.monitor.join import first_of_each
from assay.monitor.watched import Watched
from assay.ports.engine import Columns, Floats
from assay.ports.predictions import INPUT, served_frame

__all__ = [
    "Cases",
    "framed_cases",
    "inputs_in",
    "moments",
    "read_cases",
    "scores_of",
    "served_once",
]


@dataclass(frozen=True, eq=False)
class Cases:
    """Input columns, raw scores and decisions of n cases, with the outcomes known so far.

    `score` is (n,), or (n, K) for K > 2 outcomes. `decisions` and `outcomes` are encoded by the
    valuation; an outcome counts only where `labelled`. `entities` names whose case each is, or is
    None where cases stand alone. `matured` tells of which cases the label delay is over (all where
    None): before that not even an outcome that is known counts, for those that come early are not
    like the others. `propensity` (n,) is the chance with which each decision was taken on its arm,
    `latency_ms` (n,) how long its answer took (NaN where that was not measured); None where the log
    does not tell.
    """

    columns: Columns
    score: Floats
    decisions: NDArray[Any]
    outcomes: NDArray[Any]
    labelled: NDArray[np.bool_]
    entities: NDArray[Any] | None = None
    matured: NDArray[np.bool_] | None = None
    propensity: Floats | None = None
    latency_ms: Floats | None = None

    @property
    def n(self) -> int:
        """How many cases there are."""
        return len(self.decisions)

    @property
    def counting(self) -> NDArray[np.bool_]:
        """Which cases have an outcome that counts."""
        return self.labelled if self.matured is None else self.labelled & self.matured

    @classmethod
    def before_labels(cls, columns: Columns, score: Floats, decisions: NDArray[Any]) -> Cases:
        """Return cases of which no outcome is known."""
        n = len(decisions)
        return cls(columns, score, decisions, np.zeros(n, np.int64), np.zeros(n, dtype=np.bool_))

    def known(self, outcomes: NDArray[Any], labelled: NDArray[np.bool_] | None = None) -> Cases:
        """Return the cases with encoded outcomes, of all of them or of those `labelled`."""
        every = np.ones(self.n, dtype=np.bool_) if labelled is None else labelled
        return replace(self, outcomes=outcomes, labelled=every)

    def at(self, rows: NDArray[np.bool_]) -> Cases:
        """Return some of the cases."""
        return Cases(
            {name: column[rows] for name, column in self.columns.items()},
            self.score[rows],
            self.decisions[rows],
            self.outcomes[rows],
            self.labelled[rows],
            _some(self.entities, rows),
            _some(self.matured, rows),
            _some(self.propensity, rows),
            _some(self.latency_ms, rows),
        )

    def ripe(self) -> Cases:
        """Return the cases whose label delay is over."""
        return self if self.matured is None else self.at(self.matured)


def served_once(captures: Iterable[Mapping[str, Any]], model: str) -> list[Mapping[str, Any]]:
    """Return a model's captures in order of time, each prediction id once, the first answer."""
    records = [record for record in captures if record["model"] == model]
    order = np.argsort(moments(records), kind="stable")
    records = [records[place] for place in order.tolist()]
    return [records[place] for place in first_of_each([one["id"] for one in records]).tolist()]


def moments(records: Sequence[Mapping[str, Any]]) -> NDArray[np.datetime64]:
    """Return when each capture was made, in UTC."""
    times = [datetime.fromisoformat(record["at"]) for record in records]
    plain = [time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time for time in times]
    return np.array(plain, dtype="datetime64[us]")


def read_cases(
    watched: Watched,
    records: Sequence[Mapping[str, Any]],
    outcomes: Sequence[Any],
    labelled: NDArray[np.bool_],
    matured: NDArray[np.bool_] | None = None,
) -> Cases:
    """Return captures of one bundle, with the raw outcomes that are known, as arrays."""
    known = [one if is_told else None for one, is_told in zip(outcomes, labelled, strict=True)]
    told = pl.Series("outcome", known, strict=False)
    return framed_cases(watched, served_frame(records).with_columns(told), matured)


def framed_cases(
    watched: Watched, rows: pl.DataFrame, matured: NDArray[np.bool_] | None = None
) -> Cases:
    """Return predictions of one bundle (see `ports.predictions`) as arrays.

    Their column `outcome` holds the raw outcomes, null where none is known.
    """
    valuation, told = watched.valuation, rows["outcome"]
    labelled = told.is_not_null().to_numpy()
    encoded = np.zeros(rows.height, np.float64 if valuation.task == "regression" else np.int64)
    if labelled.any():
        encoded[labelled] = valuation.encode(told.drop_nulls().to_numpy())
    entities = rows["entity"]
    return Cases(
        columns_as_built(watched, inputs_in(rows), rows.height),
        scores_of(rows["score"]),
        watched.encode_decisions(rows["decision"].to_list()),
        encoded,
        labelled,
        None
        if entities.null_count() or (entities == "").any()
        else entities.to_numpy().astype(str),
        matured,
        _told(rows["propensity"]),
        _told(rows["latency_ms"]),
    )


def _some(column: NDArray[Any] | None, rows: NDArray[np.bool_]) -> NDArray[Any] | None:
    return None if column is None else column[rows]


def inputs_in(rows: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the input columns of predictions by the names that the model knows."""
    return {one.removeprefix(INPUT): rows[one] for one in rows.columns if one.startswith(INPUT)}


def scores_of(scores: pl.Series) -> Floats:
    """Return raw scores (n,), or (n, K) where each row has K of them."""
    if isinstance(scores.dtype, pl.List):
        return np.array(scores.to_list(), dtype=np.float64)
    return scores.to_numpy().astype(np.float64)


def _told(column: pl.Series) -> Floats | None:
    """Return numbers with NaN for what is missing; None where all of it is."""
    if column.null_count() == len(column):
        return None
    return column.fill_null(np.nan).to_numpy().astype(np.float64)
