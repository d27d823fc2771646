"""Rows answered under one desired state: dealt out to arms, scored, decided, and recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.charter.policy import REFER
from assay.deploy.exploration import explore
from assay.deploy.router import split
from assay.deploy.scoring import Scored, Scorer
from assay.deploy.seen_rows import Seen, seen_at_door
from assay.deploy.serving import LoadedArm, Serving
from assay.errors import DataError
from assay.ports.capture_batch import CaptureBatch
from assay.ports.column_blocks import ColumnBlocks, listed, taken
from assay.ports.engine import Columns, Floats

__all__ = ["PINNED", "Answered", "Asked", "answer", "shadowed"]

PINNED = "pinned"
"""The arm of a row whose version the caller chose: no random assignment, so no arm's evidence."""


@dataclass(frozen=True)
class Asked:
    """The rows of one or more requests, joined.

    `columns` are what any arm's signature or valuation reads, of n rows: float64 with NaN, or
    object arrays of str with "". `ids` are the predictions' ids, `entities` whom each row is about.
    """

    columns: Columns
    ids: Sequence[str]
    entities: Sequence[str] | None = None


@dataclass(frozen=True)
class Answered:
    """What is answered to each row, in the order of `Asked`.

    `probability` is that of the positive outcome, or of K > 2 outcomes a list of K; None in
    regression. `flags` are what the door said of each row, None where it said nothing of any.
    `rejected` are the rows that the door refuses, with the reason: all else is None for them, and
    they are not recorded. `captures` has one batch for each arm that answered, and `rows` which
    rows stand in it.
    """

    arm: Sequence[Any]
    version: Sequence[Any]
    prediction: Sequence[Any]
    probability: Sequence[Any]
    decision: Sequence[Any]
    expected_value: Sequence[Any]
    score: Sequence[Any]
    flags: Sequence[tuple[str, ...]] | None
    rejected: Mapping[int, str]
    captures: tuple[CaptureBatch, ...]
    rows: tuple[Sequence[int], ...]


def answer(serving: Serving, asked: Asked, at: str, *, pinned: int | None = None) -> Answered:
    """Answer rows under one state; raises DataError where a row cannot be scored.

    `at` is the present moment, ISO 8601 in UTC; `pinned` is the arm whose version the caller asked
    for. Which arm answers hangs on the entity, or on the prediction's id where none is named.
    """
    n = len(asked.ids)
    if serving.desired.entity is not None and asked.entities is None:
        raise DataError(
            f"Each row of {serving.desired.model} is about a {serving.desired.entity}: send it as "
            "the parameter `entity` (one for each row, or one for all), or as an input."
        )
    parts = []
    for dealt in _by_scorer(serving, _dealt(serving, asked.entities or asked.ids, pinned)):
        parts += _parts(serving, asked, dealt, at, pinned=pinned is not None)
    if len(parts) == 1 and not parts[0].rejected:
        return parts[0].whole(n)
    return _joined(parts, n)


def shadowed(serving: Serving, asked: Asked, at: str) -> tuple[CaptureBatch, ...]:
    """Score a copy of the rows by the shadow arm, for its share of entities; nobody is answered.

    Arguments as of `answer`. Rows that the shadow's door refuses are left out. Raises DataError
    where a row cannot be scored.
    """
    loaded, desired = serving.shadow, serving.desired
    if loaded is None:
        return ()
    rows: Sequence[int] = range(len(asked.ids))
    if desired.shadow_share < 1.0:
        keys = asked.entities or asked.ids
        rows, _ = split(f"{desired.salt}/shadow", keys, rows, desired.shadow_share)
    if not rows:
        return ()
    parts = _parts(serving, asked, [(loaded, rows)], at, shadow=True)
    return tuple(part.capture for part in parts if part.capture.n)


@dataclass(frozen=True)
class _Part:
    """What one arm answers to its rows; those that its door refuses stand in `rejected` alone."""

    name: str
    version: int
    rows: Sequence[int]
    prediction: Sequence[Any]
    flags: Sequence[tuple[str, ...]] | None
    rejected: Mapping[int, str]
    capture: CaptureBatch

    def whole(self, n: int) -> Answered:
        """Return the answer where this is all of it."""
        each = self.capture.each
        return Answered(
            [self.name] * n,
            [self.version] * n,
            self.prediction,
            each["probability"],
            each["decision"],
            each["expected_value"],
            each["score"],
            self.flags,
            {},
            (self.capture,),
            (self.rows,),
        )


