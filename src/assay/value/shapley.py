"""What each of several changes adds, averaged over every order in which they could be made."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["shapley_average"]

Floats = NDArray[np.float64]


def shapley_average(worth: Floats, players: int) -> Floats:
    """Return each player's part, shape (players, ...), of `worth` (2, ..., 2, ...).

    The first `players` axes say of each player whether it is out (0) or in (1); axes after them
    are carried along. A player's part is what it adds on joining, averaged over all orders of
    joining: Shapley, A value for n-person games, Contributions to the Theory of Games II, 1953;
    for the parts of a change, Shorrocks, Decomposition procedures for distributional analysis,
    Journal of Economic Inequality 11, 2013. Parts add up to the worth of all less that of none,
    a player that never adds anything has none, and the order of the players does not matter.
    Differences are taken before they are added, so that a part that is zero is exactly zero.
    Raises ValueError where the first axes are not of length 2.

    >>> price, count = np.array([2.0, 3.0]), np.array([10.0, 20.0])
    >>> shapley_average(np.outer(price, count), 2)
    array([15., 25.])
    """
    if worth.ndim < players or worth.shape[:players] != (2,) * players:
        raise ValueError(f"the worth of {players} players has {players} axes of length 2 first")
    joined = np.indices((2,) * (players - 1)).sum(axis=0)
    ways = [math.factorial(k) * math.factorial(players - 1 - k) for k in range(players)]
    weights = np.array(ways)[joined] / math.factorial(players)
    parts = []
    for player in range(players):
        gain = np.take(worth, 1, axis=player) - np.take(worth, 0, axis=player)
        parts.append(np.tensordot(weights, gain, axes=players - 1))
    return np.array(parts)
