"""From input columns to score, forecast, decision and expected value, as a bundle has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError, ModelError
from assay.evidence.bundle import Bundle, Signature
from assay.ports.engine import Columns, Engine, Floats
from assay.stats.forecaster import forecaster_from_document
from assay.value.stake import forecast_cases
from assay.value.valuation import Valuation, valuation_from_document

__all__ = ["Scored", "Scorer", "read_signature"]


@dataclass(frozen=True)
class Scored:
    """What a bundle says about n rows.

    `score` is the model's raw score, (n,), or (n, K) for K > 2 outcomes; `forecast` (n, K)
    probabilities of the outcomes or quantiles; `decision` (n,) action codes or amounts;
    `expected_value` (n,) in currency per decision.
    """

    score: Floats
    forecast: Floats
    decision: NDArray[Any]
    expected_value: Floats

    @property
    def probability(self) -> Floats:
        """P(last outcome) of each row: the positive one of two (classification)."""
        positive: Floats = self.forecast[:, -1]
        return positive


@dataclass(frozen=True)
class Scorer:
    """A loaded bundle: engine, calibration, decision policy. The same in every phase.

    `calibrate` turns raw scores and the columns of their cases into forecasts (n, K).
    """

    signature: Signature
    engine: Engine
    calibrate: Callable[[Floats, Columns], Floats]
    valuation: Valuation

    @classmethod
    def from_bundle(cls, bundle: Bundle, engine: Engine) -> Scorer:
        """Read signature, calibration and policy; `engine` is the bundle's model, loaded.

        Raises ModelError where a file is missing or does not read.
        """
        signature = read_signature(bundle)
        try:
            learned = forecaster_from_document(json.loads(bundle.files["calibration.json"]))
            valuation = valuation_from_document(json.loads(bundle.files["policy.json"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(bundle, error) from error
        return cls(signature, engine, partial(forecast_cases, learned, valuation), valuation)

    def score(
        self, columns: Columns, *, by_baseline: bool = False, baseline: str | None = None
    ) -> Scored:
        """Score rows: the columns of the signature, and those that the valuation reads.

        The policy decides, or `by_baseline` the charter's baseline (the one named by `baseline`
        where it is given); expected values are those of the decisions taken. Raises DataError where
        a row cannot be scored or its value cannot be told.
        """
        raw = self.engine.score(columns)
        forecast = self.calibrate(raw, columns)
        if by_baseline:
            decision = self.valuation.baseline(columns, len(forecast), baseline)
        else:
            decision = self.valuation.decide(forecast, columns)
        return Scored(raw, forecast, decision, self.expected(forecast, decision, columns))

    def expected(self, forecast: Floats, decision: NDArray[Any], columns: Columns) -> Floats:
        """Return the expected value of decisions, for each row in currency per decision."""
        value = self.valuation.expected(forecast, decision, columns)
        lost = np.flatnonzero(~np.isfinite(value))
        if lost.size:
            raise DataError(
                f"The expected value of row {lost[0]} is not a number: the payoff reads "
                f"{', '.join(sorted(self.valuation.columns)) or 'no column'}; send every value."
            )
        return value


def read_signature(bundle: Bundle) -> Signature:
    """Return what the bundle's model takes and answers; ModelError where it does not read."""
    try:
        return msgspec.json.decode(bundle.files["signature.json"], type=Signature)
    except (KeyError, ValueError) as error:
        raise _unreadable(bundle, error) from error


def _unreadable(bundle: Bundle, error: Exception) -> ModelError:
    return ModelError(
        f"The bundle {bundle.digest[:12]} of {bundle.model} does not read: {error!r}. "
        "Build the model again with this version of Assay."
    )
