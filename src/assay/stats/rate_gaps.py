"""The widest gap between the rates of several groups, as a difference or a ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from scipy.special import ndtri

from assay.stats.estimate import Estimate

__all__ = ["GroupRate", "widest_gap"]

_METHOD = "widest gap of groups, Wilson and MOVER, all pairs at once"


@dataclass(frozen=True)
class GroupRate:
    """How many of a group's cases were events; counts may be expected ones."""

    events: float
    cases: float

    @property
    def rate(self) -> float:
        """The share of events."""
        return self.events / self.cases

    def bounds(self, z: float) -> tuple[float, float]:
        """Return Wilson's limits (JASA 22, 1927) at `z` standard errors."""
        n, p = self.cases, self.rate
        weight = z * z / n
        middle = (p + weight / 2) / (1 + weight)
        half = math.sqrt(weight * (p * (1 - p) + weight / 4)) / (1 + weight)
        return max(0.0, middle - half), min(1.0, middle + half)


def widest_gap(
    groups: Mapping[str, GroupRate],
    kind: Literal["difference", "ratio"],
    *,
    comparisons: int = 1,
    confidence: float = 0.95,
) -> Estimate | None:
    """Return the greatest rate minus the least (0 is equal), or the least over the greatest (1 is).

    The interval is simultaneous over all pairs of groups (Bonferroni), since the widest gap is
    picked after looking, and over `comparisons` kinds of rate where several are looked at. A
    difference has Newcombe's hybrid score limits (Statistics in Medicine 17, 1998), a ratio the
    same way of squaring and adding on logarithms (MOVER: Zou and Donner, Statistics in Medicine
    27, 2008). None with fewer than two groups, or where no case of any was an event and a ratio
    is asked for.

    >>> widest_gap({"f": GroupRate(300, 1000), "m": GroupRate(500, 1000)}, "ratio")
    0.6 [0.5356, 0.6715]
    """
    known = [one for one in groups.values() if one.cases > 0]
    top = max((one.rate for one in known), default=0.0)
    if len(known) < 2 or (kind == "ratio" and not top):
        return None
    pairs = len(known) * (len(known) - 1) / 2 * comparisons
    z = float(ndtri(1 - (1 - confidence) / 2 / pairs))
    limits = _difference if kind == "difference" else _ratio
    between = [limits(one, two, z) for one, two in permutations(known, 2)]
    least = min(one.rate for one in known)
    n = round(sum(one.cases for one in known))
    if kind == "difference":
        low, high = (max(max(0.0, pair[side]) for pair in between) for side in (0, 1))
        return Estimate(top - least, low, high, n, _METHOD, confidence=confidence)
    low, high = (min(min(1.0, pair[side]) for pair in between) for side in (0, 1))
    return Estimate(least / top, low, high, n, _METHOD, confidence=confidence)


def _difference(one: GroupRate, two: GroupRate, z: float) -> tuple[float, float]:
    (low, high), (below, above) = one.bounds(z), two.bounds(z)
    gap = one.rate - two.rate
    return (
        gap - math.hypot(one.rate - low, above - two.rate),
        gap + math.hypot(high - one.rate, two.rate - below),
    )


def _ratio(one: GroupRate, two: GroupRate, z: float) -> tuple[float, float]:
    """Return the limits of one rate over another; a rate of 0 stands at half an event."""
    (low, high), (below, above) = one.bounds(z), two.bounds(z)
    p, q = (max(each.rate, 0.5 / (each.cases + 1)) for each in (one, two))
    ratio = math.log(p / q)
    least, most = 0.0, math.inf
    if one.rate > 0:
        least = math.exp(ratio - math.hypot(math.log(p / low), math.log(above / q)))
    if two.rate > 0:
        most = math.exp(ratio + math.hypot(math.log(high / p), math.log(q / below)))
    return least, most
