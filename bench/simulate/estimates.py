"""How often the intervals of value hold the truth, made-up data after made-up data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.estimate import Estimate
from assay.value.appraisal import Appraisal, appraise

Floats = NDArray[np.float64]

CALLS = {
    "currency": "EUR",
    "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    "baselines": {"everybody": "call"},
    "decisions_per_month": 1000,
}
TRUTH_CASES = 2_000_000


def coverage(trial: Callable[[np.random.Generator], tuple[Estimate, float]], runs: int) -> float:
    """Return the share of runs whose interval holds the truth."""
    held = 0
    for run in range(runs):
        found, truth = trial(np.random.default_rng([71, run]))
        held += found.low <= truth <= found.high
    return held / runs


def rare_payoffs(n: int) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """One in twenty pays 9, the others cost 1: the truth is -0.5."""

    def trial(rng: np.random.Generator) -> tuple[Estimate, float]:
        values = rng.choice([-1.0, 9.0], n, p=[0.95, 0.05])
        return bootstrap_mean(values, seed=rng, bounds=(-1.0, 9.0)), -0.5

    return trial


def skewed(n: int) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """Amounts with a long tail, all distinct: the truth is 4."""

    def trial(rng: np.random.Generator) -> tuple[Estimate, float]:
        return bootstrap_mean(rng.gamma(0.5, 20.0, n) - 6.0, seed=rng), 4.0

    return trial


def entities(count: int) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """Each entity has its own level and one to nine cases: the truth is 1."""

    def trial(rng: np.random.Generator) -> tuple[Estimate, float]:
        sizes = rng.integers(1, 10, count)
        owner = np.repeat(np.arange(count), sizes)
        level = np.repeat(rng.exponential(1.0, count), sizes)
        values = level + rng.normal(0, 0.5, len(level))
        return bootstrap_mean(values, seed=rng, clusters=owner), 1.0

    return trial


def scored(rng: np.random.Generator, n: int, shift: float = 0.0) -> Appraisal:
    """Draw cases with calibrated scores."""
    p = rng.beta(1.2 + shift, 8.5, n)
    return appraise(CALLS, p, np.where(rng.random(n) < p, "yes", "no"), positive="yes")


def uplift(n: int, truth: float) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """The paired difference of the policy and calling everybody."""
    return lambda rng: (scored(rng, n).assessment().uplift_per_decision, truth)


def wrong_threshold(
    n: int, truth: float
) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """What 0.5 costs a month."""
    return lambda rng: (scored(rng, n).cost_of(0.5).cost, truth)


def whole_curve(n: int) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """The whole value curve inside its band at once: how far the truth leaves it at the worst."""

    def trial(rng: np.random.Generator) -> tuple[Estimate, float]:
        curve = scored(rng, n).curve()
        t = curve.thresholds
        # Uplift over calling everybody: what the cases below t would have lost, exactly.
        truth = betainc(1.2, 8.5, t) - 10 * 1.2 / 9.7 * betainc(2.2, 8.5, t)
        outside = np.maximum(curve.low - truth, truth - curve.high).max()
        return Estimate(0.0, -np.inf, 1e-12, n, "band"), float(outside)

    return trial


def bridge_part(
    name: str, n: int, truth: float
) -> Callable[[np.random.Generator], tuple[Estimate, float]]:
    """One part of a bridge to a month with better clients and a threshold of 0.3."""

    def trial(rng: np.random.Generator) -> tuple[Estimate, float]:
        return between(scored(rng, n), scored(rng, n, 0.3)).parts[name], truth

    return trial


def between(planned: Appraisal, later: Appraisal) -> Any:
    """Return the bridge from a plan to a month with another mix and another policy."""
    policy = {"kind": "threshold", "action": "call", "otherwise": "skip", "at": 0.3}
    return planned.bridge(later.under(policy=policy))


def trials(truth_cases: int = TRUTH_CASES) -> Iterator[tuple[str, Any]]:
    """Yield each claim and its trial; truths that have no formula come from many cases."""
    rng = np.random.default_rng(70)
    whole, later = scored(rng, truth_cases), scored(rng, truth_cases, 0.3)
    true_uplift = whole.assessment().uplift_per_decision.mean
    parts = between(whole, later).parts
    yield "mean, one in twenty pays 9, n=100", rare_payoffs(100)
    yield "mean, one in twenty pays 9, n=1,000", rare_payoffs(1000)
    yield "mean, long tail, n=200", skewed(200)
    yield "mean, long tail, n=5,000", skewed(5000)
    yield "mean, 200 entities of 1 to 9 cases", entities(200)
    yield "uplift over everybody, n=1,000", uplift(1000, true_uplift)
    yield "cost of the threshold 0.5, n=1,000", wrong_threshold(1000, whole.cost_of(0.5).cost.mean)
    yield "value curve, everywhere at once, n=1,000", whole_curve(1000)
    yield "bridge, mix, n=1,000 and 1,000", bridge_part("mix", 1000, parts["mix"].mean)
    yield "bridge, policy, n=1,000 and 1,000", bridge_part("policy", 1000, parts["policy"].mean)
    performance = bridge_part("performance", 1000, parts["performance"].mean)
    yield "bridge, performance, n=1,000 and 1,000", performance


def main(runs: int = 1000, truth_cases: int = TRUTH_CASES) -> None:
    """Print the coverage of every interval; nominal is 95 %."""
    error = 100 * (0.95 * 0.05 / runs) ** 0.5
    print(f"  intervals of 95 %, {runs} runs each (standard error {error:.1f} %)")
    for claim, trial in trials(truth_cases):
        print(f"  {claim:44} {coverage(trial, runs):6.1%}", flush=True)


if __name__ == "__main__":
    main()
