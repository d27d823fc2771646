"""Scored rows decided by one rule: what is answered to each, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import REFER
from assay.deploy.exploration import explore
from assay.deploy.scored_rows import Dealt, ScoredRows
from assay.deploy.scoring import Scored, Scorer

__all__ = ["Decided", "Exploring", "decide_rows", "scattered"]

_ANSWERED = ("probability", "decision", "expected_value", "score")


@dataclass(frozen=True)
class Exploring:
    """How large a share of decisions is drawn at random, and by which salt."""

    share: float
    salt: str


@dataclass(frozen=True)
class Decided:
    """Rows that were decided together, for the arms that they belong to.

    `shared` is what is recorded alike of all of them, `each` lists in the order of `rows` (id,
    score, probability, decision, expected_value; explored and propensity where they are not
    alike). `prediction` stands in the same order, and `flags`, None where the door said nothing.
    """

    arms: Sequence[Dealt]
    rows: Sequence[int]
    prediction: Sequence[Any]
    each: dict[str, Sequence[Any]]
    shared: dict[str, Any] = field(default_factory=dict)
    flags: Sequence[tuple[str, ...]] | None = None

    def places(self, rows: Sequence[int]) -> Sequence[int]:
        """Return where some of the asked rows stand among these."""
        if self.rows == range(len(self.rows)):
            return rows
        place_of = dict(zip(self.rows, range(len(self.rows)), strict=True))
        return [place_of[row] for row in rows]


def decide_rows(scored: ScoredRows, ids: Sequence[str], exploring: Exploring | None) -> Decided:
    """Decide rows of arms that decide alike; `ids` are those of all rows that were asked.

    Amounts are not explored, and neither is the baseline: it shows what would happen without any
    model. Raises DataError where a value cannot be told.
    """
    loaded, seen, raw, forecast = scored.arms[0][0], scored.seen, scored.raw, scored.forecast
    scorer, actions = loaded.scorer, loaded.scorer.signature.actions
    rows, columns = scored.rows, seen.columns
    own = ids if len(rows) == len(ids) else [ids[row] for row in rows]
    found = scorer.decide(
        raw,
        forecast,
        columns,
        by_baseline=loaded.by_baseline,
        baseline=loaded.arm.baseline or None,
    )
    decision, expected = found.decision, found.expected_value
    referred = None if loaded.by_baseline or REFER not in actions else seen.referred
    if referred is not None:
        decision = np.where(referred, actions.index(REFER), decision)
        expected = scorer.expected(forecast, decision, columns)
    shared: dict[str, Any] = {}
    each: dict[str, Sequence[Any]] = {"id": own}
    if exploring is not None and actions and not loaded.by_baseline:
        draws = _draws(scorer, decision, referred, exploring, own)
        each["explored"] = [explored for _, explored, _ in draws]
        each["propensity"] = [propensity for _, _, propensity in draws]
        if any(each["explored"]):
            decision = np.array([action for action, _, _ in draws], dtype=np.int64)
            expected = scorer.expected(forecast, decision, columns)
    else:
        shared = {"explored": False, "propensity": 1.0}
    each["score"] = raw.tolist()
    each["probability"] = _probability(scorer, found)
    each["decision"] = scorer.valuation.names(decision)
    each["expected_value"] = expected.tolist()
    return Decided(scored.arms, rows, _prediction(scorer, found), each, shared, seen.said)


def scattered(decided: Sequence[Decided], n: int) -> Decided:
    """Put rows that were decided apart back into the order in which they were asked.

    Rows that nobody decided have None everywhere.
    """
    each: dict[str, list[Any]] = {name: [None] * n for name in _ANSWERED}
    prediction: list[Any] = [None] * n
    flags: list[tuple[str, ...]] = [()] * n
    for one in decided:
        for name, into in each.items():
            for row, value in zip(one.rows, one.each[name], strict=True):
                into[row] = value
        for row, value in zip(one.rows, one.prediction, strict=True):
            prediction[row] = value
        for row, said in zip(one.rows, one.flags or (), strict=one.flags is not None):
            flags[row] = said
    return Decided((), range(n), prediction, dict(each), {}, flags if any(flags) else None)


def _draws(
    scorer: Scorer,
    decision: NDArray[Any],
    referred: NDArray[np.bool_] | None,
    exploring: Exploring,
    ids: Sequence[str],
) -> list[tuple[int, bool, float]]:
    """Take the decisions but for the exploration share; what the door refers is not explored."""
    actions = len(scorer.signature.actions)
    held = [False] * len(ids) if referred is None else referred.tolist()
    draws = []
    for code, key, fixed in zip(decision.tolist(), ids, held, strict=True):
        draw = None if fixed else explore(code, actions, exploring.share, exploring.salt, key)
        drawn = (code, False, 1.0)
        if draw is not None:
            drawn = (draw.action, draw.explored, draw.propensity)
        draws.append(drawn)
    return draws


def _prediction(scorer: Scorer, scored: Scored) -> list[Any]:
    """Return the likeliest outcome of each row, or the amount foretold."""
    if scorer.signature.task != "classification":
        amounts: list[Any] = scored.score.tolist()
        return amounts
    labels = scorer.signature.labels
    return [labels[code] for code in scored.forecast.argmax(axis=1).tolist()]


def _probability(scorer: Scorer, scored: Scored) -> list[Any]:
    """Return P(positive) of each row, or of K > 2 outcomes the probability of each."""
    if scorer.signature.task != "classification":
        return [None] * len(scored.forecast)
    chances = scored.forecast if scored.forecast.shape[1] > 2 else scored.probability
    listed: list[Any] = chances.tolist()
    return listed
