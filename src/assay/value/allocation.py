"""Who gets what where not everybody can: decisions under capacities and budgets.

A capacity has a price, the uplift that one unit more of it would bring. Charging each action that
price for what it uses up leaves a choice of the best action for each case alone, so that a policy
learned on many cases can decide single ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.value.payoff import Floats, Ints

__all__ = ["allocate", "priced", "shadow_prices"]

_STEPS = 60
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class _Ladder:
    """From the cheapest action of each case up to its best, by falling gain for each unit used.

    `start` (n,) are the actions of those who get nothing of what is limited. Step i takes case
    `case[i]` on to action `to[i]`, brings `ratio[i]` for each of the `use[i]` units it takes more.
    """

    start: Ints
    used: float
    case: Ints
    to: Ints
    use: Floats
    ratio: Floats

    def taken(self, amount: float) -> int:
        """Return how many steps fit into an amount, the best ones first."""
        room = amount - self.used + _SLACK * max(1.0, abs(amount))
        return int(np.searchsorted(np.cumsum(self.use), room, side="right"))

    def price(self, amount: float) -> float:
        """Return the price at which no more than an amount is asked for; 0 where all fit.

        It lies between the last ratio that is served and the first that is not, above all that
        tie for the last place.
        """
        taken = self.taken(amount)
        if taken == len(self.ratio):
            return 0.0
        turned_away = float(self.ratio[taken])
        above = self.ratio[self.ratio > turned_away]
        if not len(above):
            return turned_away + _SLACK * max(1.0, turned_away)
        return (float(above[-1]) + turned_away) / 2


def allocate(
    expected: Floats,
    uses: Sequence[Floats],
    amounts: Sequence[float],
    *,
    spread_ties: bool = False,
) -> Ints:
    """Return the action of each case that brings most in all within every limit.

    `expected` (n, A) is in currency, `uses[j]` (n or 1, A) what each action uses up of limit j,
    `amounts[j]` how much of it there is for these cases. With one limit this is the greedy
    solution of the multiple-choice knapsack (Sinha and Zoltners, The multiple-choice knapsack
    problem, Operations Research 27(3), 1979), which falls short of the best by less than one
    case's payoff, and is the best where each action uses one unit or none. With several, all but
    the last are charged at their shadow prices, and what is then above a limit by a tie gives way:
    a good solution, always within the limits. Ties go to who came first; `spread_ties` shares them
    out between early and late cases. Nobody is acted on at an expected loss.

    >>> uplift = np.array([5.0, 1.0, 3.0, -2.0])
    >>> allocate(np.column_stack([np.zeros(4), uplift]), [np.array([[0.0, 1.0]])], [2])
    array([1, 0, 1, 0])
    """
    if not uses:
        best: Ints = np.argmax(expected, axis=1)
        return best
    full = [np.broadcast_to(use, expected.shape) for use in uses]
    prices = shadow_prices(expected, full, amounts) if len(full) > 1 else (0.0,)
    charged = expected - sum(
        (price * use for price, use in zip(prices[:-1], full[:-1], strict=True)),
        start=np.zeros(1),
    )
    turn = _evenly(len(expected)) if spread_ties else None
    ladder = _ladder(charged, full[-1], turn)
    chosen = ladder.start.copy()
    steps = slice(0, ladder.taken(amounts[-1]))
    chosen[ladder.case[steps]] = ladder.to[steps]  # a case's steps come in order: the last stands
    return _within(chosen, expected, full, amounts)


def shadow_prices(
    expected: Floats, uses: Sequence[Floats], amounts: Sequence[float]
) -> tuple[float, ...]:
    """Return what one unit more of each limit would bring, in currency for each unit.

    Arguments as of `allocate`. At these prices the cases ask for no more than there is (Everett,
    Generalized Lagrange multiplier method, Operations Research 11(3), 1963).

    >>> uplift = np.array([5.0, 1.0, 3.0, -2.0])
    >>> shadow_prices(np.column_stack([np.zeros(4), uplift]), [np.array([[0.0, 1.0]])], [2])
    (2.0,)
    """
    return _prices(expected, [np.broadcast_to(use, expected.shape) for use in uses], amounts)


def _prices(
    expected: Floats, uses: Sequence[Floats], amounts: Sequence[float]
) -> tuple[float, ...]:
    """Price one limit by halving, the others at their best for each price of it.

    What is asked for falls with the price, since the dual is convex, also once it is minimised
    over the other prices.
    """
    first, amount = uses[0], amounts[0]
    if len(uses) == 1:
        return (_ladder(expected, first).price(amount),)

    guess = float(_ladder(expected, first).ratio.max(initial=1e-9))

    def asked(price: float) -> tuple[tuple[float, ...], float]:
        charged = expected - price * first
        others = _prices(charged, uses[1:], amounts[1:])
        codes = priced(charged, uses[1:], others)
        return others, float(first[np.arange(len(codes)), codes].sum())

    price, low, high, best = 0.0, 0.0, np.inf, (0.0,) * (len(uses) - 1)
    for _ in range(_STEPS):
        others, used = asked(price)
        if used <= amount:
            high, best = price, others
        else:
            low = price
        if high == 0 or amount - _SLACK <= used <= amount:
            break
        price = (low + high) / 2 if np.isfinite(high) else max(2 * low, guess)
    return (high, *best)


def priced(expected: Floats, uses: Sequence[Floats], prices: Sequence[float]) -> Ints:
    """Return each case's best action where what it uses up is charged for: (n,).

    Among actions that are worth the same, the one that uses up least, each limit measured by the
    most that the case could use up of it. So no case hangs on those given with it.

    >>> priced(np.array([[0.0, 5.0], [0.0, 1.0]]), [np.array([[0.0, 1.0]])], [2.0])
    array([1, 0])
    """
    net = expected - sum(
        (price * use for price, use in zip(prices, uses, strict=True)), start=np.zeros(1)
    )
    if not uses:
        best: Ints = np.argmax(net, axis=1)
        return best
    # Among equals the one that uses up least, so that a price of zero spends nothing for nothing.
    top = net.max(axis=1, keepdims=True)
    equal = net >= top - _SLACK * (1.0 + np.abs(top))
    scaled = (use / np.maximum(use.max(axis=1, keepdims=True), 1e-300) for use in uses)
    used = sum(scaled, start=np.zeros(1))
    least: Ints = np.argmin(np.where(equal, np.broadcast_to(used, net.shape), np.inf), axis=1)
    return least


def _evenly(n: int) -> Floats:
    """Return a turn for each case by which neighbours are far apart (multiples of golden ratio)."""
    turns: Floats = np.arange(n) * ((5.0**0.5 - 1) / 2) % 1.0
    return turns


def _ladder(expected: Floats, use: Floats, turn: Floats | None = None) -> _Ladder:
    """Return the steps along the upper hull of each case's (use, expected payoff).

    Among steps of one ratio those come first whose case has the lower `turn`.
    """
    rows = np.arange(len(expected))
    cheapest = np.where(use <= use.min(axis=1, keepdims=True) + _SLACK, expected, -np.inf)
    now: Ints = np.argmax(cheapest, axis=1)
    start, steps = now.copy(), []
    for _ in range(expected.shape[1] - 1):
        more = use - use[rows, now][:, None]
        gain = expected - expected[rows, now][:, None]
        ratio = np.divide(gain, more, out=np.full(gain.shape, -np.inf), where=more > _SLACK)
        to = np.argmax(ratio, axis=1)
        best = ratio[rows, to]
        moves = np.flatnonzero(best > 0)
        if not len(moves):
            break
        steps.append((moves, to[moves], more[moves, to[moves]], best[moves]))
        now = now.copy()
        now[moves] = to[moves]
    empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))
    case, to, more, ratio = (np.concatenate(part) for part in zip(*(steps or [empty]), strict=True))
    order = np.argsort(-ratio, kind="stable")
    if turn is not None:
        order = np.lexsort((turn[case], -ratio))
    used = float(use[rows, start].sum())
    return _Ladder(start, used, case[order], to[order], more[order], ratio[order])


def _within(
    chosen: Ints, expected: Floats, uses: Sequence[Floats], amounts: Sequence[float]
) -> Ints:
    """Take back, at the least loss, what is above a limit; no other limit is used more by it."""
    rows, chosen = np.arange(len(chosen)), chosen.copy()
    for use, amount in zip(uses, amounts, strict=True):
        over = float(use[rows, chosen].sum()) - amount
        if over <= _SLACK * max(1.0, abs(amount)):
            continue
        allowed = use < use[rows, chosen][:, None] - _SLACK
        for other in uses:
            allowed &= other <= other[rows, chosen][:, None] + _SLACK
        instead = np.where(allowed, expected, -np.inf)
        to = np.argmax(instead, axis=1)
        can = np.flatnonzero(np.isfinite(instead[rows, to]))
        saved = use[can, chosen[can]] - use[can, to[can]]
        loss = (expected[can, chosen[can]] - instead[can, to[can]]) / saved
        order = np.argsort(loss, kind="stable")
        enough = int(np.searchsorted(np.cumsum(saved[order]), over - _SLACK)) + 1
        back = can[order[:enough]]
        chosen[back] = to[back]
    return chosen
