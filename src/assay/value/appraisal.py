"""What scores are worth: from scores, outcomes and a value model to every figure in money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.charter.data import Data
from assay.charter.policy import Threshold
from assay.charter.value import ValueModel
from assay.charter.value_model import value_model
from assay.errors import DataError
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate
from assay.value import break_even as least
from assay.value import ceiling as most
from assay.value.against import decided
from assay.value.assessment import Assessment, assess
from assay.value.band import gain_of
from assay.value.bridge import Bridge, bridge
from assay.value.bridge_sides import Side
from assay.value.business_case import BusinessCase, business_case
from assay.value.classification import ClassificationValuation
from assay.value.curve import ValueCurve, value_curve
from assay.value.given_scores import (
    as_given,
    as_taught,
    cross_fitted,
    folds_of,
    read_columns_of,
    scores_of,
)
from assay.value.payoff import Columns, Floats
from assay.value.threshold_cost import ThresholdCost, threshold_cost
from assay.value.tornado import KnownCases, Tornado, tornado
from assay.value.valuation import Valuation, valuation

__all__ = ["Appraisal", "appraise"]


@dataclass(frozen=True, eq=False)
class Appraisal:
    """Cases with scores and known outcomes under a value model; `appraise` makes one.

    Every method answers one question in money, with its interval. `assay.plot` draws the answers.
    """

    model: ValueModel
    valuation: Valuation
    forecast: Floats
    outcomes: NDArray[Any]
    columns: Columns
    segments: NDArray[Any] | None = None
    clusters: Clusters | None = None
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    seed: int = 0
    given: Any = None

    def under(self, **changed: Any) -> Appraisal:
        """Return the same cases under a changed value model: another policy, other payoffs.

        Takes keys of the `value` section. Forecasts stay as they are. CharterError where the
        change does not hold together, DataError where it reads a column that was not given.
        """
        given = self.model.model_dump(mode="json", exclude_unset=True) | changed
        positive = self.valuation.labels[-1] if self.valuation.labels else None
        model = value_model(given, positive=positive)
        plain = _valued(model, positive, self.functions)
        columns = read_columns_of(self.given, plain.columns, len(self.outcomes))
        valued = _with_constant(plain, self.forecast, self.outcomes, columns)
        return replace(self, model=model, valuation=valued, columns=columns)

    def tuned(self) -> Appraisal:
        """Return the policy with its free parts learned on these cases, as it would serve.

        That is a threshold that is not given, and the `prices` of limits. Judge it on other cases:
        on these it looks too good.
        """
        learned = self.valuation.tuned(self.forecast, self.outcomes, self.columns)
        return replace(self, valuation=learned)

    @property
    def prices(self) -> dict[str, float]:
        """What one unit more of each limit would bring, as the forecasts of these cases have it."""
        learned = self.valuation.tuned(self.forecast, self.outcomes, self.columns)
        if not isinstance(learned, ClassificationValuation):
            return {}
        prices = learned.prices or ()
        if isinstance(learned.policy, Threshold):
            prices = tuple(gain_of(price) for price in prices)
        return {limit.name: each for limit, each in zip(learned.limits, prices, strict=True)}

    def on(self, other: Appraisal) -> Appraisal:
        """Return these cases decided by another appraisal's policy, as it was tuned there."""
        return replace(self, model=other.model, valuation=other.valuation)

    def assessment(self) -> Assessment:
        """Return what the policy's decisions were worth, against every baseline and the ceiling."""
        return assess(
            self.valuation,
            self.forecast,
            self.outcomes,
            self.columns,
            self.model.decisions_per_month,
            self.seed,
            self.clusters,
        )

    def decisions(self) -> NDArray[Any]:
        """Return what the policy decides on each case, as people say it."""
        chosen = self.valuation.decide(self.forecast, self.columns)
        return np.array(self.valuation.names(chosen))

    def curve(self) -> ValueCurve:
        """Return the uplift at every threshold, with a band that holds for all at once."""
        return value_curve(
            self.valuation,
            self.forecast,
            self.outcomes,
            self.columns,
            self.seed,
            clusters=self.clusters,
        )

    def more_than(self, other: Appraisal) -> Estimate:
        """Return what this policy brings more a month than another one on the same cases.

        Each case's payoffs are compared before their mean. ValueError where the cases differ.
        """
        if not np.array_equal(self.outcomes, other.outcomes):
            raise ValueError("two policies are compared on the same cases: use `under`")
        ours, theirs = (decided(one.valuation, one.forecast, one.columns) for one in (self, other))
        paid = self.valuation.realised(ours, self.outcomes, self.columns)
        instead = other.valuation.realised(theirs, other.outcomes, other.columns)
        found = clustered_mean(paid - instead, self.clusters, seed=self.seed)
        unit = f"{self.model.currency} per month"
        return found.scaled(self.model.decisions_per_month, unit)

    def cost_of(
        self, threshold: float = 0.5, against: Literal["policy", "best"] = "policy"
    ) -> ThresholdCost:
        """Return what acting from one threshold on would cost a month, and what to use instead.

        Against what the policy decides, or against the `best` threshold for these cases.
        """
        return threshold_cost(
            self.valuation,
            self.forecast,
            self.outcomes,
            self.columns,
            self.model.decisions_per_month,
            seed=self.seed,
            threshold=threshold,
            against=against,
            clusters=self.clusters,
        )

    def ceiling(self) -> Estimate:
        """Return the uplift per month of perfect information: no model can bring more here.

        A budget is shared out to within one case's payoff.
        """
        found = most.ceiling(
            self.valuation, self.outcomes, self.columns, seed=self.seed, clusters=self.clusters
        )
        unit = f"{self.model.currency} per month"
        return found.scaled(self.model.decisions_per_month, unit)

    def break_even(self) -> least.BreakEven:
        """Return the least ROC AUC and precision at which a model covers its costs."""
        return least.break_even(
            self.valuation, self.model, self.outcomes, self.columns, seed=self.seed
        )

    def business_case(self) -> BusinessCase:
        """Return cash by month, return on investment, payback and net present value."""
        uplift = self.assessment().uplift_per_decision
        return business_case(uplift, self.model, seed=self.seed)

    def tornado(self) -> Tornado:
        """Return what the net present value is most sensitive to, payoffs included."""
        cases = KnownCases(self.valuation, self.forecast, self.outcomes, self.columns)
        return tornado(self.assessment().uplift_per_decision, self.model, cases=cases)

    def bridge(self, realised: Appraisal) -> Bridge:
        """Return why what was realised differs from this plan, part by part, per month."""
        return bridge(self.side(), realised.side(), seed=self.seed)

    def side(self) -> Side:
        """Return the cases as one side of a value bridge over a month."""
        return Side(
            self.valuation,
            self.forecast,
            self.outcomes,
            self.columns,
            volume=self.model.decisions_per_month,
            fixed_costs=self.model.run_cost_per_month,
            cost_per_decision=self.model.cost_per_decision,
            segments=self.segments,
            clusters=self.clusters,
        )


