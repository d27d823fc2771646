"""From input columns to score, forecast, decision and expected value, as a bundle has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import DataError, ModelError
from assay.evidence.bundle import Bundle, Signature
from assay.ports.engine import Columns, Engine, Floats
from assay.stats.forecaster import forecaster_from_document
from assay.value.classification import ClassificationValuation
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

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The columns it needs: the model's in their order, then others of the valuation."""
        inputs = tuple(column.name for column in self.signature.inputs)
        return (*inputs, *sorted(self.valuation.columns - set(inputs)))

    @cached_property
    def reads_all(self) -> frozenset[str]:
        """The same, in no order."""
        return frozenset(self.reads)

    @cached_property
    def case_by_case(self) -> bool:
        """Whether the policy learned all that it needs to decide rows together, each by itself.

        Bundles of before may lack it: then each row is decided alone, which takes longer.
        """
        return self.valuation.case_by_case

    @cached_property
    def caveat(self) -> str:
        """What to know of how it decides; empty for all that this version of Assay builds."""
        if self.case_by_case:
            return ""
        return (
            "The policy of this bundle was made by an earlier version of Assay and did not learn "
            "from which probability on to act or to refer. Each row is decided by its own payoffs, "
            "whatever it comes with, which takes longer. Move the policy with `assay policy`, or "
            "build the model again."
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle, engine: Engine) -> Scorer:
        """Read signature, calibration and policy; `engine` is the bundle's model, loaded.

        Raises ModelError where a file is missing or does not read, and where the policy shares out
        what it never learned a price for: no row could be decided alone.
        """
        signature = read_signature(bundle)
        try:
            learned = forecaster_from_document(json.loads(bundle.files["calibration.json"]))
            valuation = valuation_from_document(json.loads(bundle.files["policy.json"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(bundle, error) from error
        _demand_prices(bundle, valuation)
        return cls(signature, engine, partial(forecast_cases, learned, valuation), valuation)

    def score(
        self, columns: Columns, *, by_baseline: bool = False, baseline: str | None = None
    ) -> Scored:
        """Score rows: the columns of the signature, and those that the valuation reads.

        The policy decides, or `by_baseline` the charter's baseline (the one named by `baseline`
        where it is given); expected values are those of the decisions taken. Raises DataError where
        a row cannot be scored or its value cannot be told.
        """
        raw, forecast = self.forecast(columns)
        return self.decide(raw, forecast, columns, by_baseline=by_baseline, baseline=baseline)

    def forecast(self, columns: Columns) -> tuple[Floats, Floats]:
        """Return the raw scores of rows, and their forecasts; DataError as of `score`."""
        raw = self.engine.score(columns)
        return raw, self.calibrate(raw, columns)

    def decide(
        self,
        raw: Floats,
        forecast: Floats,
        columns: Columns,
        *,
        by_baseline: bool = False,
        baseline: str | None = None,
    ) -> Scored:
        """Decide rows that have a forecast; arguments and errors otherwise as of `score`."""
        if by_baseline:
            decision = self.valuation.baseline(columns, len(forecast), baseline)
            return Scored(raw, forecast, decision, self.expected(forecast, decision, columns))
        if self.case_by_case or len(forecast) < 2:
            decision, value = self.valuation.decide_and_value(forecast, columns)
        else:
            decision, value = self._decided_alone(forecast, columns)
        return Scored(raw, forecast, decision, self._demand_finite(value))

    def _decided_alone(self, forecast: Floats, columns: Columns) -> tuple[NDArray[Any], Floats]:
        """Decide each row as if it came alone; returns decisions and their expected values."""
        read = {name: columns[name] for name in self.valuation.columns}
        each = [
            self.valuation.decide_and_value(
                forecast[row : row + 1],
                {name: values[row : row + 1] for name, values in read.items()},
            )
            for row in range(len(forecast))
        ]
        return np.concatenate([one for one, _ in each]), np.concatenate([one for _, one in each])

    def expected(self, forecast: Floats, decision: NDArray[Any], columns: Columns) -> Floats:
        """Return the expected value of decisions, for each row in currency per decision."""
        return self._demand_finite(self.valuation.expected(forecast, decision, columns))

    def _demand_finite(self, value: Floats) -> Floats:
        if np.isfinite(value).all():
            return value
        lost = np.flatnonzero(~np.isfinite(value))
        raise DataError(
            f"The expected value of row {lost[0]} is not a number: the payoff reads "
            f"{', '.join(sorted(self.valuation.columns)) or 'no column'}; send every value."
        )


def read_signature(bundle: Bundle) -> Signature:
    """Return what the bundle's model takes and answers; ModelError where it does not read."""
    try:
        return msgspec.json.decode(bundle.files["signature.json"], type=Signature)
    except (KeyError, ValueError) as error:
        raise _unreadable(bundle, error) from error


def _demand_prices(bundle: Bundle, valuation: Valuation) -> None:
    if not isinstance(valuation, ClassificationValuation):
        return
    if valuation.limits and valuation.prices is None:
        raise ModelError(
            f"The policy of the bundle {bundle.digest[:12]} of {bundle.model} keeps to the "
            f"{valuation.limits[0].name} and never learned a price for it, so that a row cannot be "
            "decided alone. Move the policy with `assay policy`, or build the model again."
        )


def _unreadable(bundle: Bundle, error: Exception) -> ModelError:
    return ModelError(
        f"The bundle {bundle.digest[:12]} of {bundle.model} does not read: {error!r}. "
        "Build the model again with this version of Assay."
    )
