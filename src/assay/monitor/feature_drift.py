"""How one feature of a window stands against the reference windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtri

from assay.stats import distances
from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.overdispersion import Movement, movement
from assay.stats.profile import Tally

__all__ = ["Aspect", "FeatureDrift", "compare"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Axis = NumberAxis | CategoryAxis
AspectName = Literal["values", "missing", "unseen"]

_LEAST_EXPECTED = 5
_GROUPS = 10
_LEAST_UNSEEN = 0.01
"""Share of rows with values never seen before, below which it is no news."""


@dataclass(frozen=True)
class Aspect:
    """One question about a feature: do its values, missing values or unseen values differ?

    `p` is the p-value against noise and harmless movement, `effect` in standard deviations
    (for shares: Cohen's h), `text` the finding in words.
    """

    name: AspectName
    p: float
    effect: float
    text: str


@dataclass(frozen=True)
class FeatureDrift:
    """What was measured of one feature, and which aspects moved (after all are judged together).

    `distance` is the Wasserstein distance in standard deviations (numbers) or the
    Jensen-Shannon distance (categories), each net of what equal laws would give;
    `statistics` holds the usual plug-in distances by their usual names.
    """

    feature: str
    kind: Literal["number", "category"]
    n: int
    distance: float
    statistics: Mapping[str, float]
    aspects: tuple[Aspect, ...]
    moved: tuple[Aspect, ...] = ()

    @property
    def effect(self) -> float:
        """The largest effect among what moved; 0 where nothing did."""
        return max((aspect.effect for aspect in self.moved), default=0.0)

    @property
    def text(self) -> str:
        """What moved, in words."""
        return "; ".join(aspect.text for aspect in self.moved)

    def document(self) -> dict[str, Any]:
        """Return the comparison as a JSON document; numbers that do not exist are None."""
        return {
            "feature": self.feature,
            "kind": self.kind,
            "n": self.n,
            "distance": _number(self.distance),
            "statistics": {name: _number(value) for name, value in self.statistics.items()},
            "moved": [{"aspect": one.name, "p": one.p, "effect": one.effect} for one in self.moved],
            "text": self.text,
        }


def compare(
    name: str, axis: Axis, windows: Sequence[Tally], pooled: Tally, tally: Tally
) -> FeatureDrift:
    """Measure one feature of a window against its reference windows and their sum."""
    aspects = []
    if tally.n and pooled.n:
        aspects = [_values(axis, windows, pooled, tally), _unseen(pooled, tally)]
    if tally.n + tally.nulls:
        aspects.append(_missing(windows, pooled, tally))
    distance, statistics = _distances(axis, pooled, tally)
    kind: Literal["number", "category"] = "number" if isinstance(axis, NumberAxis) else "category"
    return FeatureDrift(name, kind, tally.n, distance, statistics, tuple(aspects))


def _values(axis: Axis, windows: Sequence[Tally], pooled: Tally, tally: Tally) -> Aspect:
    """Judge the values: their mix over groups of cells and, for numbers, their location too.

    Location takes normal scores (van der Waerden 1952), so that units and tails do not matter;
    it gets two thirds of the error rate, being what moves most often.
    """
    used = [window.counts[:-1] for window in windows if window.n]
    if len(used) < 2:
        return Aspect("values", 1.0, 0.0, "")
    mix = _mix(axis, np.stack(used), pooled.counts[:-1], tally.counts[:-1])
    if isinstance(axis, CategoryAxis):
        return Aspect("values", mix.p, mix.effect, _mix_text(axis, pooled, tally))
    place = _location(np.stack(used), pooled.counts[:-1], tally.counts[:-1])
    p = min(1.0, 1.5 * place.p, 3 * mix.p)
    effect = place.effect if 1.5 * place.p <= 3 * mix.p else mix.effect
    return Aspect("values", p, effect, _location_text(axis, pooled, tally))


def _location(windows: Ints, pooled: Ints, counts: Ints) -> Movement:
    total = pooled.sum()
    middle = (np.cumsum(pooled) - pooled / 2) / total
    scores = ndtri(np.clip(middle, 0.5 / total, 1 - 0.5 / total))
    share = pooled / total
    mean = float(share @ scores)
    variance = float(share @ (scores - mean) ** 2)
    if variance <= 0:
        return Movement(1.0, 0.0)
    sizes = windows.sum(axis=1).astype(np.float64)
    apart = sizes * (windows @ scores / sizes - mean) ** 2 / variance
    n = int(counts.sum())
    return movement(apart, sizes, n * (float(counts @ scores) / n - mean) ** 2 / variance, n)


def _mix(axis: Axis, windows: Ints, pooled: Ints, counts: Ints) -> Movement:
    sizes = windows.sum(axis=1).astype(np.float64)
    n = int(counts.sum())
    typical = min(float(n), float(sizes.mean()))
    grouping = _even_groups if isinstance(axis, NumberAxis) else _common_groups
    groups = grouping(pooled, typical)
    size = int(groups.max()) + 1
    if size < 2:
        return Movement(1.0, 0.0)
    share = np.bincount(groups, pooled, size) / pooled.sum()
    grouped = np.stack([np.bincount(groups, window, size) for window in windows])
    apart = sizes * ((grouped / sizes[:, None] - share) ** 2 / share).sum(axis=1)
    here = np.bincount(groups, counts, size) / n
    return movement(apart, sizes, n * float(((here - share) ** 2 / share).sum()), n, size - 1)


def _even_groups(pooled: Ints, typical: float) -> Ints:
    """Group neighbouring cells into at most ten groups of about equal share.

    Each has five expected cases at least, so that Pearson's statistic keeps its law.
    """
    middle = (np.cumsum(pooled) - pooled / 2) / pooled.sum()
    rough = np.minimum((middle * _GROUPS).astype(np.int64), _GROUPS - 1)
    expected = np.bincount(rough, pooled, _GROUPS) / pooled.sum() * typical
    group, held, merged = 0, 0.0, np.zeros(_GROUPS, dtype=np.int64)
    for i, cases in enumerate(expected):
        if held >= _LEAST_EXPECTED and cases > 0:
            group, held = group + 1, 0.0
        merged[i] = group
        held += float(cases)
    if held < _LEAST_EXPECTED:
        merged[merged == group] = max(0, group - 1)
    return _renumbered(merged[rough])


def _common_groups(pooled: Ints, typical: float) -> Ints:
    """Give each common category a group and pool those with fewer than five expected cases."""
    expected = pooled / pooled.sum() * typical
    alone = expected >= _LEAST_EXPECTED
    groups = np.where(alone, np.arange(1, len(pooled) + 1), 0)
    if alone.any() and float(expected[~alone].sum()) < _LEAST_EXPECTED:
        groups[~alone] = groups[np.argmin(np.where(alone, expected, np.inf))]
    return _renumbered(groups)


def _renumbered(groups: Ints) -> Ints:
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _unseen(pooled: Tally, tally: Tally) -> Aspect:
    """Judge values in cells that no reference value fell into.

    The chance of one is near the share of values that were seen once (Good 1953, Biometrika
    40), or 2 / (N + 1) for exceeding either end of N numbers.
    """
    seen = pooled.counts[:-1]
    count = int(tally.counts[:-1][seen == 0].sum())
    once = max(2, int((seen == 1).sum()) + 1) if not len(pooled.sums) else 2
    p = _at_least(count, tally.n, min(1.0, once / (pooled.n + 1)))
    share = count / tally.n
    effect = _cohen_h(share, 0.0) if share >= _LEAST_UNSEEN else 0.0
    return Aspect("unseen", p, effect, f"{share:.1%} of values were never seen before")


def _missing(windows: Sequence[Tally], pooled: Tally, tally: Tally) -> Aspect:
    rows, nulls = tally.n + tally.nulls, tally.nulls
    rate = (pooled.nulls + 0.5) / (pooled.n + pooled.nulls + 1)
    sizes = np.array([float(window.n + window.nulls) for window in windows])
    here, before = nulls / rows, pooled.nulls / max(1, pooled.n + pooled.nulls)
    counts = np.array([window.nulls for window in windows])
    apart = sizes * (counts / sizes - before) ** 2 / (rate * (1 - rate))
    moved = movement(apart, sizes, rows * (here - before) ** 2 / (rate * (1 - rate)), rows)
    p = moved.p
    if rows * rate < _LEAST_EXPECTED:
        # So rare that no normal law holds: only an excess counts, by its exact chance.
        p = max(p, _at_least(nulls, rows, rate))
    text = f"missing in {here:.1%} of rows, {before:.1%} before"
    return Aspect("missing", p, _cohen_h(here, before), text)


def _at_least(count: int, n: int, rate: float) -> float:
    return float(bdtrc(count - 1, n, rate)) if count > 0 else 1.0


def _cohen_h(a: float, b: float) -> float:
    """Return the difference of two shares on the scale where their noise is alike (Cohen 1988)."""
    return float(2 * abs(np.arcsin(np.sqrt(a)) - np.arcsin(np.sqrt(b))))


def _distances(axis: Axis, pooled: Tally, tally: Tally) -> tuple[float, dict[str, float]]:
    n, m = tally.n, pooled.n
    if not (n and m):
        return np.nan, {}
    a, b = pooled.counts[:-1], tally.counts[:-1]
    groups = _even_groups(a, float(n)) if isinstance(axis, NumberAxis) else np.arange(len(a))
    c, d = np.bincount(groups, a).astype(np.int64), np.bincount(groups, b).astype(np.int64)
    js = distances.jensen_shannon(c, d)
    statistics = {
        "jensen_shannon": js,
        "population_stability": distances.population_stability(c, d),
        "chi_squared": distances.chi_squared(c, d)[0],
    }
    if isinstance(axis, CategoryAxis):
        null = distances.null_jensen_shannon(int(((a + b) > 0).sum()), n, m)
        return distances.net_distance(js, null), statistics
    far = distances.wasserstein(pooled, tally, axis)
    statistics |= {"wasserstein": far, "kolmogorov_smirnov": distances.kolmogorov_smirnov(a, b)}
    null = distances.null_wasserstein(pooled, axis, n, m)
    return distances.net_distance(far, null), statistics


def _location_text(axis: NumberAxis, pooled: Tally, tally: Tally) -> str:
    before, now = pooled.mean(axis), tally.mean(axis)
    return f"mean {now:.4g}, {before:.4g} before ({(now - before) / axis.scale:+.2f} sd)"


def _mix_text(axis: CategoryAxis, pooled: Tally, tally: Tally) -> str:
    change = tally.counts[:-1] / tally.n - pooled.counts[:-1] / pooled.n
    most = int(np.argmax(np.abs(change)))
    value = axis.values[most] if most < len(axis.values) else "other values"
    now, before = tally.counts[most] / tally.n, pooled.counts[most] / pooled.n
    return f"{value} in {now:.1%} of rows, {before:.1%} before"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
