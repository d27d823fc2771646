"""The value bridge: why realised value is not what was planned, in parts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import ModelError
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.clusters import stretch
from assay.stats.estimate import Estimate
from assay.value.bridge_cells import CellTable, common_cells, score_of
from assay.value.bridge_sides import Side, assumed, crossed_uplifts, forecast_in, require_alike
from assay.value.payoff import Floats
from assay.value.shapley import shapley_average

__all__ = ["PARTS", "Bridge", "bridge"]

PARTS = ("volume", "mix", "performance", "policy", "cost")
"""The parts of a bridge, in their order."""

_FORMAT = 1
_ENDS = ("planned", "realised")
_METHOD = "Shapley average over cells, bootstrapped influence"


@dataclass(frozen=True)
class Bridge:
    """Planned and realised uplift of a period, after fixed costs, and the parts between them.

    The parts are of more or fewer decisions (`volume`), other cases (`mix`), other outcomes of
    alike cases (`performance`), other decisions on alike cases (`policy`), and other payoffs,
    baseline or fixed costs (`cost`). `unmatched` is the share of planned and of realised volume
    in cells that the other side does not have: of these nothing can be said of performance.
    `assumed` is the share of either whose uplift is the forecast's word, as no outcome showed it.
    """

    planned: Estimate
    realised: Estimate
    difference: Estimate
    parts: Mapping[str, Estimate]
    unmatched: tuple[float, float] = (0.0, 0.0)
    assumed: tuple[float, float] = (0.0, 0.0)

    def steps(self) -> tuple[tuple[str, Estimate], ...]:
        """Return planned, each part in order, and realised, by name."""
        return ("planned", self.planned), *self.parts.items(), ("realised", self.realised)

    def lines(self) -> tuple[str, ...]:
        """Return one line for each part, such as `performance -1,240 EUR per month [...]`."""
        return tuple(
            f"{name} {'+' if part.mean > 0 else ''}{part}" for name, part in self.parts.items()
        )

    def words(self) -> tuple[str, ...]:
        """Return what a reader of the parts must not miss."""
        words = []
        if max(self.unmatched) > 0:
            planned, realised = self.unmatched
            words.append(
                f"{planned:.1%} of the planned and {realised:.1%} of the realised cases have no "
                "like on the other side (another segment or score): they count as mix, and "
                "nothing is said of performance on them."
            )
        if max(self.assumed) > 0:
            words.append(
                f"The uplift of {self.assumed[0]:.1%} of the planned and {self.assumed[1]:.1%} of "
                "the realised cases is not identified: no outcome shows it, and the forecast's "
                "word stands in."
            )
        return tuple(words)

    def document(self) -> dict[str, Any]:
        """Return the bridge as a JSON document."""
        return {
            "format": _FORMAT,
            "planned": self.planned.document(),
            "realised": self.realised.document(),
            "difference": self.difference.document(),
            "parts": [{"part": n, **part.document()} for n, part in self.parts.items()],
            "unmatched": dict(zip(_ENDS, self.unmatched, strict=True)),
            "assumed": dict(zip(_ENDS, self.assumed, strict=True)),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Bridge:
        """Read a bridge back; ModelError where the format is not known."""
        if document.get("format") != _FORMAT:
            raise ModelError(
                f"This value bridge has format {document.get('format')!r}; this version of Assay "
                f"reads format {_FORMAT}. Use the version of Assay that wrote it."
            )
        rows = [dict(row) for row in document["parts"]]
        apart, word = document["unmatched"], document["assumed"]
        return cls(
            planned=Estimate.from_document(document["planned"]),
            realised=Estimate.from_document(document["realised"]),
            difference=Estimate.from_document(document["difference"]),
            parts={row.pop("part"): Estimate.from_document(row) for row in rows},
            unmatched=(apart["planned"], apart["realised"]),
            assumed=(word["planned"], word["realised"]),
        )


def bridge(
    planned: Side,
    realised: Side,
    *,
    seed: int,
    per: str = "month",
    cells: int = 10,
    resamples: int = 2000,
) -> Bridge:
    """Return the parts of realised less planned uplift, in currency `per` period.

    A period's uplift is `volume * sum_c share[c] * mean uplift[c] - fixed_costs` over cells of
    segment and score (see `common_cells`). Each factor comes from either side: volume, shares
    (mix), the cases of a cell with their outcomes (performance), who decides on them (policy), and
    who pays (cost: payoffs, baseline, fixed costs). That makes 32 mixtures, whose two ends are
    the plain totals of the sides; a part is the Shapley average of what its factor changes, so the
    parts add up to the difference. Where a cell is empty on the side that should supply its cases,
    the other side's stand in: there is no evidence of performance there, and no part of it.
    Where each side has drawn its own cases, parts that are zero in truth are not so by chance:
    look at their intervals. Within a cell cases are taken as alike; a score that shifts inside
    its cell shows as performance.

    Intervals are of the sampling of both sides' cases, taken as independent of each other; the
    cells' edges are taken as given. Each part is a smooth function of both samples' cell counts and
    cell sums, so its bootstrap distribution is that of the mean of its influences (infinitesimal
    jackknife: Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 6),
    which `bootstrap_mean` takes by whole clusters, with the skewness of payoffs. Deviations from
    the mean of a cell of m cases are stretched by sqrt(m / (m - 1)), as the mean was fitted to
    them; the only case of a cell takes its deviation from the side's mean. A part that rests on few
    cases is covered less: `policy` rests on those decided otherwise, and where they are some forty
    its 95% interval held the truth in 88% of simulated bridges (the other parts: 91% to 95%).

    Raises DataError where the sides differ in task, currency, outcomes, actions, or lack columns;
    ValueError where one has no cases, or only one has segments.

    >>> from assay.charter.data import Data
    >>> from assay.charter.value import ValueModel
    >>> from assay.value.valuation import valuation
    >>> model = ValueModel.model_validate({
    ...     "currency": "EUR", "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
    ...     "baselines": {"nobody": "skip"}, "baseline": "nobody", "decisions_per_month": 1000})
    >>> bank = valuation(model, Data(source="bank.csv", outcome="y", positive="yes"))
    >>> forecast, answers = np.tile([0.75, 0.25], (400, 1)), np.tile([0, 0, 0, 1], 100)
    >>> plan = Side(bank, forecast, answers, {}, volume=1000, fixed_costs=200)
    >>> came = replace(plan, outcomes=np.tile([0, 0, 0, 0, 0, 0, 0, 1], 50), volume=800)
    >>> found = bridge(plan, came, seed=0)
    >>> for line in found.lines():
    ...     print(line)
    volume -175 EUR per month [-231.8, -124.9]
    mix 0 EUR per month [0, 0]
    performance -1,125 EUR per month [-1,646, -647.2]
    policy 0 EUR per month [0, 0]
    cost 0 EUR per month [0, 0]
    """
    require_alike(planned, realised)
    sides = (planned, realised)
    task, labels = planned.valuation.task, planned.valuation.labels
    scored = [score_of(forecast_in(side, labels), task) for side in sides]
    table = common_cells(scored[0], scored[1], (planned.segments, realised.segments), cells=cells)
    paid = (
        crossed_uplifts(planned, realised, first=True),
        crossed_uplifts(realised, planned, first=False),
    )
    means = _cell_means(table, paid)
    mixed = np.einsum("ac,bcpk->abpk", table.shares, means)
    volumes = np.array([side.volume for side in sides], dtype=np.float64)
    costs = np.array([side.fixed_costs for side in sides], dtype=np.float64)
    worth = np.multiply.outer(volumes, mixed) - costs
    pulls = [_pulls(table, paid, means, mixed, own) for own in (0, 1)]
    unit = f"{planned.valuation.currency} per {per}"
    spread = _Spread(sides, seed, resamples, unit)

    def ends(place: int) -> Estimate:
        own = volumes[place] * (paid[place][:, place, place] - mixed[(place,) * 4])
        none = np.zeros(len(sides[1 - place]))
        return spread.around(float(worth[(place,) * 5]), [none, own] if place else [own, none])

    parts = shapley_average(worth, len(PARTS))
    pulled = [shapley_average(np.multiply.outer(volumes, pull), len(PARTS)) for pull in pulls]
    whole = (1,) * 4, (0,) * 4
    change = [volumes[1] * pull[whole[0]] - volumes[0] * pull[whole[1]] for pull in pulls]
    plan, came = ends(0), ends(1)
    return Bridge(
        planned=plan,
        realised=came,
        difference=spread.around(came.mean - plan.mean, change),
        parts={
            name: spread.around(float(parts[j]), [one[j] for one in pulled])
            for j, name in enumerate(PARTS)
        },
        unmatched=table.unmatched,
        assumed=(assumed(planned), assumed(realised)),
    )


def _cell_means(table: CellTable, paid: tuple[Floats, Floats]) -> Floats:
    """Return the mean uplift of each side's cases in each cell, shape (2, C, 2, 2).

    An empty cell has the mean of the other side's cases.
    """
    count = table.counts.shape[1]
    means = np.empty((2, count, 2, 2))
    for own in (0, 1):
        for p, c in np.ndindex(2, 2):
            sums = np.bincount(table.of[own], paid[own][:, p, c], minlength=count)
            means[own, :, p, c] = sums / np.maximum(table.counts[own], 1)
    empty = table.counts == 0
    return np.where(empty[:, :, None, None], means[::-1], means)


def _pulls(
    table: CellTable, paid: tuple[Floats, Floats], means: Floats, mixed: Floats, own: int
) -> Floats:
    """Return how each case of a side pulls on each mixture, shape (2, 2, 2, 2, n).

    The first two axes are whose mix and whose cases. A case moves its side's shares towards its
    cell, and the mean of its cell towards what it paid.
    """
    cell, counts, shares = table.of[own], table.counts[own], table.shares
    deviation = _deviations(paid[own], means[own], cell, counts)
    alone = (counts[cell] == 1)[:, None, None]
    pulls = np.zeros((2, 2, *paid[own].shape))
    for mix, cases in np.ndindex(2, 2):
        if mix == own:
            pulls[mix, cases] += means[cases][cell] - mixed[mix, cases]
        if mix == cases == own:
            pulls[mix, cases] += np.where(alone, 0.0, deviation)
            continue
        supplies = counts > 0 if cases == own else (table.counts[cases] == 0) & (counts > 0)
        weight = np.where(supplies, shares[mix] / np.maximum(shares[own], 1e-300), 0.0)
        pulls[mix, cases] += weight[cell][:, None, None] * deviation
    return np.moveaxis(pulls, 2, -1)


def _deviations(
    paid: Floats, means: Floats, cell: NDArray[np.int64], counts: NDArray[np.int64]
) -> Floats:
    """Return how far what each case paid lies from its cell's mean, made good for the fit."""
    stretched = np.sqrt(counts / np.maximum(counts - 1, 1))[cell][:, None, None]
    alone = (counts[cell] == 1)[:, None, None]
    deviations: Floats = np.where(alone, paid - paid.mean(axis=0), (paid - means[cell]) * stretched)
    return deviations