def appraise(
    model: ValueModel | str | Mapping[str, Any],
    scores: Any,
    outcomes: Any,
    columns: Any = None,
    *,
    positive: str | int | bool | None = None,
    entity: Any = None,
    segments: Any = None,
    calibrate: bool = False,
    reference: tuple[Any, ...] | None = None,
    day: date | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    seed: int = 0,
) -> Appraisal:
    """Return what scores are worth under a value model, from arrays alone.

    `scores` are probabilities of the positive outcome (n,), or (n, K) of the outcomes in the order
    of the value model, the positive one last where it is named; in regression point forecasts (n,),
    or equally weighted quantiles (n, K). Where they come in named columns, names that are outcomes
    put them in order. `outcomes` (n,) are raw, as the value model names them.
    `columns` has what payoffs and baselines read: a mapping or a frame of columns. `entity` (n,)
    names whose case each is: intervals then resample whole entities. `segments` (n,) are for the
    bridge. A baseline `best_constant` is learned on these very cases, which favours it. Where the
    value model changes by date, `day` says whose payoffs are meant.

    How scores become forecasts is learned from `reference`, older cases as (scores, outcomes) or
    (scores, outcomes, columns), as a model in use would have it: that shows what a change since
    then costs. Without it, `calibrate` learns from these cases, each fifth (drawn at random, whole
    entities together) from the other four, and so do the residuals around point forecasts; that
    hides a change that all of them share. Where payoffs read columns, forecasts hold at each gain
    at stake then (`learn_from_cases`).

    Best actions rest on probabilities that are right: see `assessment().shortfall`, which is what
    they promised less what came. Raises CharterError for the value model, DataError for the rest.

    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(1, 7, 4000)
    >>> outcomes = np.where(rng.random(4000) < p, "yes", "no")
    >>> calls = appraise(
    ...     {"currency": "EUR", "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    ...      "baselines": {"everybody": "call"}, "decisions_per_month": 1400},
    ...     p, outcomes, positive="yes")
    >>> calls.assessment().uplift_per_month
    349.3 EUR per month [274.8, 415.6]
    >>> calls.cost_of(0.5).text
    '0.5 would cost 677 EUR a month [554, 802]; use 0.1'
    """
    read = model if isinstance(model, ValueModel) else value_model(model, positive=positive)
    if read.changes:
        read = _on(read, day)
    valued = _valued(read, positive, functions)
    raw = _one_a_case("outcomes", outcomes)
    given = scores_of(scores, valued)
    if len(raw) != len(given) or not len(raw):
        raise DataError(
            f"Scores and outcomes go together case by case; given are {len(given)} scores and "
            f"{len(raw)} outcomes. Give one of each for every case."
        )
    encoded = valued.encode(raw)
    read_columns = read_columns_of(columns, valued.columns, len(raw))
    clusters = None if entity is None else _clusters(entity, len(raw))
    learns = calibrate or (valued.task == "regression" and given.ndim == 1)
    if reference is not None:
        forecast = as_taught(valued, given, read_columns, reference)
    elif learns:
        folds = folds_of(len(raw), None if clusters is None else clusters.codes, seed)
        forecast = cross_fitted(valued, given, encoded, read_columns, folds)
    else:
        forecast = as_given(valued, given)
    return Appraisal(
        read,
        _with_constant(valued, forecast, encoded, read_columns),
        forecast,
        encoded,
        read_columns,
        None if segments is None else _one_a_case("segments", segments, len(raw)),
        clusters,
        functions or {},
        seed,
        columns,
    )


