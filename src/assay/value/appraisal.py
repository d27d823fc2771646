"""What scores are worth: from scores, outcomes and a value model to every figure in money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
from assay.value.against import policy_payoffs
from assay.value.assessment import Assessment, assess
from assay.value.band import gain_of
from assay.value.bridge import Bridge, bridge
from assay.value.bridge_sides import Side
from assay.value.business_case import BusinessCase, business_case
from assay.value.classification import ClassificationValuation
from assay.value.curve import ValueCurve, value_curve
from assay.value.payoff import Columns, Floats
from assay.value.stake import forecast_cases, learn_from_cases
from assay.value.threshold_cost import ThresholdCost, threshold_cost
from assay.value.tornado import KnownCases, Tornado, tornado
from assay.value.valuation import Valuation, valuation

__all__ = ["Appraisal", "appraise"]

_BLOCKS = 5


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
        columns = _columns(self.given, plain.columns, len(self.outcomes))
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
        decided = self.valuation.decide(self.forecast, self.columns)
        return np.array(self.valuation.names(decided))

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
        paid = [
            policy_payoffs(one.valuation, one.forecast, one.outcomes, one.columns)
            for one in (self, other)
        ]
        found = clustered_mean(paid[0] - paid[1], self.clusters, seed=self.seed)
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
    functions: Mapping[str, Callable[..., Any]] | None = None,
    seed: int = 0,
) -> Appraisal:
    """Return what scores are worth under a value model, from arrays alone.

    `scores` are probabilities of the positive outcome (n,), or (n, K) of the outcomes in the order
    of the value model, the positive one last where it is named; in regression point forecasts (n,),
    or equally weighted quantiles (n, K). `outcomes` (n,) are raw, as the value model names them.
    `columns` has what payoffs and baselines read: a mapping or a frame of columns. `entity` (n,)
    names whose case each is: intervals then resample whole entities. `segments` (n,) are for the
    bridge. A baseline `best_constant` is learned on these very cases, which favours it.

    How scores become forecasts is learned from `reference`, older cases as (scores, outcomes) or
    (scores, outcomes, columns), as a model in use would have it: that shows what a change since
    then costs. Without it, `calibrate` learns from these cases, each fifth from the other four, and
    so do the residuals around point forecasts; that hides a change that all of them share. Where
    payoffs read columns, forecasts hold at each gain at stake then (`learn_from_cases`).

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
    '0.5 would cost 677 EUR a month [554, 797]; use 0.1'
    """
    read = model if isinstance(model, ValueModel) else value_model(model, positive=positive)
    valued = _valued(read, positive, functions)
    raw = np.asarray(outcomes)
    given = np.asarray(scores, dtype=np.float64)
    if raw.ndim != 1 or len(raw) != len(given) or not len(raw):
        raise DataError(
            f"Scores and outcomes go together case by case; given are {len(given)} scores and "
            f"outcomes of shape {raw.shape}. Give one of each for every case."
        )
    encoded = valued.encode(raw)
    read_columns = _columns(columns, valued.columns, len(raw))
    learns = calibrate or (valued.task == "regression" and given.ndim == 1)
    if reference is not None:
        forecast = _as_taught(valued, given, read_columns, reference)
    elif learns:
        forecast = _cross_fitted(valued, _finite(given), encoded, read_columns)
    else:
        forecast = _as_given(valued, given)
    return Appraisal(
        read,
        _with_constant(valued, forecast, encoded, read_columns),
        forecast,
        encoded,
        read_columns,
        None if segments is None else np.asarray(segments),
        None if entity is None else Clusters.of(np.asarray(entity), "entity"),
        functions or {},
        seed,
        columns,
    )


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


def _finite(scores: Floats) -> Floats:
    wrong = ~np.isfinite(scores).reshape(len(scores), -1).all(axis=1)
    if wrong.any():
        count = int(wrong.sum())
        raise DataError(f"{count} of {len(scores)} scores are missing. Leave those cases out.")
    return scores


def _as_given(valued: Valuation, scores: Floats) -> Floats:
    """Return scores that are forecasts already."""
    _finite(scores)
    if valued.task == "regression":
        return scores
    count = len(valued.labels)
    if scores.ndim == 1 and count == 2:
        scores = np.column_stack([1 - scores, scores])
    if scores.ndim != 2 or scores.shape[1] != count:
        raise DataError(
            f"The value model has {count} outcomes ({', '.join(valued.labels)}), so that scores "
            f"have {count} columns in this order; given is shape {scores.shape}."
        )
    if scores.min() < 0 or np.abs(scores.sum(axis=1) - 1).max() > 1e-6:
        raise DataError(
            "Scores are taken as probabilities, and these are none (below 0, above 1, or not "
            "adding up to 1). Give probabilities, or `calibrate=True` for scores of any scale."
        )
    return scores


def _cross_fitted(
    valued: Valuation, scores: Floats, outcomes: NDArray[Any], columns: Columns
) -> Floats:
    """Return forecasts, each fifth of the cases taught by the other four."""
    everyone = np.arange(len(scores))
    found = []
    for inside in np.array_split(everyone, min(_BLOCKS, len(scores))):
        others = np.setdiff1d(everyone, inside, assume_unique=True)
        if not len(others):
            raise DataError("One case alone teaches nothing: give more of them, or `reference`.")
        taught = learn_from_cases(valued, scores[others], outcomes[others], _at(columns, others))
        found.append(forecast_cases(taught, valued, scores[inside], _at(columns, inside)))
    return np.concatenate(found)


def _as_taught(
    valued: Valuation, scores: Floats, columns: Columns, reference: tuple[Any, ...]
) -> Floats:
    """Return forecasts as older cases teach them."""
    old, happened, *rest = reference
    old_scores = _finite(np.asarray(old, dtype=np.float64))
    read = valued.table.columns if isinstance(valued, ClassificationValuation) else frozenset[str]()
    old_columns = _columns(rest[0] if rest else None, read, len(old_scores))
    taught = learn_from_cases(valued, old_scores, valued.encode(np.asarray(happened)), old_columns)
    return forecast_cases(taught, valued, _finite(scores), columns)


def _at(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _columns(given: Any, names: frozenset[str], n: int) -> Columns:
    if given is None:
        given = {}
    known = list(given.columns) if hasattr(given, "columns") else list(given)
    read = {name: np.asarray(given[name]) for name in sorted(names) if name in known}
    for name, values in read.items():
        if values.shape != (n,):
            raise DataError(
                f"The column {name!r} has shape {values.shape}, but there are {n} cases. Give one "
                "value for every case."
            )
    missing = sorted(names - set(known))
    if missing:
        raise DataError(
            f"The value model reads {', '.join(missing)}, which `columns` does not have (it has "
            f"{', '.join(map(str, known)) or 'nothing'}). Give these columns with the cases."
        )
    return read
