"""Where a threshold policy acts, and from where on it asks a person before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.value.payoff import Floats, Ints
from assay.value.rule import indifference, learned_threshold

__all__ = ["Band", "gain_of", "refers_from"]


@dataclass(frozen=True)
class Band:
    """Act from probability `at` on, refer from `refer_from` up to it (empty where they are one).

    Codes are those of the valuation's actions; `refer` is None where there is nobody to ask.
    """

    at: float
    refer_from: float
    act: int
    rest: int
    refer: int | None

    @classmethod
    def of(
        cls,
        forecast: Floats,
        payoffs: Floats,
        act: int,
        rest: int,
        refer: int | None,
        *,
        at: float | None,
        refer_from: float | None,
    ) -> Band:
        """Return the band that was agreed or learned; what is not given, from the mean payoffs.

        Referring pays over not acting from one probability on, and acting over referring from
        another: the band is what lies between (Chow, On optimum recognition error and reject
        tradeoff, IEEE Transactions on Information Theory 16, 1970, with payoffs in the place of
        error rates). With more than two outcomes the other ones weigh as the forecasts have it.

        >>> payoffs = np.array([[[-1.0, 9.0], [0.0, 0.0], [-0.5, 8.5]]])  # call, skip, refer
        >>> band = Band.of(np.array([[0.5, 0.5]]), payoffs, 0, 1, 2, at=None, refer_from=None)
        >>> round(band.refer_from, 3), band.at
        (0.056, 0.5)
        """
        mean = _two_sided(payoffs, forecast)
        if refer is None:
            cut = indifference(mean[act] - mean[rest]) if at is None else at
            return cls(cut, cut, act, rest, None)
        low = refers_from(forecast, payoffs, rest, refer) if refer_from is None else refer_from
        if at is None:
            direct = indifference(mean[act] - mean[rest])
            asked = indifference(mean[act] - mean[refer])
            at = asked if low < asked else direct
        return cls(at, min(low, at), act, rest, refer)

    def ranked(self, forecast: Floats, expected: Floats) -> Floats:
        """Return (n, A): zero for the band's action, more for referring inside it, -inf elsewhere.

        Taking the highest follows the band. Where places with the reviewer are short, those
        cases are referred for which it brings most: inside the band its worth is a rising
        function of its gain, and above zero, since the band was agreed whatever payoffs say.
        """
        p, n = forecast[:, -1], len(forecast)
        worth = np.full(expected.shape, -np.inf)
        acts = p >= self.at
        rows = np.arange(n)
        worth[rows, np.where(acts, self.act, self.rest)] = 0.0
        if self.refer is not None:
            inside = np.flatnonzero((p >= self.refer_from) & ~acts)
            gain = expected[inside, self.refer] - expected[inside, self.rest]
            worth[inside, self.refer] = 1.0 + gain / (1.0 + np.abs(gain))  # see `gain_of`
        return worth

    def learned(self, forecast: Floats, outcomes: Ints, payoffs: Floats) -> float:
        """Return the threshold that paid best on known outcomes, near the one in theory."""
        n = len(forecast)
        paid = payoffs[np.arange(n) if len(payoffs) > 1 else 0, :, outcomes]
        p = forecast[:, -1]
        instead = paid[:, self.rest]
        if self.refer is not None:
            instead = np.where(p >= self.refer_from, paid[:, self.refer], instead)
        return learned_threshold(p, paid[:, self.act] - instead, self.at)


def refers_from(forecast: Floats, payoffs: Floats, rest: int, refer: int) -> float:
    """Return the probability from which asking pays over not acting, in the mean over cases."""
    mean = _two_sided(payoffs, forecast)
    return indifference(mean[refer] - mean[rest])


def gain_of(worth: float) -> float:
    """Return the gain in currency behind a worth that `Band.ranked` gave; 0 for no price at all.

    >>> gain_of(1.0 + 3.0 / 4.0), gain_of(0.0)
    (3.0, 0.0)
    """
    part = worth - 1.0
    return 0.0 if worth <= 1.0 else part / (1.0 - part)


def _two_sided(payoffs: Floats, forecast: Floats) -> Floats:
    """Return each action's mean payoff given any other outcome and given the positive one."""
    mean: Floats = payoffs.mean(axis=0)
    if mean.shape[1] == 2:
        return mean
    others = forecast[:, :-1].mean(axis=0) if len(forecast) else np.ones(mean.shape[1] - 1)
    total = float(others.sum())
    weights = others / total if total > 0 else np.full(len(others), 1 / len(others))
    return np.column_stack([mean[:, :-1] @ weights, mean[:, -1]])
