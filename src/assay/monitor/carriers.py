"""Which features carry a loss: money that moved with their mix, and money missed in their bands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.ports.engine import Columns, Floats
from assay.stats.estimate import Estimate
from assay.stats.grid import CategoryAxis, NumberAxis
from assay.stats.profile import is_score
from assay.stats.reference import Reference

__all__ = ["Missed", "MovedMix", "missed_in", "moved_mix"]

Ints = NDArray[np.int64]

_BANDS = 8
_LEAST = 30
"""Labelled cases in a band below which nothing is said of what it missed."""
_ALPHA = 0.05


@dataclass(frozen=True)
class MovedMix:
    """What the changed mix of one feature's values is worth, by itself.

    `a_day` is in currency per day, at the window's own volume; its interval is widened for the
    number of features looked at (Bonferroni), so that one that is surely not nothing is not just
    the widest of many. Features that move together each
    carry all of what they share: these amounts do not add up.
    """

    feature: str
    a_day: Estimate
    words: str

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {"feature": self.feature, "a_day": self.a_day.document(), "words": self.words}


@dataclass(frozen=True)
class Missed:
    """What the cases of one band miss more than all others do, in currency per day.

    Missed is expected less realised uplift; were its cases like the others, `a_day` would not be
    lost. The interval is widened for the number of bands looked at (Bonferroni), so that one surely
    below zero is not just the worst of many.
    """

    feature: str
    band: str
    share: float
    n: int
    a_day: Estimate

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {
            "feature": self.feature,
            "band": self.band,
            "share": self.share,
            "n": self.n,
            "a_day": self.a_day.document(),
        }


def moved_mix(
    columns: Columns, expected: Floats, reference: Reference, per_day: float, currency: str
) -> tuple[MovedMix, ...]:
    """Return what each feature's change of mix is worth, the costliest first.

    `expected` (n,) is the uplift expected of each case, in currency. With the reference's shares
    r_b and the window's s_b of a feature's bands, and the mean m_b of what is expected in each, the
    change is worth `sum_b (s_b - r_b) m_b`: what a case is worth is taken as now, only how many
    there are of each kind as before. Intervals by the delta method, over both samples, for all
    features at once (Bonferroni): with 95 % of chance all of them hold.

    >>> from assay.stats.reference import make_reference, read_reference
    >>> before = {"city": np.array(["Faro", "Braga"] * 500, dtype=object)}
    >>> now = np.array(["Faro"] * 900 + ["Braga"] * 100, dtype=object)
    >>> worth = np.where(now == "Faro", 0.0, 1.0)
    >>> found = moved_mix(
    ...     {"city": now}, worth, read_reference(make_reference(before)), 50, "EUR")
    >>> found[0].feature, found[0].a_day.mean, found[0].words
    ('city', -20.0, 'Braga in 10% of cases, 50% before')
    """
    told = [
        (name, bands)
        for name, bands in _banded(columns, reference)
        if len(bands.of_case) and bands.before.sum()
    ]
    z = float(ndtri(1 - _ALPHA / 2 / max(1, len(told))))
    found = [_moved(name, bands, expected, z, per_day, currency) for name, bands in told]
    return tuple(sorted(found, key=lambda one: (one.a_day.mean, one.feature)))


def missed_in(
    columns: Columns,
    gaps: Floats,
    reference: Reference,
    per_day: float,
    currency: str,
) -> tuple[Missed, ...]:
    """Return the bands whose cases disappoint more than the others, the surely worst first.

    The feature whose sure bands lose most comes first, and its worst band first of these.

    `gaps` (n,) are realised less expected uplift of each case, in currency; NaN where no outcome is
    known. Those are taken to be like the known cases of their band.
    """
    known = np.isfinite(gaps)
    told: list[tuple[str, str, NDArray[np.bool_]]] = []
    for name, bands in _banded(columns, reference):
        for band in range(bands.size):
            inside = bands.of_case == band
            if min((inside & known).sum(), (known & ~inside).sum()) >= _LEAST:
                told.append((name, bands.names[band], inside))
    z = float(ndtri(1 - _ALPHA / 2 / max(1, len(told))))
    found = [_missed(*one, gaps, z, per_day, currency) for one in told]
    short = [one for one in found if one.a_day.mean < 0]
    sure: dict[str, float] = {}
    for one in short:
        sure[one.feature] = sure.get(one.feature, 0.0) + one.a_day.mean * (one.a_day.high < 0)
    return tuple(
        sorted(short, key=lambda one: (one.a_day.high >= 0, sure[one.feature], one.a_day.mean))
    )


@dataclass(frozen=True, eq=False)
class _Bands:
    """A feature's values in a few bands: each case's, and how many reference rows each had."""

    of_case: Ints
    before: Ints
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.names)


def _banded(columns: Columns, reference: Reference) -> Iterator[tuple[str, _Bands]]:
    for name, axis in reference.grid.axes.items():
        tally = reference.pooled.features.get(name)
        if is_score(name) or name not in columns or tally is None:
            continue
        of_cell, names = _cut(axis, tally.counts)
        before = np.bincount(of_cell, tally.counts, len(names)).astype(np.int64)
        yield name, _Bands(of_cell[axis.cells(columns[name])], before, names)


def _cut(axis: NumberAxis | CategoryAxis, counts: Ints) -> tuple[Ints, tuple[str, ...]]:
    """Return the band of each cell, the missing one last, and the bands' names."""
    if isinstance(axis, CategoryAxis):
        kept = np.argsort(-counts[:-2], kind="stable")[:_BANDS]
        of_cell = np.full(axis.size, len(kept), dtype=np.int64)
        of_cell[kept] = np.arange(len(kept))
        of_cell[-1] = len(kept) + 1
        return of_cell, (*(axis.values[place] for place in kept), "other values", "missing")
    present = counts[:-1]
    middle = (np.cumsum(present) - present / 2) / max(1, present.sum())
    rough = np.minimum((middle * _BANDS).astype(np.int64), _BANDS - 1)
    used, of_cell = np.unique(rough, return_inverse=True)
    names = []
    for band in range(len(used)):
        inside = np.flatnonzero(of_cell == band)
        low = axis.edges[inside[0] - 1] if inside[0] > 0 else -np.inf
        high = axis.edges[inside[-1]] if inside[-1] < len(axis.edges) else np.inf
        names.append(_between(float(low), float(high), first=band == 0, last=band == len(used) - 1))
    return np.append(of_cell, len(used)).astype(np.int64), (*names, "missing")


