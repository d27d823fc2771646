"""Coverage, width and sample size of all that is watched, beside tests that look once.

`SIMULATE_RUNS` (default 300) is the number of runs of each line; seeds are fixed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import ville
from numpy.typing import NDArray

from assay.stats.asymptotic_sequence import AsymptoticSequence
from assay.stats.beta_binomial import BetaBinomialSequence, RateProcess
from assay.stats.betting import bets_and_stakes
from assay.stats.empirical_bernstein import EmpiricalBernsteinSequence
from assay.stats.hedged_betting import HedgedBettingSequence
from assay.stats.power import betting_sample_size, fixed_sample_size
from assay.stats.quantile_sequence import quantile_interval
from assay.stats.two_arms import TwoArms

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], Floats]

N = 10_000
LOOKS = np.unique(np.geomspace(5, N, 40).astype(int))
ALPHA = 0.05
Z = 1.959964
BOUNDS = (-1.0, 9.0)
DRIFT = np.where(np.arange(N) < 1000, 0.6, 0.02)


def main() -> None:
    """Print both tables."""
    runs = int(os.environ.get("SIMULATE_RUNS", "300"))
    noise = 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    print(f"  {runs} runs of {N:,} cases, {len(LOOKS)} looks each, at 95 %; missed may be")
    print(f"  {ALPHA:.3f}, and by chance {ALPHA + noise:.3f}; width against a fixed-n z interval\n")
    print(f"  {'sequence':<34}{'cases':<24}{'missed':>7}{'width at 1,000':>16}{'at 10,000':>11}")
    for name, cases, draw, truth, interval, deviation in _sequences():
        share = 6 if name.startswith("ville betting") else 1
        missed, widths = _covered(draw, truth, interval, runs // share or 1)
        narrow = [w / (2 * Z * deviation / math.sqrt(n)) for n, w in widths.items()]
        print(
            f"  {name:<34}{cases:<24}{missed:>7.3f}{_ratio(narrow[0]):>16}{_ratio(narrow[1]):>11}"
        )
    _sample_sizes(runs)
    _rates(runs)


def _ratio(width: float) -> str:
    return "-" if math.isnan(width) else f"{width:.2f}"


def _payoffs(rate: float | Floats) -> Draw:
    return lambda rng: np.where(rng.random(N) < rate, 9.0, -1.0)


def _sequences() -> Iterable[tuple[str, str, Draw, Floats, Callable[[Floats, int], Any], float]]:
    """Name, cases, how they are drawn, what is true at each case, an interval, a deviation."""
    skewed, drifting = "-1/9 at 5 %", "-1/9, 60 % then 2 %"
    flat, sd = np.full(N, -0.5), 10 * math.sqrt(0.05 * 0.95)
    moving = np.cumsum(10 * DRIFT - 1) / np.arange(1, N + 1)
    wild = math.nan  # no one deviation to lay a width beside
    bernstein = EmpiricalBernsteinSequence.start(BOUNDS)
    hedged = HedgedBettingSequence.start(BOUNDS)
    ends = {
        "empirical Bernstein": lambda x, n: bernstein.updated(x[:n]).interval(),
        "hedged betting": lambda x, n: hedged.updated(x[:n]).interval(),
        "asymptotic": lambda x, n: AsymptoticSequence().updated(x[:n]).interval(),
        "ville betting, plug-in": _plug_in,
    }
    for name, interval in ends.items():
        yield name, skewed, _payoffs(0.05), flat, interval, sd
    for name, interval in ends.items():
        yield name, drifting, _payoffs(DRIFT), moving, interval, wild
    uniform = 1 / math.sqrt(12)
    unit = HedgedBettingSequence.start((0.0, 1.0))
    flat_unit = EmpiricalBernsteinSequence.start((0.0, 1.0))
    half = np.full(N, 0.5)
    for name, start in (("empirical Bernstein", flat_unit), ("hedged betting", unit)):
        look = lambda x, n, start=start: start.updated(x[:n]).interval()  # noqa: E731
        yield name, "uniform", lambda rng: rng.random(N), half, look, uniform
    yield (
        "Beta-binomial rate",
        "events at 1 %",
        lambda rng: (rng.random(N) < 0.01).astype(float),
        np.full(N, 0.01),
        lambda x, n: BetaBinomialSequence().updated(int(x[:n].sum()), n).interval(),
        math.sqrt(0.01 * 0.99),
    )
    yield (
        "quantile 0.99",
        "exponential",
        lambda rng: rng.exponential(1.0, N),
        np.full(N, -math.log(0.01)),
        lambda x, n: quantile_interval(x[:n], 0.99),
        math.sqrt(0.99 / 0.01),
    )
    yield _split()


def _split() -> tuple[str, str, Draw, Floats, Callable[[Floats, int], Any], float]:
    """Two arms of -1/9 payoffs, the share of traffic growing while the population gets richer."""
    arms = TwoArms(BOUNDS, shares=(0.1, 0.5))
    share = np.where(np.arange(N) < 3000, 0.1, 0.5)
    base = np.where(np.arange(N) < 3000, 0.1, 0.2)

    def draw(rng: np.random.Generator) -> Floats:
        on = rng.random(N) < share
        paid = np.where(rng.random(N) < base + 0.05 * on, 9.0, -1.0)
        return arms.split(paid, on, share)[0]

    deviation = float(np.std(draw(np.random.default_rng(1))))
    start = arms.sequence()
    return (
        "two arms, split",
        "weights change",
        draw,
        np.full(N, 0.5),
        lambda x, n: start.updated(x[:n]).interval(),
        deviation,
    )


def _plug_in(x: Floats, n: int) -> tuple[float, float]:
    known = _PLUG_IN.get(id(x))
    if known is None or known[0] is not x:
        fitted = ville.BettingCS(bounds=BOUNDS, grid=1000, intersect=False).fit(x)
        known = _PLUG_IN[id(x)] = (x, fitted.lower_, fitted.upper_)
        while len(_PLUG_IN) > 1:
            del _PLUG_IN[next(iter(_PLUG_IN))]
    return float(known[1][n - 1]), float(known[2][n - 1])


_PLUG_IN: dict[int, tuple[Floats, Floats, Floats]] = {}


def _covered(
    draw: Draw, truth: Floats, interval: Callable[[Floats, int], Any], runs: int
) -> tuple[float, dict[int, float]]:
    """Return how many runs missed the truth at any look, and median widths at two of them."""
    missed, widths = 0, {1000: [], 10_000: []}  # type: ignore[var-annotated]
    for run in range(runs):
        x = draw(np.random.default_rng([2026, run]))
        wrong = False
        for look in {*LOOKS.tolist(), *widths}:
            low, high = interval(x, look)
            wrong |= not low <= truth[look - 1] <= high
            if look in widths:
                widths[look].append(high - low)
        missed += wrong
    return missed / runs, {n: float(np.median(w)) for n, w in widths.items()}


LAWS: dict[str, tuple[list[float], list[float], float, tuple[float, float]]] = {
    "-1/9, 11 % against 10 %": ([-1.0, 9.0], [0.89, 0.11], 0.0, BOUNDS),
    "-1/9, 13 % against 10 %": ([-1.0, 9.0], [0.87, 0.13], 0.0, BOUNDS),
    "-1/9, 20 % against 10 %": ([-1.0, 9.0], [0.8, 0.2], 0.0, BOUNDS),
    "-1/9 at 5 %, tolerance 0.2": ([-1.0, 9.0], [0.95, 0.05], -0.7, BOUNDS),
    "paired, tolerance 0.2": ([-10.0, 0.0, 10.0], [0.05, 0.87, 0.08], -0.2, (-10.0, 10.0)),
    "split at half, tolerance 0.5": (
        [-18.0, -2.0, 2.0, 18.0],
        [0.045, 0.455, 0.45, 0.05],
        -0.5,
        (-18.0, 18.0),
    ),
}


def _sample_sizes(runs: int) -> None:
    print("\n  One-sided bets at 5 %, looked at after every case; a z test that looks once at 80 %")
    print("  power; planned / simulated. wrong: how often the claim falls where it just holds,")
    print("  by the bet and by a z test peeked at every case from the 30th, over as many cases.\n")
    print(
        f"  {'cases':<30}{'fixed n':>8}{'expected':>16}{'at 80 %':>16}{'x fixed':>9}"
        f"{'wrong: bet':>12}{'z':>7}"
    )
    for name, (values, chances, null, bounds) in LAWS.items():
        x, p = np.asarray(values), np.asarray(chances)
        mean = float(x @ p)
        fixed = fixed_sample_size(mean - null, math.sqrt(float(x**2 @ p) - mean**2))
        plan = betting_sample_size(values, chances, null, bounds)
        likely = betting_sample_size(values, chances, null, bounds, power=0.8)
        stops = _stops(x, p, null, bounds, int(8 * plan), runs)[0]
        at_null = _tilted(x, p, null)
        wrong, peeked = _stops(x, at_null, null, bounds, int(2 * plan), runs)
        print(
            f"  {name:<30}{fixed:>8.0f}{f'{plan:.0f}/{stops.mean():.0f}':>16}"
            f"{f'{likely:.0f}/{np.quantile(stops, 0.8):.0f}':>16}{stops.mean() / fixed:>9.2f}"
            f"{np.mean(np.isfinite(wrong)):>12.3f}{np.mean(peeked):>7.3f}"
        )


def _tilted(x: Floats, p: Floats, null: float) -> Floats:
    """The nearest law with mean `null` (exponential tilting)."""
    low, high = -5.0, 5.0
    for _ in range(80):
        middle = (low + high) / 2
        tilted = p * np.exp(middle * x)
        if float(x @ tilted) / float(tilted.sum()) > null:
            high = middle
        else:
            low = middle
    law: Floats = p * np.exp(low * x)
    return law / law.sum()


def _stops(
    x: Floats, p: Floats, null: float, bounds: tuple[float, float], most: int, runs: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return when the bet stopped in each run (infinite: never) and whether z ever crossed."""
    bets, stakes = bets_and_stakes()
    won = np.log1p(np.outer(bets / (null - bounds[0]), x - null))
    stops, crossed = np.full(runs, np.inf), np.zeros(runs, dtype=np.bool_)
    count = np.arange(1, most + 1)
    for run in range(runs):
        drawn = np.random.default_rng([2027, run]).choice(len(x), most, p=p)
        seen = np.stack([np.cumsum(drawn == k) for k in range(len(x))])
        money = won @ seen
        top = money.max(axis=0)
        hits = np.flatnonzero(top + np.log(stakes @ np.exp(money - top)) >= -math.log(ALPHA))
        if len(hits):
            stops[run] = hits[0] + 1
        mean = (x @ seen) / count
        deviation = np.sqrt(np.maximum(x**2 @ seen / count - mean**2, 1e-12))
        crossed[run] = ((mean - null) * np.sqrt(count) / deviation > 1.6449)[30:].any()
    return stops, crossed