def _joined(parts: Sequence[_Part], n: int) -> Answered:
    """Put the rows of several arms back into the order in which they came."""
    names = ("prediction", "probability", "decision", "expected_value", "score")
    lists: dict[str, list[Any]] = {name: [None] * n for name in ("arm", "version", *names)}
    flags: list[tuple[str, ...]] = [()] * n
    rejected: dict[int, str] = {}
    for part in parts:
        rejected |= part.rejected
        each = {**part.capture.each, "prediction": part.prediction}
        for row in part.rows:
            lists["arm"][row], lists["version"][row] = part.name, part.version
        for name in names:
            into = lists[name]
            for row, value in zip(part.rows, each.get(name, ()), strict=True):
                into[row] = value
        if part.flags is not None:
            for row, said in zip(part.rows, part.flags, strict=True):
                flags[row] = said
    recorded = [part for part in parts if part.capture.n]
    return Answered(
        **lists,
        flags=flags if any(flags) else None,
        rejected=rejected,
        captures=tuple(part.capture for part in recorded),
        rows=tuple(part.rows for part in recorded),
    )


def _dealt(
    serving: Serving, keys: Sequence[str], pinned: int | None
) -> list[tuple[int, Sequence[int]]]:
    """Return the rows of each arm that has any."""
    if pinned is not None or len(serving.answering) == 1:
        return [(pinned or 0, range(len(keys)))]
    return serving.dealt(keys)


_Dealt = tuple[LoadedArm, Sequence[int]]


def _by_scorer(serving: Serving, dealt: Sequence[tuple[int, Sequence[int]]]) -> list[list[_Dealt]]:
    """Return arms with their rows, those of one bundle together: it scores their rows at once."""
    alike: dict[int, list[_Dealt]] = {}
    for index, rows in dealt:
        loaded = serving.answering[index]
        alike.setdefault(id(loaded.scorer), []).append((loaded, rows))
    return list(alike.values())


def _parts(
    serving: Serving,
    asked: Asked,
    dealt: Sequence[_Dealt],
    at: str,
    *,
    pinned: bool = False,
    shadow: bool = False,
) -> list[_Part]:
    """Score the rows of arms that have one bundle, and decide for each arm what it answers."""
    scorer, n = dealt[0][0].scorer, len(asked.ids)
    rows = dealt[0][1] if len(dealt) == 1 else sorted(row for _, some in dealt for row in some)
    columns = _columns(scorer, asked.columns)
    if len(rows) < n:
        columns = taken(columns, rows)
    seen = seen_at_door(dealt[0][0], columns)
    rejected: Mapping[int, str] = {}
    if seen.rejected:
        rejected = {rows[place]: reason for place, reason in seen.rejected.items()}
        kept = [place for place in range(len(rows)) if place not in seen.rejected]
        rows = [rows[place] for place in kept]
        columns = taken(columns, kept)
        seen = seen.of(kept)
    if not rows:
        return [_Part("", 0, (), (), None, rejected, CaptureBatch(0, {}, {}))]
    raw, forecast = scorer.forecast(seen.columns)
    if len(dealt) == 1:
        arm = _Arm(serving, dealt[0][0], pinned=pinned, shadow=shadow)
        return [arm.part(asked, rows, seen, raw, forecast, columns, at, rejected)]
    parts = []
    place_of = dict(zip(rows, range(len(rows)), strict=True))
    for loaded, some in dealt:
        arm = _Arm(serving, loaded, pinned=pinned, shadow=shadow)
        own = [row for row in some if row in place_of]
        places = [place_of[row] for row in own]
        if own:
            mine = taken(columns, places)
            here = seen.of(places) if seen.columns is not columns else Seen(mine)
            parts.append(
                arm.part(asked, own, here, raw[places], forecast[places], mine, at, rejected)
            )
    return parts


