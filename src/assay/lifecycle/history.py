"""The one door to a replay's table: it opens only on what was known at the time."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.columns import infer_inputs, to_columns
from assay.build.training_set import at
from assay.charter.charter import Charter
from assay.lifecycle.timeline import Timeline
from assay.ports.engine import Columns
from assay.value.valuation import Valuation

__all__ = ["History"]

Rows = NDArray[np.int64]


class History:
    """Rows in order of time, their inputs at any moment, their outcomes only once they are known.

    Whoever decides gets rows without the outcome and without columns known only afterwards.
    """

    def __init__(self, line: Timeline, charter: Charter, valuation: Valuation) -> None:
        data = charter.data
        self.line = line
        self.valuation = valuation
        self._frame = line.frame.drop([c for c in data.known_after if c in line.frame.columns])
        self._inputs = self._frame.drop(data.outcome)
        self._outcomes = valuation.encode(line.frame[data.outcome].to_numpy())
        self._columns = to_columns(
            self._inputs, infer_inputs(self._frame, charter, valuation.columns)
        )
        entity = data.entity
        self.entities: NDArray[Any] | None = None if entity is None else _names(line.frame, entity)

    def inputs(self, rows: Rows) -> pl.DataFrame:
        """Return what was known of some cases before they were decided."""
        return self._inputs[rows]

    def columns(self, rows: Rows) -> Columns:
        """Return the input columns of some cases."""
        return at(self._columns, rows)

    def outcomes(self, rows: Rows, known: int) -> NDArray[Any]:
        """Return outcomes of rows below `known`; ValueError for a look into the future."""
        self._past(rows, known)
        return self._outcomes[rows]

    def lessons(self, rows: Rows, known: int) -> pl.DataFrame:
        """Return rows below `known` with their outcome, to train on; ValueError otherwise."""
        self._past(rows, known)
        return self._frame[rows]

    def truth(self, rows: Rows) -> NDArray[Any]:
        """Return outcomes whenever they came: for the books after the replay, never to decide."""
        return self._outcomes[rows]

    def _past(self, rows: Rows, known: int) -> None:
        if len(rows) and int(rows.max()) >= known:
            raise ValueError(
                f"row {int(rows.max())} was asked for its outcome when only rows below {known} "
                "had theirs"
            )


def _names(frame: pl.DataFrame, entity: str) -> NDArray[Any]:
    return frame[entity].cast(pl.String).fill_null("").to_numpy()
