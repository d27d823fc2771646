"""Which action a forecast leads to: by its expected payoff, or by a threshold."""

from __future__ import annotations

import numpy as np

from assay.value.payoff import Floats

__all__ = ["expected_by_action", "indifference", "learned_threshold"]


def expected_by_action(payoffs: Floats, forecast: Floats) -> Floats:
    """Return the expected payoff of each action in each case: (n, A).

    `payoffs` is (1, A, K) or (n, A, K), `forecast` (n, K) probabilities:
    `E[v(a)] = sum_y p(y|x) v(a, y, x)` (Elkan, The foundations of cost-sensitive learning,
    IJCAI 2001, equation 1). The sum is taken outcome by outcome, so that a case has the same worth
    to the last bit whichever cases it comes with: ties are then broken alike.

    >>> expected_by_action(np.array([[[-1.0, 9.0], [0.0, 0.0]]]), np.array([[0.8, 0.2]]))
    array([[1., 0.]])
    """
    expected: Floats = forecast[:, :1] * payoffs[:, :, 0]
    for outcome in range(1, forecast.shape[1]):
        expected += forecast[:, outcome : outcome + 1] * payoffs[:, :, outcome]
    return expected


def indifference(gain: Floats) -> float:
    """Return the probability of the positive outcome from which acting pays.

    `gain` (2,) is the mean payoff of acting minus that of not acting, given the negative and
    the positive outcome: the cut where `(1 - p) gain[0] + p gain[1] = 0` (Elkan 2001,
    equation 2), moved into [0, 1].

    >>> indifference(np.array([-1.0, 9.0]))
    0.1
    """
    negative, positive = float(gain[0]), float(gain[-1])
    if negative >= 0 and positive >= 0:
        return 0.0
    if positive <= negative or positive <= 0:
        return 1.0
    return min(1.0, max(0.0, -negative / (positive - negative)))


def learned_threshold(probability: Floats, gains: Floats, theory: float) -> float:
    """Return the cut on `probability` that pays best on cases whose outcomes are known.

    `gains` (n,) is what acting realised minus what not acting did. An empirical optimum is
    noisy, so the cut nearest to the theoretical one is taken among those whose total lies within
    one standard error of the best (the one-standard-error rule of Breiman, Friedman, Olshen and
    Stone, Classification and Regression Trees, 1984, section 3.4.3, here on paired differences).
    In the example one lost case is within the noise, two are not.

    >>> p = np.array([0.1, 0.2, 0.3, 0.4])
    >>> learned_threshold(p, np.array([-1.0, -1.0, 9.0, 9.0]), theory=0.1)
    0.15000000000000002
    """
    if not len(probability):
        return theory
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    total = np.concatenate([[0.0], np.cumsum(gains[order])])
    squares = np.concatenate([[0.0], np.cumsum(gains[order] ** 2)])
    counts = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1, [len(ranked)]])
    best = counts[np.argmax(total[counts])]
    noise = np.sqrt(np.abs(squares[best] - squares[counts]))
    good = counts[total[best] - total[counts] <= noise]
    wanted = int(np.count_nonzero(ranked >= theory))
    count = int(good[np.argmin(np.abs(good - wanted))])
    if count == wanted:
        return theory
    if count == 0:
        return 1.0 if ranked[0] < 1.0 else float(np.nextafter(1.0, 2.0))
    below = ranked[count] if count < len(ranked) else 0.0
    return float((ranked[count - 1] + below) / 2)