@dataclass(frozen=True)
class _Arm:
    """What one arm makes of its rows' forecasts."""

    serving: Serving
    loaded: LoadedArm
    pinned: bool
    shadow: bool

    @property
    def name(self) -> str:
        """The name in answers and captures."""
        return PINNED if self.pinned else self.loaded.arm.name

    def part(
        self,
        asked: Asked,
        rows: Sequence[int],
        seen: Seen,
        raw: Floats,
        forecast: Floats,
        columns: Columns,
        at: str,
        rejected: Mapping[int, str],
    ) -> _Part:
        """Decide, and lay down what is answered and recorded; `columns` are as they came."""
        whole = len(rows) == len(asked.ids)
        ids = asked.ids if whole else [asked.ids[row] for row in rows]
        prediction, shared, each = self._decided(seen, raw, forecast, ids)
        shared |= self._shared(at)
        entities = asked.entities
        if entities is None:
            shared["entity"] = None
        else:
            each["entity"] = entities if whole else [entities[row] for row in rows]
        if seen.said is not None:
            each["flags"] = [list(said) for said in seen.said]
        capture = CaptureBatch(len(rows), shared, each, listed(columns))
        version = self.loaded.arm.version
        return _Part(self.name, version, rows, prediction, seen.said, rejected, capture)

    def _decided(
        self, seen: Seen, raw: Floats, forecast: Floats, ids: Sequence[str]
    ) -> tuple[list[Any], dict[str, Any], dict[str, Sequence[Any]]]:
        """Return the predictions, what is alike of all rows, and what is not."""
        loaded, columns = self.loaded, seen.columns
        scorer, actions = loaded.scorer, loaded.scorer.signature.actions
        scored = scorer.decide(
            raw,
            forecast,
            columns,
            by_baseline=loaded.by_baseline,
            baseline=loaded.arm.baseline or None,
        )
        decision, expected = scored.decision, scored.expected_value
        referred = None if loaded.by_baseline or REFER not in actions else seen.referred
        if referred is not None:
            decision = np.where(referred, actions.index(REFER), decision)
            expected = scorer.expected(forecast, decision, columns)
        share = self.serving.desired.exploration_share
        shared: dict[str, Any] = {}
        each: dict[str, Sequence[Any]] = {"id": ids}
        if share > 0 and actions and not self.shadow and not loaded.by_baseline:
            draws = _draws(scorer, decision, referred, share, self.serving.desired.salt, ids)
            each["explored"] = [explored for _, explored, _ in draws]
            each["propensity"] = [propensity for _, _, propensity in draws]
            if any(each["explored"]):
                decision = np.array([action for action, _, _ in draws], dtype=np.int64)
                expected = scorer.expected(forecast, decision, columns)
        else:
            shared = {"explored": False, "propensity": 1.0}
        each["score"] = raw.tolist()
        each["probability"] = _probability(scorer, scored)
        each["decision"] = scorer.valuation.names(decision)
        each["expected_value"] = expected.tolist()
        return _prediction(scorer, scored), shared, each

    def _shared(self, at: str) -> dict[str, Any]:
        desired, arm = self.serving.desired, self.loaded.arm
        shared = {
            "at": at,
            "model": desired.model,
            "environment": desired.environment,
            "version": arm.version,
            "bundle": arm.bundle,
            "arm": self.name,
            "revision": desired.revision,
            "weight": desired.challenger_weight,
            "control_share": desired.control_share,
        }
        if self.shadow:
            shared["shadow"] = True
        return shared


def _columns(scorer: Scorer, given: Columns) -> Columns:
    """Return the columns that an arm reads; DataError naming every one that is missing."""
    if isinstance(given, ColumnBlocks) and given.keys() == scorer.reads_all:
        return given
    try:
        return {name: given[name] for name in scorer.reads}
    except KeyError:
        missing = [name for name in scorer.reads if name not in given]
        raise DataError(
            f"The request lacks the input{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has {', '.join(sorted(given))[:500]}. Send each as one tensor."
        ) from None


def _draws(
    scorer: Scorer,
    decision: NDArray[Any],
    referred: NDArray[np.bool_] | None,
    share: float,
    salt: str,
    ids: Sequence[str],
) -> list[tuple[int, bool, float]]:
    """Take the decisions but for the exploration share; what the door refers is not explored.

    Amounts are not explored, and neither is the baseline, in the control neither: it shows what
    would happen without any model.
    """
    actions = len(scorer.signature.actions)
    held = [False] * len(ids) if referred is None else referred.tolist()
    draws = []
    for code, key, fixed in zip(decision.tolist(), ids, held, strict=True):
        draw = None if fixed else explore(code, actions, share, salt, key)
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