def _on(model: ValueModel, day: date | None) -> ValueModel:
    if day is None:
        since = ", ".join(sorted(str(change.since) for change in model.changes))
        raise DataError(
            f"The value model changes on {since}: say by `day=date(…)` whose payoffs are meant."
        )
    return model.at(day)


def _clusters(entity: Any, n: int) -> Clusters:
    names = _one_a_case("entity", entity, n)
    missing = sum(name is None or name != name for name in names.tolist())  # noqa: PLR0124
    if missing:
        raise DataError(
            f"{missing} of {n} cases have no entity. Name each one's, or leave those cases out."
        )
    return Clusters.of(names.astype(str), "entity")


def _one_a_case(name: str, given: Any, n: int | None = None) -> NDArray[Any]:
    """Return what is given for each case as an array (n,)."""
    values = np.asarray(given)
    if values.ndim != 1 or (n is not None and len(values) != n):
        wanted = "one for each case" if n is None else f"one for each of the {n} cases"
        raise DataError(
            f"`{name}` is {wanted}, in a list, an array or a column; given has shape "
            f"{values.shape}."
        )
    return values


def _valued(
    model: ValueModel, positive: Any, functions: Mapping[str, Callable[..., Any]] | None
) -> Valuation:
    return valuation(model, Data(source="-", outcome="outcome", positive=positive), functions)


def _with_constant(
    valued: Valuation, forecast: Floats, outcomes: NDArray[Any], columns: Columns
) -> Valuation:
    """Learn the baseline that decides one best amount; on these cases, which favours it."""
    if valued.task == "classification":
        return valued
    return valued.tuned(forecast, outcomes, columns)
