"""How one feature of a window stands against the reference windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.monitor.feature_distances import feature_distances
from assay.monitor.feature_forms import KnownFeature
from assay.stats.beta_function import log_beta_below
from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.overdispersion import Movement
from assay.stats.profile import Tally

__all__ = ["Aspect", "FeatureDrift", "Judged", "compare"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Axis = NumberAxis | CategoryAxis
AspectName = Literal["values", "missing", "unseen"]

_LEAST_EXPECTED = 5
_LOCATION = 0.96
"""Share of a number's error rate that its location has, being what moves most often; the rest
goes to its mix, whose changes show with tiny p-values or not at all."""
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
    `statistics` holds the usual distances by their usual names, and net ones (`net_...`).
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


@dataclass(frozen=True)
class Judged:
    """What a feature's location, mix and missing values say, judged beside other features.

    `groups` are those of a number's cells.
    """

    location: Movement
    mix: Movement
    missing: Movement
    groups: Ints | None = None


def compare(name: str, known: KnownFeature, tally: Tally, judged: Judged) -> FeatureDrift:
    """Put together one feature's distances from the pooled reference and what was judged of it."""
    axis, pooled = known.axis, known.pooled
    aspects: list[Aspect] = []
    if tally.n and pooled.n:
        aspects.append(_values(axis, pooled, tally, judged))
        unseen = _unseen(known, tally)
        aspects += [unseen] if unseen else []
    if tally.nulls or (pooled.nulls and tally.n):
        aspects.append(_missing(pooled, tally, judged.missing))
    distance, statistics = feature_distances(axis, pooled, tally, judged.groups)
    kind: Literal["number", "category"] = "number" if isinstance(axis, NumberAxis) else "category"
    return FeatureDrift(name, kind, tally.n, distance, statistics, tuple(aspects))


def _values(axis: Axis, pooled: Tally, tally: Tally, judged: Judged) -> Aspect:
    """Judge the values: by their mix and, for numbers, by their location above all."""
    if isinstance(axis, CategoryAxis):
        return Aspect("values", judged.mix.p, judged.mix.effect, _mix_text(axis, pooled, tally))
    place, mix = judged.location.p / _LOCATION, judged.mix.p / (1 - _LOCATION)
    effect = judged.location.effect if place <= mix else judged.mix.effect
    return Aspect("values", min(1.0, place, mix), effect, _location_text(axis, pooled, tally))


def _unseen(known: KnownFeature, tally: Tally) -> Aspect | None:
    """Judge values beyond every reference value, and categories that no reference value was of.

    The chance of one is that of values found in one reference window only (Good 1953, Biometrika
    40), or 2 / (N + 1) for exceeding either end of N numbers; the count of n new ones then has the
    law of exceedances (Gumbel and von Schelling 1950, Annals of Mathematical Statistics 21). None
    where it cannot alarm, nothing being rare: such a test takes no share of the error rate
    (Tarone 1990, Biometrics 46).
    """
    count = int(tally.counts[:-1][known.new].sum())
    before, cases = float(known.pooled.n), 2.0
    if isinstance(known.axis, CategoryAxis):
        alone = known.alone
        if not count and not len(alone):
            return None
        # As many independent cases as have this mass with this spread.
        mass = float(alone.sum()) + 1
        cases = mass**2 / (float((alone**2).sum()) + 1)
        before *= cases / mass
    p = math.exp(log_beta_below(tally.n / (tally.n + before), count, cases)) if count else 1.0
    share = count / tally.n
    effect = _cohen_h(share, 0.0) if share >= _LEAST_UNSEEN else 0.0
    return Aspect("unseen", p, effect, f"{share:.1%} of values were never seen before")


def _missing(pooled: Tally, tally: Tally, judged: Movement) -> Aspect:
    rows, nulls = tally.n + tally.nulls, tally.nulls
    known = pooled.n + pooled.nulls
    rate = (pooled.nulls + 0.5) / (known + 1)
    here, before = nulls / rows, pooled.nulls / max(1, known)
    p = judged.p if pooled.nulls and pooled.n else 0.0
    if rows * min(rate, 1 - rate) < _LEAST_EXPECTED:
        # So rare (or the rule) that only an excess (or a lack) counts, by its exact chance.
        rare, chance = (nulls, rate) if rate < 0.5 else (tally.n, 1 - rate)
        p = max(p, _at_least(rare, rows, chance))
    text = f"missing in {here:.1%} of rows, {before:.1%} before"
    return Aspect("missing", p, _cohen_h(here, before), text)


def _at_least(count: int, n: int, rate: float) -> float:
    """Return the chance of so many of n cases at least, by the incomplete beta function."""
    return math.exp(log_beta_below(rate, count, n - count + 1)) if count > 0 else 1.0


def _cohen_h(a: float, b: float) -> float:
    """Return the difference of two shares on the scale where their noise is alike (Cohen 1988)."""
    return float(2 * abs(np.arcsin(np.sqrt(a)) - np.arcsin(np.sqrt(b))))


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
