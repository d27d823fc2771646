"""Decisions and their expected values: small trees of arithmetic over columns, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

__all__ = ["Amounts", "Choice", "Refused", "matrix", "worked_out"]

_CANDIDATES, _CHUNK = 33, 2_000_000


class Refused(ValueError):
    """A request that cannot be answered, with what is wrong in its text."""


class Choice:
    """A choice among actions, `refer` last where there is a reviewer.

    Its document has the names of `actions`, a `table` of their payoffs by outcome, the `codes` of
    those that are chosen among, a `threshold` or null, the `uses` and `prices` of what is scarce,
    and what is at `stake` where calibration asks for it. See `matrix` for tables.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._given = document
        self.actions: list[str] = document["actions"]

    def stakes(self, columns: Mapping[str, Any], n: int) -> Any:
        """Return the gain at stake and the gain left, (2, n); None where nothing asks for it."""
        stake = self._given["stake"]
        return None if stake is None else matrix(stake, columns, n)[0]

    def decide(self, forecast: Any, columns: Mapping[str, Any], referred: Any) -> tuple[Any, Any]:
        """Return each case's action, and what it is expected to bring.

        A person decides on those that are `referred` to one (n,), where there is a reviewer.
        """
        n, given = len(forecast), self._given
        payoffs = matrix(given["table"], columns, n)
        expected = forecast[:, 0] * payoffs[:, 0]
        for outcome in range(1, forecast.shape[1]):  # the same to the last bit, whatever comes with
            expected += forecast[:, outcome] * payoffs[:, outcome]
        codes, threshold, prices = np.array(given["codes"]), given["threshold"], given["prices"]
        worth = expected if threshold is None else _banded(threshold, forecast[:, -1], expected)
        uses = matrix(given["uses"], columns, n)[:, codes] if prices else []
        chosen = codes[_thriftiest(worth[codes], uses, prices)]
        if referred is not None and self.actions[-1] == "refer":
            chosen = np.where(referred, len(self.actions) - 1, chosen)
        return [self.actions[code] for code in chosen], expected[chosen, np.arange(n)]


def _banded(policy: Mapping[str, Any], p: Any, expected: Any) -> Any:
    """Return zero for what the threshold says, more for referring below it, -inf elsewhere."""
    at, rest, refer = policy["at"], policy["rest"], policy["refer"]
    worth = np.full(expected.shape, -np.inf)
    worth[np.where(p >= at, policy["act"], rest), np.arange(len(p))] = 0.0
    if refer is not None:
        inside = np.flatnonzero((p >= min(policy["refer_from"], at)) & ~(p >= at))
        gain = expected[refer, inside] - expected[rest, inside]
        worth[refer, inside] = 1.0 + gain / (1.0 + np.abs(gain))
    return worth


def _thriftiest(worth: Any, uses: Any, prices: list[float]) -> Any:
    """Return the best of each case once what is scarce is charged for: of equals the thriftiest."""
    if not prices:
        return np.argmax(worth, axis=0)
    net = worth - sum((price * use for price, use in zip(prices, uses, strict=True)), np.zeros(1))
    top = net.max(axis=0)
    used = sum(use / np.maximum(use.max(axis=0), 1e-300) for use in uses)
    return np.argmin(np.where(net >= top - 1e-9 * (1.0 + np.abs(top)), used, np.inf), axis=0)


