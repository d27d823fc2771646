"""The choice among responses: what clearly pays more on the newest outcomes, else nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.training_set import at
from assay.lifecycle.recalibration import Recalibration, recalibrated
from assay.lifecycle.standing import Standing
from assay.ports.engine import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["LEAST_LABELS", "Newest", "Option", "ResponseKind", "best", "options"]

ResponseKind = Literal["recalibrate", "retrain", "fall back"]

LEAST_LABELS = 100
"""Outcomes below which no response is chosen by what it would have paid."""

_ERRORS = 1.282
_FALLBACK_ERRORS = 1.645
"""Standard errors that a gain must exceed: 90% one-sided for a change of the model, so that about
one in ten is taken where nothing moved, and 95% for a fallback, since a baseline does not learn
and, where it acts on nobody, sees nothing."""

_BLOCKS = 5
"""Blocks in time over which a recalibration is cross-fitted to be judged."""


@dataclass(frozen=True, eq=False)
class Newest:
    """The newest known outcomes: rows, outcomes (encoded), columns.

    `weights` are one over the chance that a case's outcome was revealed, `n` the cases that had
    such a chance. `shadow` is a model made as a retraining would have made it when these
    rows were decided, with the outcomes known then: it is judged as it would have served.
    """

    rows: NDArray[np.int64]
    outcomes: NDArray[Any]
    columns: Columns
    weights: Floats
    n: int
    inputs: pl.DataFrame
    shadow: Standing

    def part(self, places: NDArray[np.int64]) -> Newest:
        """Return some of these outcomes, by place."""
        return replace(
            self,
            rows=self.rows[places],
            outcomes=self.outcomes[places],
            columns=at(self.columns, places),
            weights=self.weights[places],
            n=len(places),
            inputs=self.inputs[places],
        )

    def gains(self, valuation: Valuation, one: NDArray[Any], other: NDArray[Any]) -> Floats:
        """Return what decisions `one` paid above `other`, for each case that could be seen (n,)."""
        paid = valuation.realised(one, self.outcomes, self.columns)
        instead = valuation.realised(other, self.outcomes, self.columns)
        unseen = np.zeros(self.n - len(self.rows))
        return np.concatenate([self.weights * (paid - instead), unseen])


@dataclass(frozen=True, eq=False)
class Option:
    """A response, its estimated gain over doing nothing and its cost, per decision in currency.

    `error` is the gain's standard error, `errors` how many of them the gain must exceed.
    """

    kind: ResponseKind
    text: str
    gain: float
    error: float
    cost: float
    errors: float
    make: Callable[[], Standing]

    @property
    def beyond_doubt(self) -> float:
        """The gain net of its cost that noise does not explain."""
        return self.gain - self.errors * self.error - self.cost

    def reason(self, currency: str) -> str:
        """Say why, in one line."""
        return (
            f"{self.text}: {self.gain:+.3f} {currency} per decision on the newest outcomes "
            f"(standard error {self.error:.3f})"
        )


def options(
    now: Standing,
    newest: Newest,
    valuation: Valuation,
    retrain: Callable[[], Standing],
    retraining_cost: float,
) -> tuple[Option, ...]:
    """Return what could be done, each judged on the newest outcomes against what stands now.

    A model that learned from these very rows is judged by its shadow instead. `retraining_cost` is
    in currency per decision.
    """
    judged = now if now.cutoff <= int(newest.rows[0]) else _as_shadow(now, newest.shadow)
    plain = judged.model.forecast(newest.inputs)
    bent = plain if judged.recalibration is None else judged.recalibration.apply(plain)
    own = judged.decide(bent, newest.columns)

    def option(
        kind: ResponseKind, text: str, decisions: NDArray[Any], make: Callable[[], Standing]
    ) -> Option:
        gains = newest.gains(valuation, decisions, own)
        error = float(gains.std()) / np.sqrt(len(gains))
        asked = _FALLBACK_ERRORS if kind == "fall back" else _ERRORS
        cost = retraining_cost if kind == "retrain" else 0.0
        return Option(kind, text, float(gains.mean()), error, cost, asked, make)

    learned = now.model.valuation
    mapped, policy = _recalibrated(learned, plain, newest)
    found = [
        option(
            "recalibrate",
            "recalibrate and move the policy",
            _cross_fitted(learned, plain, newest),
            lambda: now.bent(mapped, policy),
        ),
        option("retrain", "retrain", _decisions(newest.shadow, newest), retrain),
    ]
    for name in valuation.baseline_names:
        decisions = now.policy.baseline(newest.columns, len(newest.rows), name)
        make = _falling_back(now, name)
        found.append(option("fall back", f"fall back to {name}", decisions, make))
    return tuple(found)


def best(found: Sequence[Option]) -> Option | None:
    """Return the option of highest gain beyond doubt, or None where no gain is."""
    paying = [each for each in found if each.beyond_doubt > 0]
    return max(paying, key=lambda each: each.beyond_doubt, default=None)


def _recalibrated(
    valuation: Valuation, plain: Floats, newest: Newest
) -> tuple[Recalibration, Valuation]:
    """Learn the map and the learned parts of the policy from these outcomes."""
    mapped = recalibrated(valuation.task, plain, newest.outcomes, newest.weights)
    return mapped, valuation.tuned(mapped.apply(plain), newest.outcomes, newest.columns)


def _cross_fitted(valuation: Valuation, plain: Floats, newest: Newest) -> NDArray[Any]:
    """Return what a recalibration decides on each block in time, made from the other blocks (n,).

    Decisions of a map on the very outcomes that made it would look better than they are.
    """
    places = np.arange(len(newest.rows))
    decided = []
    for block in np.array_split(places, _BLOCKS):
        others = np.setdiff1d(places, block)
        mapped, policy = _recalibrated(valuation, plain[others], newest.part(others))
        decided.append(policy.decide(mapped.apply(plain[block]), at(newest.columns, block)))
    return np.concatenate(decided)


def _decisions(standing: Standing, newest: Newest) -> NDArray[Any]:
    return standing.decide(standing.forecast(newest.inputs), newest.columns)


def _as_shadow(now: Standing, shadow: Standing) -> Standing:
    """Return the shadow model with what has been done to the one that stands."""
    return replace(now, model=shadow.model, taught=shadow.taught)


def _falling_back(now: Standing, name: str) -> Callable[[], Standing]:
    return lambda: now.replaced_by(name)
