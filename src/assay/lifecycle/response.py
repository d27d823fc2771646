"""The choice among responses: what clearly pays more on the newest outcomes, else nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.training_set import at
from assay.charter.response import ResponseKind
from assay.lifecycle.recalibration import Recalibration, recalibrated
from assay.lifecycle.standing import Standing
from assay.ports.engine import Columns, Floats
from assay.value.valuation import Valuation

__all__ = ["LEAST_LABELS", "Newest", "Option", "ResponseKind", "best", "options"]

LEAST_LABELS = 100
"""Outcomes below which no response is chosen by what it would have paid."""

_ERRORS = 1.282
_SURER = 1.645
_ASKED: Mapping[ResponseKind, float] = {"move_policy": _SURER, "fall_back": _SURER}
"""Standard errors that a gain must exceed: 90% one-sided for a change of the model, so that about
one in ten is taken where nothing moved; 95% for a fallback, since a baseline does not learn and,
where it acts on nobody, sees nothing, and for a moved policy, whose cuts jump from block to block
so that its gain spreads by 1.2 to 1.4 of the standard error (one in ten is taken at 95%)."""

_BLOCKS = 5
"""Blocks in time over which a recalibration or a moved policy is cross-fitted to be judged."""

_Decider = Callable[[NDArray[np.int64], Columns], NDArray[Any]]
"""Decides on some of the newest cases, by place, given their columns."""

_Way = tuple[ResponseKind, str, NDArray[Any], Callable[[], Standing]]
"""A response: its kind, its words, what it would have decided on the newest cases, its making."""


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
        """Return what decisions `one` paid above `other`, for each case that could be seen (n,).

        Each is weighed by one over its chance to be seen (Horvitz and Thompson 1952, JASA 47), so
        that few glimpses of what was passed over stand for all of it.
        """
        paid = valuation.realised(one, self.outcomes, self.columns)
        instead = valuation.realised(other, self.outcomes, self.columns)
        unseen = np.zeros(self.n - len(self.rows))
        return np.concatenate([self.weights * (paid - instead), unseen])

    def worst(self, valuation: Valuation, one: NDArray[Any], other: NDArray[Any]) -> float:
        """Return the least that one more case could bring `one` above `other`, or 0.

        It is one of these cases with the outcome that would hurt most (in regression, the case that
        hurt most).
        """
        codes = range(len(valuation.labels))
        told = [self] if valuation.task == "regression" else [self._all(code) for code in codes]
        return min(0.0, *(float(each.gains(valuation, one, other).min()) for each in told))

    def _all(self, code: int) -> Newest:
        return replace(self, outcomes=np.full(len(self.rows), code))


@dataclass(frozen=True, eq=False)
class Option:
    """A response, its estimated gain over doing nothing and its cost, per decision in currency.

    `error` is the gain's standard error, as it would be after one more case that hurts most: where
    payoffs are rare, a handful of cases has not met them yet and looks surer than it is. `errors`
    is how many of them the gain must exceed.
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

    def document(self) -> dict[str, Any]:
        """Return what is known of it as a JSON document."""
        known = ("kind", "text", "gain", "error", "cost", "errors")
        return {**{name: getattr(self, name) for name in known}, "beyond_doubt": self.beyond_doubt}

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

    A model that learned from these very rows is judged by its shadow instead. A policy is moved
    only where it has something to learn (a threshold, prices of limits), and `roll_back` brings
    back what stood before where that did not learn from these rows either. `retraining_cost` is in
    currency per decision.
    """
    judged = now if now.cutoff <= int(newest.rows[0]) else _as_shadow(now, newest.shadow)
    plain = judged.model.forecast(newest.inputs)
    bent = plain if judged.recalibration is None else judged.recalibration.apply(plain)
    own = judged.decide(bent, newest.columns)

    def option(
        kind: ResponseKind, text: str, decisions: NDArray[Any], make: Callable[[], Standing]
    ) -> Option:
        gains = newest.gains(valuation, decisions, own)
        worst = newest.worst(valuation, decisions, own)
        error = float(np.append(gains, worst).std()) / np.sqrt(len(gains))
        asked = _ASKED.get(kind, _ERRORS)
        cost = retraining_cost if kind == "retrain" else 0.0
        return Option(kind, text, float(gains.mean()), error, cost, asked, make)

    found = [
        option(kind, text, decisions, make)
        for kind, text, decisions, make in (
            *_moved(now, bent, own, newest),
            *_bent(now, plain, newest),
            ("retrain", "retrain", _decisions(newest.shadow, newest), retrain),
            *_rolled_back(now, newest),
            *_fallen_back(now, newest, valuation),
        )
    ]
    return tuple(found)


def best(found: Sequence[Option]) -> Option | None:
    """Return the option of highest gain beyond doubt, or None where no gain is."""
    paying = [each for each in found if each.beyond_doubt > 0]
    return max(paying, key=lambda each: each.beyond_doubt, default=None)


def _moved(now: Standing, bent: Floats, own: NDArray[Any], newest: Newest) -> Iterator[_Way]:
    """Yield the policy learned anew on forecasts as they are, if that decides otherwise."""
    learned = now.model.valuation

    def taught_by(part: Newest, rows: NDArray[np.int64]) -> _Decider:
        policy = _tuned(learned, bent[rows], part)
        return lambda block, columns: policy.decide(bent[block], columns)

    if now.fallback is not None:
        return
    decided = _cross_fitted(newest, taught_by)
    if np.array_equal(decided, own):
        return
    text = "move the policy"
    yield "move_policy", text, decided, lambda: now.moved(_tuned(learned, bent, newest))


def _bent(now: Standing, plain: Floats, newest: Newest) -> Iterator[_Way]:
    """Yield a map of the plain forecasts, and the policy learned anew on what it gives."""
    learned = now.model.valuation

    def taught_by(part: Newest, rows: NDArray[np.int64]) -> _Decider:
        mapped, policy = _recalibrated(learned, plain[rows], part)
        return lambda block, columns: policy.decide(mapped.apply(plain[block]), columns)

    decided = _cross_fitted(newest, taught_by)
    text = "recalibrate and move the policy"
    yield "recalibrate", text, decided, lambda: now.bent(*_recalibrated(learned, plain, newest))


def _rolled_back(now: Standing, newest: Newest) -> Iterator[_Way]:
    """Yield what stood before, as far as these outcomes can judge it."""
    former = now.former
    if former is not None and former.cutoff <= int(newest.rows[0]):
        text = f"roll back to what stood before (version {former.version})"
        yield "roll_back", text, _decisions(former, newest), lambda: former


def _fallen_back(now: Standing, newest: Newest, valuation: Valuation) -> Iterator[_Way]:
    """Yield each baseline in the model's place."""
    for name in valuation.baseline_names:
        decisions = now.policy.baseline(newest.columns, len(newest.rows), name)
        yield "fall_back", f"fall back to {name}", decisions, _falling_back(now, name)