class Amounts:
    """A decided amount, against outcomes that are amounts too.

    Its document has the payoff as a `tree` over `decision`, `outcome` and columns, its `caps`, and
    the quantile's `level` that is best where the payoff is so much by the unit; null elsewhere.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._tree, self._caps, self._level = (document[name] for name in ("tree", "caps", "level"))
        self._reads = _columns_of(self._tree) - {"decision", "outcome"}

    def stakes(self, columns: Mapping[str, Any], n: int) -> Any:
        """Return nothing: amounts are calibrated on predictions alone."""
        del columns, n

    def decide(self, forecast: Any, columns: Mapping[str, Any], _: Any) -> tuple[Any, Any]:
        """Return the amount of highest expected payoff of each case, and what that is.

        The expectation is the mean over the forecast's quantiles, (n, Q).
        """
        read = _capped(columns, self._reads, self._caps)
        if self._level is None:
            amounts = self._searched(np.sort(forecast, axis=1), read)
        else:
            count = forecast.shape[1]
            place = min(count - 1, max(0, int(np.ceil(self._level * count - 1e-9)) - 1))
            amounts = self._within(np.partition(forecast, place, axis=1)[:, place])
        deep = {name: values[:, None] for name, values in read.items()}
        return amounts.tolist(), self._mean_paid(amounts[:, None], forecast, deep, forecast.shape)

    def _mean_paid(self, decision: Any, outcome: Any, read: Mapping[str, Any], shape: Any) -> Any:
        low, high = self._caps.get("outcome", (-np.inf, np.inf))
        named = {**read, "decision": decision, "outcome": np.clip(outcome, low, high)}
        return np.broadcast_to(worked_out(self._tree, named), shape).mean(axis=-1)

    def _within(self, decision: Any) -> Any:
        low, high = self._caps.get("decision", self._caps.get("outcome", (-np.inf, np.inf)))
        return np.clip(decision, low, high)

    def _searched(self, ranked: Any, read: Mapping[str, Any]) -> Any:
        """Try 33 quantiles of each forecast, then those between the neighbours of the best."""
        count, rows = ranked.shape[1], np.arange(len(ranked))
        places = np.unique(np.linspace(0, count - 1, min(count, _CANDIDATES)).round().astype(int))
        tried = np.broadcast_to(places, (len(ranked), len(places)))
        best = self._best_of(ranked, tried, read)
        if len(places) < count:
            low = places[np.maximum(best - 1, 0)]
            high = places[np.minimum(best + 1, len(places) - 1)]
            near = low[:, None] + np.arange(int((high - low).max()) + 1)
            tried = np.minimum(near, high[:, None])
            best = self._best_of(ranked, tried, read)
        return self._within(ranked[rows, tried[rows, best]])

    def _best_of(self, ranked: Any, tried: Any, read: Mapping[str, Any]) -> Any:
        best = np.empty(len(ranked), dtype=np.int64)
        step = max(1, _CHUNK // (tried.shape[1] * ranked.shape[1]))
        for start in range(0, len(ranked), step):
            rows = slice(start, start + step)
            deep = {name: values[rows, None, None] for name, values in read.items()}
            decided = self._within(np.take_along_axis(ranked[rows], tried[rows], axis=1))
            shape = (*decided.shape, ranked.shape[1])
            paid = self._mean_paid(decided[:, :, None], ranked[rows, None, :], deep, shape)
            best[rows] = paid.argmax(axis=1)
        return best


def matrix(table: Mapping[str, Any], columns: Mapping[str, Any], n: int) -> Any:
    """Work the rows of trees in a table's `cells` out for n cases, (rows, cells of a row, n).

    A tree is a number, `["column", name]`, or an operation and its arguments; columns are held
    within `caps`.

    >>> table = {"cells": [[["-", ["*", ["column", "fee"], 2.0], 1.0], 7.0]], "caps": {}}
    >>> matrix(table, {"fee": np.array([3.0, 4.0])}, 2).tolist()
    [[[5.0, 7.0], [7.0, 7.0]]]
    """
    read = _capped(columns, _columns_of(table["cells"]), table["caps"])
    trees = [[worked_out(tree, read) for tree in row] for row in table["cells"]]
    return np.array([[np.broadcast_to(found, n) for found in row] for row in trees])


def worked_out(tree: Any, columns: Mapping[str, Any]) -> Any:
    """Work a tree out; Refused where a case has no finite result (a zero divisor)."""
    with np.errstate(all="ignore"):
        result = np.asarray(_evaluated(tree, columns), dtype=np.float64)
    if not np.isfinite(result).all():
        raise Refused("A payoff has no finite result for a case. Send other values of its columns.")
    return result


def _evaluated(tree: Any, columns: Mapping[str, Any]) -> Any:
    if not isinstance(tree, list):
        return tree
    if tree[0] == "column":
        return columns[tree[1]]
    return _OPERATIONS[tree[0]](*(_evaluated(part, columns) for part in tree[1:]))


def _columns_of(trees: Any) -> set[str]:
    if not isinstance(trees, list):
        return set()
    return {trees[1]} if trees[0] == "column" else set().union(*map(_columns_of, trees))


def _capped(columns: Mapping[str, Any], names: set[str], caps: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns as numbers inside their caps; Refused where one is absent or has gaps."""
    found = {}
    for name in sorted(names):
        values = columns.get(name)
        if values is None or values.dtype == object or np.isnan(values).any():
            raise Refused(
                f"A payoff reads the column {name!r}. Send a number of it with each case."
            )
        low, high = caps.get(name, (-np.inf, np.inf))
        found[name] = np.clip(values, low, high)
    return found


def _compared(compare: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, compare(a, b))


def _where(test: Any, a: Any, b: Any) -> Any:
    return np.where(np.isnan(test), np.nan, np.where(test != 0, a, b))


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "negative": np.negative,
    "<": _compared(np.less),
    "<=": _compared(np.less_equal),
    ">": _compared(np.greater),
    ">=": _compared(np.greater_equal),
    "==": _compared(np.equal),
    "!=": _compared(np.not_equal),
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "where": _where,
}