def _rates(runs: int) -> None:
    print("\n  Error rate above a limit, Beta-binomial at 5 %, looked at after every 20th case\n")
    print(f"  {'rate against limit':<30}{'fixed n':>8}{'simulated':>11}{'x fixed':>9}{'wrong':>8}")
    for limit, rate in ((0.01, 0.02), (0.01, 0.05), (0.05, 0.07)):
        z = 1.6449 * math.sqrt(limit * (1 - limit)) + 0.8416 * math.sqrt(rate * (1 - rate))
        fixed = (z / (rate - limit)) ** 2
        stops = [_fell(limit, rate, run, int(8 * fixed)) for run in range(runs // 3)]
        wrong = [_fell(limit, limit, run, int(4 * fixed)) for run in range(runs // 3)]
        mean = float(np.mean(np.minimum(stops, 8 * fixed)))
        print(
            f"  {f'{rate:.0%} against {limit:.0%}':<30}{fixed:>8.0f}{mean:>11.0f}"
            f"{mean / fixed:>9.2f}{np.mean(np.isfinite(wrong)):>8.3f}"
        )


def _fell(limit: float, rate: float, run: int, most: int) -> float:
    events = np.cumsum(np.random.default_rng([2028, run]).random(most) < rate)
    start = RateProcess.against(limit)
    for look in range(20, most, 20):
        if start.updated(int(events[look - 1]), look).rejects(ALPHA):
            return float(look)
    return math.inf


if __name__ == "__main__":
    main()
