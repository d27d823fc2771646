"""What decisions were worth above the baseline, from a score table alone: no row is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from assay.monitor.moments import Moments, counted_moments, whole
from assay.monitor.possible import calibration_error
from assay.monitor.pricing import Pricing, same_whatever_comes
from assay.monitor.value import LEAST_LABELS, TABLE, Expected, Realised
from assay.ports.engine import Floats
from assay.stats.bootstrap import counted_mean
from assay.stats.estimate import Estimate
from assay.stats.score_table import ScoreTable
from assay.value.identification import marked

__all__ = ["chances", "errors", "expected_value", "halves", "realised_value"]

Ints = NDArray[np.int64]
_CONFIDENCE = 0.95


def expected_value(
    table: ScoreTable, priced: Pricing, *, confidence: float = _CONFIDENCE
) -> Expected:
    """Return the uplift per decision that all rows of a table let expect, with its interval.

    It is `expected_uplift` without the rows: exact for payoffs that are numbers, and for others to
    what forecasts and amounts do together within one score cell. For one segment give
    `table.at(segment)`. The interval has the calibrator's noise in it, and not what an isotonic map
    gets wrong between the centres of its blocks: where chances jump at a score it holds the truth
    too seldom (see `stats.calibration.Calibrator`). Raises ValueError where there are no cases, or
    where rows must be read.
    """
    table = _readable(table, priced)
    count = int(table.n.sum())
    if not count:
        raise ValueError("the uplift of no decisions cannot be expected")
    cases, chance = whole(table), chances(table.chance, table.n)
    mean = float(cases.total(_form(chance, priced.gain)).sum()) / count
    noise, calibration = (part / count for part in errors(cases, chance, priced.gain, priced))
    reach = _width(confidence) * float(np.hypot(noise, calibration))
    method = "expected from calibrated forecasts, no concept drift assumed"
    uplift = Estimate(mean, mean - reach, mean + reach, count, method, priced.unit, confidence)
    if cases.count[priced.moved].any():
        uplift = marked(uplift)
    return Expected(uplift, noise, calibration, TABLE)


def realised_value(
    table: ScoreTable,
    priced: Pricing,
    *,
    seed: int,
    confidence: float = _CONFIDENCE,
    resamples: int = 2000,
) -> Realised | None:
    """Return the uplift per decision as a table's labels show it; None where they show too little.

    It is `realised_uplift` without the rows, but for entities, whose cases hang together: labels
    pending are filled in by the difference estimator, hidden ones by expectation with both its
    errors, and the interval is widened to what payoffs allow. Counts of each payoff are resampled;
    where payoffs vary from case to case, each cell's cases are taken as two values of their mean
    and variance, and no case as further from its cell's mean than that allows. Raises ValueError
    where rows must be read.
    """
    labels = _Labels.of(_readable(table, priced), priced)
    if not labels.enough:
        return None
    values, counts = labels.values
    estimate = counted_mean(
        values,
        counts,
        seed=seed,
        confidence=confidence,
        resamples=resamples,
        unit=priced.unit,
        bounds=labels.bounds(),
    )
    calibration = 0.0
    if labels.hidden.any():
        parts = errors(labels.unseen(labels.hidden), labels.chance, priced.gain, priced)
        noise, calibration = (part / labels.cases for part in parts)
        estimate = _widened(estimate, float(np.hypot(noise, calibration)), confidence)
    moved = int(labels.ripe[priced.moved & ~same_whatever_comes(priced.base)].sum())
    return Realised(
        uplift=replace(estimate, n=labels.told, method=labels.method(estimate.method, moved)),
        value=labels.paid(),
        cases=labels.cases,
        labelled=int(labels.came.sum()),
        pending=int(labels.pending.sum()),
        hidden=int(labels.hidden.sum()),
        calibration=calibration,
        moved=moved,
        reading=TABLE,
    )


def chances(sums: Floats, n: Ints) -> Floats:
    """Return the mean forecast (K, D, C) of each cell of a table of one segment."""
    mean: Floats = sums[:, 0] / np.maximum(n[0], 1)
    return mean


def errors(cases: Moments, chance: Floats, gain: Floats, priced: Pricing) -> tuple[float, float]:
    """Return the standard error of a total, from outcomes to come and from calibration.

    With `gain` (D, K, U) and mean forecasts (K, D, C) the first is the root of
    `sum p (1 - p) D^2` over cases, the second of `sum_b (sum_{i in b} D_i)^2 p_b (1 - p_b) / m_b`
    over calibration blocks b of m_b labelled cases (for K outcomes, and for blocks by amount: see
    `Possible.errors`).
    """
    forms = [gain[:, None, k] for k in range(len(chance))]
    noise = sum(float((p * cases.squared(f)).sum()) for p, f in zip(chance, forms, strict=True))
    noise -= float(cases.squared(_form(chance, gain)).sum())
    block, labelled = priced.cells.block, priced.cells.labelled
    totals = np.array([_by_block(cases.total(f), priced) for f in forms])
    shares = np.array([_by_block(p * cases.count, priced) for p in chance])
    shares = np.where(labelled > 0, shares, 1.0)
    shares = shares / np.maximum(shares.sum(axis=0), 1e-300)
    middle = (shares * totals).sum(axis=0)
    common = (shares * (totals - middle) ** 2).sum(axis=0) / np.maximum(labelled, 1)
    apart = common
    if priced.by_amount:
        mean = np.einsum("kc,dku->dcu", shares[:, block], gain)
        squares = [_by_block(cases.squared(f - mean), priced) for f in forms]
        spread = (shares * np.array(squares)).sum(axis=0)
        apart = _by_block(cases.count, priced) * spread / np.maximum(labelled, 1)
    return float(np.sqrt(max(noise, 0.0))), calibration_error(common, apart)


def _by_block(amount: Floats, priced: Pricing) -> Floats:
    """Return sums (D, C) added up in each calibration block, (B,)."""
    summed: Floats = np.zeros(len(priced.cells.labelled))
    np.add.at(summed, priced.cells.block, amount.sum(axis=0))
    return summed


def halves(count: Floats, total: Floats, squares: Floats) -> tuple[Floats, Ints]:
    """Return values, and how often each occurs, of the given counts, sums and sums of squares.

    A group of n cases becomes n // 2 of one value and the rest of another, with the group's mean
    and variance; one where it does not vary.

    >>> halves(np.array([2.0, 3.0]), np.array([4.0, 9.0]), np.array([10.0, 27.0]))
    (array([1., 3., 3.]), array([1, 1, 3]))
    """
    held = count.ravel() > 0.5
    n = np.round(count.ravel()[held])
    mean = total.ravel()[held] / n
    square = squares.ravel()[held] / n
    varies = (square - mean**2 > 1e-12 * square) & (n > 1)
    deviation = np.sqrt(np.where(varies, square - mean**2, 0.0))
    less = np.where(varies, n // 2, 0.0)
    more = n - less
    low = mean - deviation * np.sqrt(more / np.maximum(less, 1.0))
    high = mean + deviation * np.sqrt(less / more)
    values = np.concatenate([low[varies], high])
    counts = np.concatenate([less[varies], more]).astype(np.int64)
    return values, counts


@dataclass(frozen=True, eq=False)
class _Labels:
    """What a table's labels show under a pricing; all arrays (D, C), or (K, D, C)."""

    table: ScoreTable
    priced: Pricing
    chance: Floats
    ripe: Ints
    came: Ints
    pending: Ints
    hidden: Ints

    @classmethod
    def of(cls, table: ScoreTable, priced: Pricing) -> _Labels:
        came, ripe = table.labelled[:, 0], table.ripe[0]
        unseen = np.where(priced.certain[:, None], 0, ripe - came.sum(axis=0))
        pending = np.where(priced.revealed[:, None], unseen, 0)
        chance = chances(table.ripe_chance, table.ripe)
        return cls(table, priced, chance, ripe, came, pending, unseen - pending)

    @property
    def cases(self) -> int:
        return int(self.ripe.sum())

    @property
    def told(self) -> int:
        """Labels that tell, or all cases where none needs one."""
        return self.cases if self._sure_cases == self.cases else self._seen_cases

    @property
    def enough(self) -> bool:
        """Whether enough cases tell."""
        if self.cases and self._sure_cases == self.cases:
            return True
        sure = 0 if self.pending.any() else self._sure_cases
        return bool(self.came.any()) and self._seen_cases + sure >= LEAST_LABELS

    @property
    def _sure_cases(self) -> int:
        return int(self.ripe[self.priced.certain].sum())

    @property
    def _seen_cases(self) -> int:
        return int(self.came[:, ~self.priced.certain].sum())

    def after(self, outcome: int) -> Moments:
        """Return the moments of the labelled cases of one outcome, of pairs that are open."""
        table = self.table
        return counted_moments(
            table.labelled[outcome, 0],
            table.labelled_sums[outcome, :, 0],
            table.labelled_products[outcome, :, 0],
        ).at(~self.priced.certain)

    def unseen(self, rows: Ints) -> Moments:
        """Return the moments of unlabelled cases, products in proportion to those of all."""
        table = self.table
        sums = (table.ripe_sums - table.labelled_sums.sum(axis=0))[:, 0]
        return counted_moments(rows, sums * (rows > 0), table.products[:, 0], table.n[0])

    @cached_property
    def values(self) -> tuple[Floats, Ints]:
        """Values whose mean is the uplift and whose spread is its error, with counts.

        Labels that stand for pending ones as well weigh more in the spread, not in the mean.
        """
        form = _form(self.chance, self.priced.gain)
        error, weight = self._error
        found = []
        for one, values in self._seen:
            squares = one.squared(values) - 2 * weight * error * one.total(values)
            squares += one.count * (weight * error) ** 2
            found.append(halves(one.count, one.total(values) - weight * error * one.count, squares))
        late, never = self.unseen(self.pending), self.unseen(self.hidden)
        squares = late.squared(form) + 2 * error * late.total(form) + late.count * error**2
        found.append(halves(late.count, late.total(form) + error * late.count, squares))
        found.append(halves(never.count, never.total(form), never.squared(form)))
        found.append(self._sure())
        every = np.concatenate([values for values, _ in found])
        # Equal payoffs must stay equal, whatever the cells in which they were added up.
        digits = 12 - int(np.ceil(np.log10(max(float(np.abs(every).max()), 1e-12))))
        return np.round(every, digits), np.concatenate([counts for _, counts in found])

    def bounds(self) -> tuple[float, float] | None:
        """Return the least and the most that labels could have said, weighed as they are."""
        error, weight = self._error
        lows, highs = [], []
        gain, form = self.priced.gain, _form(self.chance, self.priced.gain)
        for one, _ in self._seen:
            held = one.count > 0
            for k in range(len(self.chance)):
                own = gain[:, None, k]
                low, high = one.ends(own + weight * (own - form))
                lows.append(low[held] - weight * error)
                highs.append(high[held] - weight * error)
        if not lows or not np.concatenate(lows).size:
            return None
        values, _ = self.values
        low, high = np.concatenate(lows).min(), np.concatenate(highs).max()
        return min(float(low), float(values.min())), max(float(high), float(values.max()))

    def paid(self) -> float:
        """Return the payoff of all decisions whose payoff is known."""
        own, table = self.priced.own, self.table
        sure = same_whatever_comes(own)
        known = counted_moments(self.ripe, table.ripe_sums[:, 0], table.products[:, 0], table.n[0])
        total = float(known.at(sure).total(own[:, None, 0]).sum())
        for k in range(len(self.came)):
            after = counted_moments(
                table.labelled[k, 0], table.labelled_sums[k, :, 0], table.labelled_products[k, :, 0]
            )
            total += float(after.at(~sure).total(own[:, None, k]).sum())
        return total

    def method(self, method: str, moved: int) -> str:
        """Return the method with what was assumed."""
        notes = [method]
        if self.pending.any():
            notes.append("pending outcomes filled in")
        if self.hidden.any():
            notes.append("not identified: hidden outcomes as expected")
        if moved:
            notes.append("not identified: actions moved outcomes")
        return "; ".join(notes)

    @cached_property
    def _seen(self) -> list[tuple[Moments, Floats]]:
        """The labelled cases of each outcome, and the form of the values they stand for."""
        gain, form = self.priced.gain, _form(self.chance, self.priced.gain)
        _, weight = self._error
        own = [gain[:, None, k] for k in range(len(self.chance))]
        return [(self.after(k), one + weight * (one - form)) for k, one in enumerate(own)]

    @cached_property
    def _error(self) -> tuple[float, float]:
        """Return the mean error of expectation that labels show, and the weight they carry."""
        seen = float(self._seen_cases)
        if not seen or not self.pending.any():
            return 0.0, 0.0
        gain, form = self.priced.gain, _form(self.chance, self.priced.gain)
        error = sum(
            float(self.after(k).total(gain[:, None, k] - form).sum())
            for k in range(len(self.chance))
        )
        return error / seen, float(self.pending.sum()) / seen

    def _sure(self) -> tuple[Floats, Ints]:
        """Return the gains of cases that need no label."""
        table, form = self.table, self.priced.gain[:, None, 0]
        known = counted_moments(self.ripe, table.ripe_sums[:, 0], table.products[:, 0], table.n[0])
        sure = known.at(self.priced.certain)
        return halves(sure.count, sure.total(form), sure.squared(form))


def _readable(table: ScoreTable, priced: Pricing) -> ScoreTable:
    if priced.reread:
        raise ValueError(f"a score table does not tell this value: {priced.reread}")
    return table.pooled


def _form(chance: Floats, gain: Floats) -> Floats:
    """Return the form (D, C, U) of the expected gain in each cell."""
    form: Floats = np.einsum("kdc,dku->dcu", chance, gain)
    return form


def _width(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _widened(estimate: Estimate, error: float, confidence: float) -> Estimate:
    """Return the estimate with an independent standard error added to its interval."""
    reach = _width(confidence) * error
    below = float(np.hypot(estimate.mean - estimate.low, reach))
    above = float(np.hypot(estimate.high - estimate.mean, reach))
    return replace(estimate, low=estimate.mean - below, high=estimate.mean + above)
