"""What the wrong threshold would cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import BestAction, Threshold
from assay.stats.clusters import Clusters, clustered_mean
from assay.stats.estimate import Estimate
from assay.value.against import decided, policy_payoffs
from assay.value.classification import ClassificationValuation
from assay.value.payoff import Columns, Floats, Ints
from assay.value.reach import Reach, reach_of_difference
from assay.value.rule import indifference
from assay.value.valuation import Valuation

__all__ = ["ThresholdCost", "policy_threshold", "threshold_cost"]

_FOLDS = 10


@dataclass(frozen=True)
class ThresholdCost:
    """What acting from `threshold` on loses a month, against `use` or against the whole policy.

    `cost` is above zero where the threshold is the worse choice. `use` is the better threshold,
    None where the policy decides by more than one probability; `instead` says then what to do.
    `how` says where the better choice comes from, and why its gain can be believed. `beyond` says
    which limit the threshold would break: it is no choice then, whatever it would bring.
    """

    threshold: float
    use: float | None
    cost: Estimate
    instead: str
    how: str
    beyond: str = ""

    @property
    def text(self) -> str:
        """The finding in one sentence."""
        cost, at = self.cost, f"{self.threshold:.3g}"
        currency = cost.unit.split()[0]
        if self.beyond:
            return f"{at} is no choice: it {self.beyond}"
        if cost.low == cost.high == 0:
            return f"{at} decides these cases as well as {self._rival}"
        unclear = ": these cases do not tell them apart" if cost.low <= 0 <= cost.high else ""
        if cost.mean < 0:
            gain = f"[{_money(-cost.high)}, {_money(-cost.low)}]"
            more = f"{_money(-cost.mean)} {currency} a month more {gain}"
            return f"{at} would bring {more} than {self._rival}{unclear}"
        amount = f"{_money(cost.mean)} {currency} a month"
        span = f"[{_money(cost.low)}, {_money(cost.high)}]"
        end = f" against {self._rival}{unclear}" if unclear else f"; {self.instead}"
        return f"{at} would cost {amount} {span}{end}"

    @property
    def _rival(self) -> str:
        return "the policy" if self.use is None else f"{self.use:.3g}"

    def document(self) -> dict[str, Any]:
        """Return the finding as a JSON document."""
        return {
            "threshold": self.threshold,
            "use": self.use,
            "cost": self.cost.document(),
            "how": self.how,
            "beyond": self.beyond,
            "text": self.text,
        }


def threshold_cost(
    valuation: Valuation,
    forecast: Floats,
    outcomes: NDArray[Any],
    columns: Columns,
    decisions_per_month: float,
    *,
    seed: int,
    threshold: float = 0.5,
    against: Literal["policy", "best"] = "policy",
    clusters: Clusters | None = None,
) -> ThresholdCost:
    """Return what one threshold on the positive outcome's probability would cost a month.

    `forecast` (n, K) and `outcomes` (n,) as the valuation has them. Acting and not acting are the
    two actions of `value_curve`. Payoffs of both choices are taken on the same cases and their
    difference averaged, with the interval of `clustered_mean`.

    Against the `policy`, the better choice is what the policy decides: its threshold was agreed,
    learned on other cases, or follows from the payoffs alone, so that these cases judge it fairly.
    Where payoffs differ by row, or limits or a reviewer stand between, no one threshold is the
    policy, and the whole of it is compared.

    Against the `best`, the threshold is learned on these very cases (`learned_threshold`), and its
    gain there would be too good to be true. So every tenth case is decided by the threshold that
    the other nine teach (cross-fitting: Stone, Cross-validatory choice and assessment of
    statistical predictions, JRSS B 36, 1974); whole `clusters` stay in one part. That values
    learning such a threshold on nine tenths of the cases: `use` itself comes from all of them.

    A bare threshold keeps no capacity and asks no reviewer; where it breaks a limit, the finding
    says so in the place of an amount. Raises ValueError in regression, and with more than two
    outcomes unless the policy is a threshold.

    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> p = np.repeat([0.05, 0.3], 500)
    >>> outcomes = (np.arange(1000) % 4 == 0) & (p > 0.1)
    >>> found = threshold_cost(
    ...     bank, np.column_stack([1 - p, p]), outcomes.astype(int), {}, 2000, seed=0)
    >>> found.text
    '0.5 would cost 1,500 EUR a month [1,110, 1,952]; use 0.1'
    """
    if not isinstance(valuation, ClassificationValuation):
        raise ValueError("no threshold decides in regression")  # noqa: TRY004
    if len(valuation.labels) != 2 and not isinstance(valuation.policy, Threshold):
        raise ValueError("among several outcomes a threshold needs to know which is positive")
    if not 0 <= threshold <= 1:
        raise ValueError(f"a threshold lies between 0 and 1, not at {threshold}")
    bare = _bare(valuation, columns, len(forecast))
    chosen = replace(bare, learned=threshold).decide(forecast, columns)
    use: float | None
    reach: Reach = None
    if against == "best":
        use, paid = _cross_fitted(bare, forecast, outcomes, columns, clusters)
        instead = f"use {use:.3g}"
        how = "learned on these cases, each part judged by what the others teach"
    else:
        own = decided(valuation, forecast, columns)
        paid = valuation.realised(own, outcomes, columns)
        reach = reach_of_difference(valuation, own, chosen, columns)
        use, instead, how = _policy_in_words(valuation, columns, len(forecast))
    plain = bare.realised(chosen, outcomes, columns)
    lost = clustered_mean(paid - plain, clusters, seed=seed, bounds=reach)
    cost = lost.scaled(decisions_per_month, f"{valuation.currency} per month")
    beyond = _beyond(valuation, chosen, columns)
    return ThresholdCost(threshold, use, cost, instead, how, beyond)


def policy_threshold(valuation: Valuation, columns: Columns, n: int) -> float | None:
    """Return the one probability from which a policy acts; None where it decides by more.

    >>> from assay.value.payoff import PayoffTable
    >>> table = PayoffTable(("call", "skip"), ("no", "yes"), ((-1.0, 9.0), (0.0, 0.0)))
    >>> bank = ClassificationValuation("EUR", table, BestAction(), {"nobody": "skip"}, "nobody")
    >>> policy_threshold(bank, {}, 100)
    0.1
    """
    if not isinstance(valuation, ClassificationValuation):
        return None
    if valuation.reviewer is not None or valuation.limits:
        return None
    policy = valuation.policy
    if isinstance(policy, Threshold) and (policy.at is not None or valuation.learned is not None):
        return policy.at if policy.at is not None else valuation.learned
    payoffs = valuation.payoffs(columns, n)
    by_row = isinstance(policy, BestAction) and (len(payoffs) > 1 or len(valuation.actions) > 2)
    if by_row or len(valuation.labels) != 2:
        return None
    act, rest = valuation.alternatives(payoffs)
    mean = payoffs.mean(axis=0)
    return indifference(mean[act] - mean[rest])


def _policy_in_words(
    valuation: ClassificationValuation, columns: Columns, n: int
) -> tuple[float | None, str, str]:
    """Return the policy's threshold, what to do instead, and where the policy comes from."""
    use = policy_threshold(valuation, columns, n)
    if use is not None:
        learned = isinstance(valuation.policy, Threshold) and valuation.learned is not None
        how = "learned on other cases" if learned else "set by the payoffs or the charter"
        return use, f"use {use:.3g}", f"the policy's own, {how}"
    if valuation.reviewer is not None or valuation.limits:
        return None, "keep to the policy", "the whole policy, with its limits and its reviewer"
    return None, "let each case's own payoffs decide", "the policy, by each case's own payoffs"


