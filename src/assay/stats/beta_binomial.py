"""A rate of events with an interval at every look, and evidence that it is above a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from assay.stats.beta_function import log_beta, log_beta_below
from assay.stats.stored_state import StoredState

__all__ = ["BetaBinomialSequence", "RateProcess", "log_mixture_above"]

_HALVINGS = 60


@dataclass(frozen=True)
class BetaBinomialSequence(StoredState):
    """A Beta-binomial mixture confidence sequence for a constant rate, as two counts.

    With k events among n cases, `B(a + k, b + n - k) / B(a, b) / (p^k (1 - p)^(n - k))`, the
    likelihood of a Beta(a, b) mixture of rates over that of p, is a martingale that starts at 1 if
    p is the rate; the interval holds the p at which it is below 1 / alpha. With probability
    `confidence` the rate lies in every interval ever looked at.

    Robbins, Statistical methods related to the law of the iterated logarithm, Annals of
    Mathematical Statistics 41(5), 1970 (mixtures); Howard, Ramdas, McAuliffe and Sekhon, Annals of
    Statistics 49(2), 2021, section 3 (the Beta-binomial mixture). The mixture's `prior` moves the
    width, never the promise. Assumed: each case is an event with the same chance given its
    past. Where the rate drifts, use `EmpiricalBernsteinSequence` on zeros and ones. Counts of
    different cases merge exactly; successive intervals of one growing state may be intersected.

    >>> state = BetaBinomialSequence().updated(events=3, of=1000)
    >>> low, high = state.merged(BetaBinomialSequence().updated(events=2, of=1000)).interval()
    >>> round(low, 4), round(high, 4)
    (0.0002, 0.0093)
    """

    method: ClassVar[str] = "Beta-binomial confidence sequence"

    confidence: float = 0.95
    prior: tuple[float, float] = (0.5, 0.5)
    events: int = 0
    n: int = 0

    def updated(self, events: int, of: int) -> Self:
        """Return the state after `of` more cases with `events` among them."""
        _check(events, of)
        return replace(self, events=self.events + events, n=self.n + of)

    def merged(self, other: Self) -> Self:
        """Return the state of both states' cases; ValueError where confidence or prior differ."""
        if (self.confidence, self.prior) != (other.confidence, other.prior):
            raise ValueError("only sequences with the same confidence and prior can be merged")
        return self.updated(other.events, other.n)

    @property
    def mean(self) -> float:
        """The rate so far; NaN before the first case."""
        return self.events / self.n if self.n else math.nan

    def log_e(self, rate: float) -> float:
        """Return the logarithm of an e-value against "the rate is `rate`", strictly in (0, 1)."""
        a, b = self.prior
        k, n = self.events, self.n
        mixture = log_beta(a + k, b + n - k) - log_beta(a, b)
        return mixture - _log_likelihood(k, n, rate)

    def interval(self) -> tuple[float, float]:
        """Return the bounds on the rate now; from 0 to 1 before the first case."""
        if not self.n:
            return 0.0, 1.0
        return self._end(0.0, self.mean), self._end(1.0, self.mean)

    def _end(self, end: float, rate: float) -> float:
        """Return where candidates between `end` and the rate seen stop being refuted."""
        refuted, open_ = end, rate
        for _ in range(_HALVINGS):
            middle = (refuted + open_) / 2
            if not 0.0 < middle < 1.0:
                break
            if self.log_e(middle) >= -math.log(1 - self.confidence):
                refuted = middle
            else:
                open_ = middle
        return refuted


@dataclass(frozen=True)
class RateProcess(StoredState):
    """Evidence against "the rate is at most `limit`" (or at least, if `below`), as two counts.

    The one-sided Beta-binomial mixture: only rates beyond the limit are mixed, in the shape of a
    Beta around the limit, as if `weight` cases had shown it before. Each of them against the limit
    is a bet that a case with a lawful chance cannot win on average, so that with every chance
    given its past at most `limit` (they may move below it), the money exceeds 1 / alpha ever with
    chance at most alpha.

    Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49(2), 2021, section 3 (the one-sided
    Beta-binomial mixture). Order does not matter, and counts of different cases merge exactly.

    >>> errors = RateProcess.against(limit=0.01).updated(events=35, of=1500)
    >>> errors.rejects(alpha=0.05), RateProcess.against(0.01).updated(18, 1500).rejects(0.05)
    (True, False)
    """

    limit: float
    below: bool = False
    weight: float = 100.0
    events: int = 0
    n: int = 0
    peak: float = 0.0

    @classmethod
    def against(cls, limit: float, *, below: bool = False, weight: float = 100.0) -> Self:
        """Return the process before the first case.

        It gathers evidence that the rate lies above `limit`, or with `below` that it lies below.
        Raises ValueError where the limit is not strictly between 0 and 1.
        """
        if not 0.0 < limit < 1.0:
            raise ValueError(f"a rate's limit lies strictly between 0 and 1; {limit:g} does not")
        if not weight > 0.0:
            raise ValueError(f"the weight of the mixture is above 0; {weight:g} is not")
        return cls(limit, below, weight)

    def updated(self, events: int, of: int) -> Self:
        """Return the process after `of` more cases with `events` among them."""
        _check(events, of)
        after = replace(self, events=self.events + events, n=self.n + of)
        return replace(after, peak=max(self.peak, after.log_e))

    def merged(self, other: Self) -> Self:
        """Return the process of both processes' cases, which must be different ones.

        The peak is the merged evidence: what one part had reached alone does not count, since looks
        at each part on its own are more looks than one alpha pays for.
        """
        mine, theirs = ((each.limit, each.below, each.weight) for each in (self, other))
        if mine != theirs:
            raise ValueError("only processes against the same claim can be merged")
        return replace(self, peak=0.0).updated(other.events, other.n)

    @property
    def log_e(self) -> float:
        """The logarithm of the money now: an e-value against the claim."""
        if self.below:
            return log_mixture_above(self.n - self.events, self.n, 1.0 - self.limit, self.weight)
        return log_mixture_above(self.events, self.n, self.limit, self.weight)

    def rejects(self, alpha: float) -> bool:
        """Whether the evidence ever reached 1 / alpha (as seen at the end of each batch)."""
        return self.peak >= -math.log(alpha)


def log_mixture_above(events: int, n: int, limit: float, weight: float = 100.0) -> float:
    """Return the logarithm of an e-value against "the rate is at most `limit`" from its counts.

    The likelihood of a Beta(weight limit, weight (1 - limit)) mixture cut off below the limit over
    that of the limit itself; it grows with `events`. See `RateProcess`.

    >>> log_mixture_above(5, 100, 0.01) > log_mixture_above(4, 100, 0.01) > 0
    True
    """
    a, b = weight * limit, weight * (1.0 - limit)
    more, fewer = a + events, b + n - events
    mixture = log_beta(more, fewer) - log_beta(a, b)
    above = log_beta_below(1.0 - limit, fewer, more) - log_beta_below(1.0 - limit, b, a)
    return mixture + above - _log_likelihood(events, n, limit)


def _log_likelihood(events: int, n: int, rate: float) -> float:
    return events * math.log(rate) + (n - events) * math.log1p(-rate)


def _check(events: int, of: int) -> None:
    if not 0 <= events <= of:
        raise ValueError(f"{events} events of {of} cases cannot be")
