"""What monitoring needs of a bundle: how it valued cases, and what it saw when it was built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import ModelError
from assay.evidence.bundle import Bundle, Input, Signature
from assay.monitor.possible import Blocks
from assay.ports.engine import Columns, Floats
from assay.stats.cell_calibration import CellCalibrator
from assay.stats.class_tables import ClassCells
from assay.stats.forecast_cells import class_score_cells, forecast_blocks, score_cells
from assay.stats.forecaster import Forecaster, forecast, forecaster_from_document
from assay.stats.reference import Reference, read_reference
from assay.stats.score_cells import ScoreCells
from assay.value.stake import gain_at_stake
from assay.value.valuation import Valuation, valuation_from_document

__all__ = ["Watched", "watch_bundle"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Watched:
    """A model version under watch: its inputs, valuation, calibration and reference.

    Needs no engine: scores come from captures, or from whoever made them.
    """

    inputs: tuple[Input, ...]
    valuation: Valuation
    forecaster: Forecaster
    reference: Reference

    def forecast(self, score: Floats, columns: Columns | None = None) -> Floats:
        """Return forecasts (n, K) for raw scores, (n,) or (n, K), and the columns of their cases.

        Columns may be left out where no payoff reads one.
        """
        return forecast(self.forecaster, score, self._stakes(score, columns))

    def blocks(self, score: Floats, columns: Columns | None = None) -> Blocks:
        """Return each case's calibration block, and the labelled cases behind each block.

        Residual quantiles keep no counts; there the reference rows stand for them, shared evenly.
        """
        stakes = self._stakes(score, columns)
        found = forecast_blocks(self.forecaster, score, stakes, self.reference.pooled.n)
        return Blocks(*found, by_amount=self.by_amount)

    @property
    def by_amount(self) -> bool:
        """Whether probabilities hang on the amount at stake as well as on the score."""
        return isinstance(self.forecaster, CellCalibrator)

    @cached_property
    def cells(self) -> ScoreCells:
        """The cells of the score table: those of the reference's scores, cut where blocks begin."""
        return score_cells(self.forecaster, self.reference.grid, self.reference.pooled.n)

    @cached_property
    def class_cells(self) -> ClassCells:
        """The cells of each outcome's score; ValueError with fewer than three outcomes."""
        return class_score_cells(self.forecaster, self.reference.grid, self.valuation.labels)

    def cells_of(self, score: Floats, columns: Columns | None = None) -> Ints:
        """Return the score cell (n,) of each case."""
        one = score if score.ndim == 1 else score.max(axis=1)
        blocks = self.blocks(score, columns).of_case if self.cells.crossed else None
        return self.cells.of(one, blocks)

    def _stakes(self, score: Floats, columns: Columns | None) -> Floats | None:
        if columns is None or not self.by_amount:
            return None
        return gain_at_stake(self.valuation, columns, len(score))

    def encode_decisions(self, decisions: Sequence[Any]) -> NDArray[Any]:
        """Return decisions as people say them as codes or amounts."""
        if self.valuation.task == "regression":
            return np.array(decisions, dtype=np.float64)
        codes = {name: code for code, name in enumerate(self.valuation.actions)}
        return np.array([codes[name] for name in decisions], dtype=np.int64)


def watch_bundle(bundle: Bundle) -> Watched:
    """Read what monitoring needs from a bundle's files; ModelError where one does not read."""
    try:
        signature = msgspec.json.decode(bundle.files["signature.json"], type=Signature)
        calibration = msgspec.json.decode(bundle.files["calibration.json"])
        return Watched(
            signature.inputs,
            valuation_from_document(msgspec.json.decode(bundle.files["policy.json"])),
            forecaster_from_document(calibration),
            read_reference(msgspec.json.decode(bundle.files["reference.json"])),
        )
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The bundle {bundle.digest[:12]} of {bundle.model} cannot be monitored: {error!r}. "
            "Build the model again with this version of Assay."
        ) from error