def _bare(valuation: ClassificationValuation, columns: Columns, n: int) -> ClassificationValuation:
    """Return the valuation with nothing but a threshold between acting and not acting."""
    act, rest = valuation.alternatives(valuation.payoffs(columns, n))
    names = valuation.actions
    policy = Threshold(action=names[act], otherwise=names[rest])
    baselines = {valuation.baseline_name: names[rest]}  # not looked at; may have named `refer`
    return replace(
        valuation.untuned(), policy=policy, reviewer=None, capacity=None, baselines=baselines
    )


def _paid_at(
    bare: ClassificationValuation,
    threshold: float,
    forecast: Floats,
    outcomes: NDArray[Any],
    columns: Columns,
) -> Floats:
    return policy_payoffs(replace(bare, learned=threshold), forecast, outcomes, columns)


def _beyond(valuation: ClassificationValuation, decisions: Ints, columns: Columns) -> str:
    """Say which limit of the charter these decisions use more of than there is."""
    n = len(decisions)
    for limit in valuation.limits:
        use = limit.use(columns, n, valuation.table.caps)
        used = float(np.broadcast_to(use, (n, use.shape[1]))[np.arange(n), decisions].sum())
        if used > limit.share(n) + 1e-9:
            return f"uses {used:,.4g} of the {limit.name}, where {limit.share(n):,.4g} is agreed"
    return ""


def _cross_fitted(
    bare: ClassificationValuation,
    forecast: Floats,
    outcomes: NDArray[Any],
    columns: Columns,
    clusters: Clusters | None,
) -> tuple[float, Floats]:
    """Return the threshold that all cases teach, and what each case paid under its part's."""
    n = len(forecast)
    codes = np.arange(n) if clusters is None else np.unique(clusters.codes, return_inverse=True)[1]
    count = int(codes.max()) + 1
    parts = codes % min(_FOLDS, count)
    paid = np.empty(n)
    for part in range(min(_FOLDS, count)):
        judge = parts == part
        learn = ~judge if count > 1 else judge
        at = _learned(bare, forecast[learn], outcomes[learn], _rows(columns, learn))
        paid[judge] = _paid_at(bare, at, forecast[judge], outcomes[judge], _rows(columns, judge))
    return _learned(bare, forecast, outcomes, columns), paid


def _learned(
    bare: ClassificationValuation, forecast: Floats, outcomes: NDArray[Any], columns: Columns
) -> float:
    found = bare.tuned(forecast, outcomes, columns).learned
    return 0.5 if found is None else found


def _rows(columns: Columns, chosen: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {name: values[chosen] for name, values in columns.items()}


def _money(number: float) -> str:
    if number == 0:
        return "0"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
