"""Decisions and their expected values, as the exported policy says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.deploy.edge.payoffs import Refused, capped, columns_of, finite, matrix

__all__ = ["Amounts", "Choice", "policy_of"]

_CANDIDATES, _CHUNK = 33, 2_000_000


def policy_of(document: Mapping[str, Any]) -> Choice | Amounts:
    """Return the policy that `policy.json` of an exported model describes.

    Its format 1: classification has payoffs (`table`: trees and caps), a `reviewer`, a `policy` by
    codes of actions, `limits` (trees of what each action uses up) with their `prices`, and what
    is at `stake` where calibration asks for it; regression has a `payoff` with its caps.
    """
    if document.get("format") != 1:
        raise ValueError(f"a policy of format {document.get('format')!r} cannot be read")
    return Amounts(document) if document["task"] == "regression" else Choice(document)


class Choice:
    """A choice among actions, `refer` last where there is a reviewer."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._given = document
        self.actions: list[str] = document["actions"]

    def stakes(self, columns: Mapping[str, Any], n: int) -> Any:
        """Return the gain at stake and the gain left, (n, 2); None where nothing asks for it."""
        stake = self._given["stake"]
        if stake is None:
            return None
        payoffs = matrix(stake["table"], columns, n)
        if stake["pair"] is not None:
            act, rest = stake["pair"]
            gains = payoffs[:, act] - payoffs[:, rest]
            return np.column_stack([gains[:, 1] - gains[:, 0], gains[:, 0]])
        spreads = payoffs[:, :, 1] - payoffs[:, :, 0]
        return np.column_stack([np.ptp(spreads, axis=1), np.ptp(payoffs[:, :, 0], axis=1)])

    def decide(self, forecast: Any, columns: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the code of each case's action, and the expected value of every action (n, A)."""
        n, policy = len(forecast), self._given["policy"]
        payoffs = self._payoffs(columns, n)
        expected = forecast[:, :1] * payoffs[:, :, 0]
        for outcome in range(1, forecast.shape[1]):  # the same to the last bit, whatever comes with
            expected += forecast[:, outcome : outcome + 1] * payoffs[:, :, outcome]
        codes, worth = np.arange(len(self.actions)), expected
        if policy["kind"] == "threshold":
            worth = self._banded(forecast, expected)
        elif policy["kind"] == "top_k":
            codes = np.array(policy["codes"])
            worth = expected[:, codes]
        return codes[self._priced(worth, columns, n, codes)], expected

    def names(self, decision: Any) -> list[str]:
        """Return the names of actions."""
        return [self.actions[code] for code in decision.tolist()]

    def valued(self, decision: Any, known: Any, columns: Mapping[str, Any]) -> Any:
        """Return what decisions are expected to bring; `known` is as of `decide`."""
        del columns
        value = known[np.arange(len(known)), decision]
        if not np.isfinite(value).all():
            raise Refused("The expected value of a case is not a number. Send every value.")
        return value

    def _payoffs(self, columns: Mapping[str, Any], n: int) -> Any:
        own, reviewer = matrix(self._given["table"], columns, n), self._given["reviewer"]
        if reviewer is None:
            return own
        if reviewer["shares"] is not None:
            decided = np.einsum("mak,ka->mk", own, np.array(reviewer["shares"]))
        else:
            ranked, right = np.sort(own, axis=1), reviewer["accuracy"] or 0.0
            decided = right * ranked[:, -1] + (1 - right) * ranked[:, 0]
        return np.concatenate([own, (decided - reviewer["cost"])[:, None]], axis=1)

    def _banded(self, forecast: Any, expected: Any) -> Any:
        """Return zero for what the threshold says, more for referring below it, -inf elsewhere."""
        policy = self._given["policy"]
        act, rest, refer = policy["act"], policy["rest"], policy["refer"]
        at, p, rows = policy["at"], forecast[:, -1], np.arange(len(forecast))
        worth = np.full(expected.shape, -np.inf)
        worth[rows, np.where(p >= at, act, rest)] = 0.0
        if refer is not None:
            inside = np.flatnonzero((p >= min(policy["refer_from"], at)) & ~(p >= at))
            gain = expected[inside, refer] - expected[inside, rest]
            worth[inside, refer] = 1.0 + gain / (1.0 + np.abs(gain))
        return worth

    def _priced(self, worth: Any, columns: Mapping[str, Any], n: int, codes: Any) -> Any:
        """Return the best of what is chosen among, once what is scarce is charged for."""
        limits, prices = self._given["limits"], self._given["prices"]
        uses = [self._use(costs, columns, n)[:, codes] for costs in limits]
        if not uses:
            return np.argmax(worth, axis=1)
        charges = (price * use for price, use in zip(prices, uses, strict=True))
        net = worth - sum(charges, start=np.zeros(1))
        top = net.max(axis=1, keepdims=True)
        equal = net >= top - 1e-9 * (1.0 + np.abs(top))
        scaled = (use / np.maximum(use.max(axis=1, keepdims=True), 1e-300) for use in uses)
        used = sum(scaled, start=np.zeros(1))
        return np.argmin(np.where(equal, np.broadcast_to(used, net.shape), np.inf), axis=1)

    def _use(self, costs: list[Any], columns: Mapping[str, Any], n: int) -> Any:
        names = set().union(*(columns_of(cost) for cost in costs))
        read = capped(columns, names, self._given["table"]["caps"])
        parts = [finite(cost, read) for cost in costs]
        return np.column_stack([np.broadcast_to(part, n if read else 1) for part in parts])


class Amounts:
    """A decided amount, against outcomes that are amounts too."""

    actions: tuple[str, ...] = ()

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._payoff = document["payoff"]
        self._caps = self._payoff["caps"]
        tree = self._payoff.get("tree", 0.0)
        self._reads = columns_of(tree) - {"decision", "outcome"}

    def stakes(self, columns: Mapping[str, Any], n: int) -> Any:
        """Return nothing: amounts are calibrated on predictions alone."""
        del columns, n

    def decide(self, forecast: Any, columns: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the amount of highest expected payoff of each case, and the forecast."""
        if "tree" in self._payoff:
            return self._searched(forecast, columns), forecast
        under, over = self._payoff["under"], self._payoff["over"]
        level, count = under / (under + over) if under + over else 0.5, forecast.shape[1]
        place = min(count - 1, max(0, int(np.ceil(level * count - 1e-9)) - 1))
        return self._within(np.partition(forecast, place, axis=1)[:, place]), forecast

    def names(self, decision: Any) -> list[float]:
        """Return amounts as plain numbers."""
        return [float(amount) for amount in decision]

    def valued(self, decision: Any, known: Any, columns: Mapping[str, Any]) -> Any:
        """Return what decisions are expected to bring: the mean over the forecast's quantiles."""
        read = capped(columns, self._reads, self._caps)
        deep = {name: values.reshape(-1, 1) for name, values in read.items()}
        paid = self._paid(decision[:, None], known, deep)
        value = np.broadcast_to(paid, known.shape).mean(axis=1)
        if not np.isfinite(value).all():
            raise Refused("The expected value of a case is not a number. Send every value.")
        return value

    def _paid(self, decision: Any, outcome: Any, read: Mapping[str, Any]) -> Any:
        low, high = self._caps.get("outcome", (-np.inf, np.inf))
        outcome = np.clip(outcome, low, high)
        if "tree" in self._payoff:
            named = {**read, "decision": decision, "outcome": outcome}
            return finite(self._payoff["tree"], named)
        short, under, over = outcome - decision, self._payoff["under"], self._payoff["over"]
        return -(under * np.maximum(short, 0.0) + over * np.maximum(-short, 0.0))

    def _within(self, decision: Any) -> Any:
        low, high = self._caps.get("decision", self._caps.get("outcome", (-np.inf, np.inf)))
        return np.clip(decision, low, high)

    def _searched(self, forecast: Any, columns: Mapping[str, Any]) -> Any:
        """Try 33 quantiles of each forecast, then those between the neighbours of the best."""
        ranked, rows = np.sort(forecast, axis=1), np.arange(len(forecast))
        count, read = ranked.shape[1], capped(columns, self._reads, self._caps)
        places = np.linspace(0, count - 1, min(count, _CANDIDATES)).round().astype(int)
        places = np.unique(places)
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
            paid = self._paid(decided[:, :, None], ranked[rows, None, :], deep)
            shape = (*decided.shape, ranked.shape[1])
            best[rows] = np.broadcast_to(paid, shape).mean(axis=2).argmax(axis=1)
        return best