@dataclass(frozen=True)
class _Spread:
    """Makes an estimate of an amount from the pulls of both sides' cases on it."""

    sides: tuple[Side, Side]
    seed: int
    resamples: int
    unit: str

    def around(self, amount: float, pulls: list[Floats]) -> Estimate:
        """Return the amount with its interval, by the sides that move it; certain if none does."""
        moving = [(side, pull) for side, pull in zip(self.sides, pulls, strict=True) if pull.any()]
        total = sum(len(pull) for _, pull in moving) or sum(len(pull) for pull in pulls)
        sure = Estimate(amount, amount, amount, total, _METHOD, self.unit)
        if not moving:
            return sure
        found = bootstrap_mean(
            np.concatenate([pull * (total / len(pull)) for _, pull in moving]),
            seed=self.seed,
            clusters=_together([side for side, _ in moving]),
            resamples=self.resamples,
        )
        # Few clusters stretch the interval: those of the side that has fewest.
        counts = [side.clusters.count for side, _ in moving if side.clusters is not None]
        factor = stretch(min(counts), found.confidence) if counts else 1.0
        return replace(
            sure,
            low=amount - factor * (found.mean - found.low),
            high=amount + factor * (found.high - found.mean),
        )


def _together(sides: list[Side]) -> NDArray[np.int64] | None:
    """Return which of all the cases hang together; those of two sides never do."""
    if all(side.clusters is None for side in sides):
        return None
    codes, first = [], 0
    for side in sides:
        own = np.arange(len(side)) if side.clusters is None else side.clusters.codes
        codes.append(own + first)
        first += int(own.max()) + 1
    return np.concatenate(codes)