def _recalibrated(
    valuation: Valuation, plain: Floats, newest: Newest
) -> tuple[Recalibration, Valuation]:
    """Learn the map and the learned parts of the policy from these outcomes."""
    mapped = recalibrated(valuation.task, plain, newest.outcomes, newest.weights)
    return mapped, _tuned(valuation, mapped.apply(plain), newest)


def _tuned(valuation: Valuation, forecast: Floats, newest: Newest) -> Valuation:
    """Learn a policy's free parts, each case counting as often as its weight says, rounded."""
    if not len(newest.weights) or np.ptp(newest.weights) == 0:
        return valuation.tuned(forecast, newest.outcomes, newest.columns)
    times = np.rint(newest.weights / newest.weights.min()).astype(np.int64)
    places = np.repeat(np.arange(len(times)), times)
    return valuation.tuned(forecast[places], newest.outcomes[places], at(newest.columns, places))


def _cross_fitted(
    newest: Newest, taught_by: Callable[[Newest, NDArray[np.int64]], _Decider]
) -> NDArray[Any]:
    """Return what something learned decides on each block in time, made from the other blocks (n,).

    Decisions of what was learned from the very outcomes that judge it would look better than they
    are.
    """
    places = np.arange(len(newest.rows))
    decided = []
    for block in np.array_split(places, _BLOCKS):
        others = np.setdiff1d(places, block)
        decided.append(taught_by(newest.part(others), others)(block, at(newest.columns, block)))
    return np.concatenate(decided)


def _decisions(standing: Standing, newest: Newest) -> NDArray[Any]:
    return standing.decide(standing.forecast(newest.inputs), newest.columns)


def _as_shadow(now: Standing, shadow: Standing) -> Standing:
    """Return the shadow model with what has been done to the one that stands."""
    return replace(now, model=shadow.model, taught=shadow.taught)


def _falling_back(now: Standing, name: str) -> Callable[[], Standing]:
    return lambda: now.replaced_by(name)
