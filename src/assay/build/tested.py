"""A model and the rows that judge it, whoever made the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.clusters import clusters_of
from assay.build.columns import kind_of, to_columns
from assay.charter.charter import Charter
from assay.evidence.bundle import Input, Signature
from assay.evidence.uncompiled import Uncompiled, described
from assay.guardrails.groups import groups_of
from assay.guardrails.plugin import Cases
from assay.ports.engine import Columns, Engine, Floats
from assay.stats.clusters import Clusters
from assay.stats.forecaster import Forecaster
from assay.value.stake import forecast_cases
from assay.value.valuation import Valuation

__all__ = ["REVISED", "Made", "Tested"]

REVISED = "revised"
"""Where a model's history says that it was revised on cases that a version served."""


@dataclass(frozen=True)
class Made:
    """A model as evaluation and packaging need it: scores, forecasts, decisions and its bytes.

    `model` is what will be served, compiled to ONNX or packaged as it is, and `served` is its
    engine: whatever is measured is measured on it. `trained` returns the raw scores of the
    estimator that `model` was made from, None where the file came as it is: `came` then says how.
    `history` is any JSON document on how the model was found. `kept` are files of the bundle, by
    name, that are taken over as they are.
    """

    signature: Signature
    features: tuple[str, ...]
    served: Engine
    trained: Callable[[Columns], Floats] | None
    forecaster: Forecaster
    valuation: Valuation
    model: bytes
    history: Mapping[str, Any] = field(default_factory=dict)
    came: tuple[str, str] = (
        "served as submitted",
        "The submitted file is served as it is, byte for byte or with inputs it ignores.",
    )
    kept: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def uncompiled(self) -> Uncompiled | None:
        """How the model is run where it has no compiled form; None where it has one."""
        return described(self.model)

    @property
    def file(self) -> str:
        """The name of the bundle's file that holds the model."""
        uncompiled = self.uncompiled
        return "model.onnx" if uncompiled is None else uncompiled.file

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input columns."""
        return self.signature.inputs

    def score(self, columns: Columns) -> Floats:
        """Return raw scores, (n,) or (n, K), for input columns, as they will be served."""
        return self.served.score(columns)

    def forecast(self, columns: Columns) -> Floats:
        """Return forecasts (n, K) for input columns."""
        return forecast_cases(self.forecaster, self.valuation, self.score(columns), columns)


@dataclass(frozen=True)
class Tested:
    """A model, test rows that it did not learn from, and the rows that taught it.

    `part` says in words which rows the test rows are, `words` what a reader must not miss about
    how the model came to them.
    """

    made: Made
    charter: Charter
    frame: pl.DataFrame
    learned_from: pl.DataFrame
    part: str
    words: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> Columns:
        """The test rows' input columns."""
        return to_columns(self.frame, self.made.inputs)

    @cached_property
    def outcomes(self) -> NDArray[Any]:
        """The test rows' encoded outcomes."""
        return self.made.valuation.encode(self.frame[self.charter.data.outcome].to_numpy())

    @cached_property
    def raw(self) -> Floats:
        """The test rows' raw scores."""
        return self.made.score(self.columns)

    @cached_property
    def clusters(self) -> Clusters | None:
        """Which test rows hang together: those of an entity, or of a stretch of time."""
        return clusters_of(self.frame, self.charter)

    @cached_property
    def cases(self) -> Cases:
        """The test rows as guardrails see them."""
        valued = self.made.valuation
        forecasts = forecast_cases(self.made.forecaster, valued, self.raw, self.columns)
        return Cases(
            valuation=valued,
            forecast=forecasts,
            decisions=valued.decide(forecasts, self.columns),
            outcomes=self.outcomes,
            columns=self.columns,
            sensitive={name: _groups(self.frame[name]) for name in self.charter.data.sensitive},
            again=self.made.forecast,
        )


def _groups(series: pl.Series) -> NDArray[np.str_]:
    if kind_of(series.dtype) == "number":
        return groups_of(series.cast(pl.Float64).to_numpy())
    return groups_of(series.cast(pl.String).fill_null("").to_numpy().astype(object))