def _between(low: float, high: float, *, first: bool, last: bool) -> str:
    if first and last:
        return "all values"
    if first:
        return f"up to {high:.4g}"
    return f"above {low:.4g}" if last else f"{low:.4g} to {high:.4g}"


def _moved(
    name: str, bands: _Bands, expected: Floats, z: float, per_day: float, currency: str
) -> MovedMix:
    counts = np.bincount(bands.of_case, minlength=bands.size)
    n, rows = len(expected), float(bands.before.sum())
    now, before = counts / n, bands.before / rows
    sums = np.bincount(bands.of_case, expected, bands.size)
    overall = float(expected.mean())
    # Of a band without a case nothing is expected but what is expected of any case.
    mean = np.divide(sums, counts, out=np.full(bands.size, overall), where=counts > 0)
    change, lead = now - before, mean - overall
    off = (expected - mean[bands.of_case]) * (change / np.maximum(now, 1 / n))[bands.of_case]
    influence = lead[bands.of_case] + off
    of_reference = float(before @ lead**2 - (before @ lead) ** 2) / rows
    error = float(np.sqrt(influence.var() / n + max(0.0, of_reference)))
    worth, reach = float(change @ lead), z * error
    most = int(np.argmax(np.abs(change * lead)))
    words = f"{bands.names[most]} in {now[most]:.0%} of cases, {before[most]:.0%} before"
    estimate = Estimate(
        worth, worth - reach, worth + reach, n, "change of mix", f"{currency} per decision"
    )
    return MovedMix(name, estimate.scaled(per_day, f"{currency} per day"), words)


def _missed(
    name: str,
    band: str,
    inside: NDArray[np.bool_],
    gaps: Floats,
    z: float,
    per_day: float,
    currency: str,
) -> Missed:
    known = np.isfinite(gaps)
    told, others = gaps[inside & known], gaps[~inside & known]
    share, mean = float(inside.mean()), float(told.mean() - others.mean())
    error = float(np.sqrt(told.var(ddof=1) / len(told) + others.var(ddof=1) / len(others)))
    low, high = mean - z * error, mean + z * error
    unit = f"{currency} per decision"
    estimate = Estimate(
        mean, low, high, len(told), "realised less expected, beyond other cases", unit
    )
    return Missed(
        name, band, share, len(told), estimate.scaled(share * per_day, f"{currency} per day")
    )
