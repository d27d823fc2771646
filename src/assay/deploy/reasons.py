"""Reason codes: which inputs moved an answer most, against the typical row, in plain words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.deploy.scoring import Scorer
from assay.evidence.bundle import Signature
from assay.ports.engine import Columns, Floats
from assay.value.shapley import shapley_average

__all__ = ["Reason", "Typical", "reasons", "told", "typical_row"]

Typical = Mapping[str, Any]
"""A typical value for each column: a number (NaN where none was ever there) or a text."""

_EXACT = 6
"""Columns up to which every subset is asked (64 of them at most)."""
_ORDERS = 16
"""Orders that are drawn for more columns, each with its reverse."""
_ROWS_AT_ONCE = 50_000
"""Rows that the model scores in one call, so that memory stays small."""


@dataclass(frozen=True)
class Reason:
    """What one column's value added to an answer.

    `contribution` is in the unit of the answer: a probability, or what a regression predicts.
    """

    column: str
    value: Any
    typical: Any
    contribution: float

    @property
    def words(self) -> str:
        """The reason as a person reads it.

        >>> Reason("balance", 1500.0, 450.0, 0.0831).words
        'balance 1,500 (typical 450) raises it by 0.083'
        """
        moves = "raises" if self.contribution > 0 else "lowers"
        by = _number(float(f"{abs(self.contribution):.2g}"))
        known = f"{_said(self.value)} (typical {_said(self.typical)})"
        return f"{self.column} {known} {moves} it by {by}"


def told(row: Sequence[Reason]) -> str:
    """Return a row's reasons as one text.

    >>> told([Reason("job", "retired", "admin.", 0.2), Reason("age", 30.0, 41.5, -0.1)])
    'job retired (typical admin.) raises it by 0.2; age 30 (typical 41.5) lowers it by 0.1'
    """
    return "; ".join(one.words for one in row)


def typical_row(reference: Mapping[str, Any], signature: Signature) -> Typical:
    """Return the median, or the most frequent category, of each input that a reference knows.

    `reference` is a bundle's `reference.json`, parsed: of all known rows (`seen`), and in bundles
    without that of the held-out windows.
    """
    if "seen" in reference:
        found = {name: one["typical"] for name, one in reference["seen"].items()}
    else:
        found = dict(_profiled(reference))
    inputs = [one.name for one in signature.inputs if one.name in found]
    return {name: np.nan if found[name] is None else found[name] for name in inputs}


def reasons(
    scorer: Scorer, columns: Columns, typical: Typical, most: int = 3
) -> list[list[Reason]]:
    """Return the `most` largest contributions to each row's answer, the largest first.

    The answer is the probability of the positive outcome, or of K > 2 outcomes that of the row's
    likeliest one; in regression the prediction. A contribution is the column's Shapley value
    (Lundberg and Lee, A unified approach to interpreting model predictions, NeurIPS 2017) in the
    game in which columns outside a coalition have their typical value: all contributions of a row
    add up to its answer minus that of the typical row. Up to six columns that are not typical, it
    is exact; beyond, it is averaged over orders of joining (Castro, Gómez and Tejada, Polynomial
    calculation of the Shapley value based on sampling, Computers & Operations Research 36, 2009),
    each drawn with its reverse (antithetic: Mitchell, Cooper, Frank and Holmes, Sampling
    permutations for Shapley value estimation, JMLR 23, 2022). Orders hang on the row's values
    alone: the same row always has the same reasons, whatever it comes with.

    It says what moved the model, not what would move the world. Columns without a typical value
    keep the row's own and have no contribution. Raises DataError where a row cannot be scored.
    """
    if not len(next(iter(columns.values()))):
        return []
    forecast = scorer.calibrate(scorer.engine.score(columns), columns)
    classes = forecast.argmax(axis=1) if forecast.shape[1] > 2 else np.ones(len(forecast), int)
    games = [_game(columns, typical, row) for row in range(len(forecast))]
    found: list[list[Reason]] = [[] for _ in games]
    for part in _parts([game for game in games if game.names]):
        worth = _worth(scorer, columns, typical, part, classes)
        at = 0
        for game in part:
            parts = game.plan.shared(worth[at : at + len(game.plan.masks)])
            at += len(game.plan.masks)
            found[game.row] = _largest(game, columns, typical, parts, most)
    return found


class _Plan(Protocol):
    """Which coalitions to ask, and how their worth is shared out among columns."""

    @property
    def masks(self) -> NDArray[np.bool_]:
        """The coalitions, (E, m): which of m columns have the row's own value."""
        ...

    def shared(self, worth: Floats) -> Floats:
        """Return the part of each of the m columns, for the worth of each coalition (E,)."""
        ...


@dataclass(frozen=True)
class _Every:
    """Every coalition of m columns."""

    m: int

    @cached_property
    def masks(self) -> NDArray[np.bool_]:
        return np.indices((2,) * self.m).reshape(self.m, -1).T.astype(bool)

    def shared(self, worth: Floats) -> Floats:
        return shapley_average(worth.reshape((2,) * self.m), self.m)


@dataclass(frozen=True)
class _Drawn:
    """The coalitions along some orders of joining, `orders` (P, m)."""

    orders: NDArray[np.int64]

    @cached_property
    def masks(self) -> NDArray[np.bool_]:
        count, m = self.orders.shape
        place = np.argsort(self.orders, axis=1)  # when each column joins
        joined = place[:, None, :] < np.arange(1, m)[None, :, None]
        ends = np.repeat([[False], [True]], m, axis=1)
        return np.concatenate([ends, joined.reshape(count * (m - 1), m)])

    def shared(self, worth: Floats) -> Floats:
        count, m = self.orders.shape
        between = worth[2:].reshape(count, m - 1)
        none, whole = np.full((count, 1), worth[0]), np.full((count, 1), worth[1])
        gains = np.diff(np.hstack([none, between, whole]), axis=1)
        parts = np.empty((count, m))
        np.put_along_axis(parts, self.orders, gains, axis=1)
        average: Floats = parts.mean(axis=0)
        return average


@dataclass(frozen=True)
class _Game:
    """One row: the columns in which it is not typical, and the coalitions of them to ask."""

    row: int
    names: tuple[str, ...]
    plan: _Plan


def _game(columns: Columns, typical: Typical, row: int) -> _Game:
    own = {name: columns[name][row] for name in typical}
    names = tuple(name for name, value in own.items() if not _same(value, typical[name]))
    if len(names) <= _EXACT:
        return _Game(row, names, _Every(len(names)))
    said = "\0".join(f"{name}={own[name]}" for name in names).encode(errors="surrogatepass")
    seed = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big")
    tile = np.tile(np.arange(len(names)), (_ORDERS, 1))
    drawn = np.random.default_rng(seed).permuted(tile, axis=1)
    return _Game(row, names, _Drawn(np.vstack([drawn, drawn[:, ::-1]])))


def _parts(games: Sequence[_Game]) -> Iterator[list[_Game]]:
    """Yield games whose coalitions are asked in one call of the model."""
    part, size = list[_Game](), 0
    for game in games:
        if part and size + len(game.plan.masks) > _ROWS_AT_ONCE:
            yield part
            part, size = [], 0
        part.append(game)
        size += len(game.plan.masks)
    if part:
        yield part


def _worth(
    scorer: Scorer,
    columns: Columns,
    typical: Typical,
    games: Sequence[_Game],
    classes: NDArray[np.int64],
) -> Floats:
    """Return the answer in each coalition of each game, one after another."""
    rows = np.concatenate([np.full(len(game.plan.masks), game.row) for game in games])
    mixed = {name: values[rows] for name, values in columns.items()}
    at = 0
    for game in games:
        masks = game.plan.masks
        for place, name in enumerate(game.names):
            mixed[name][at : at + len(masks)][~masks[:, place]] = typical[name]
        at += len(masks)
    raw = scorer.engine.score(mixed)
    if scorer.signature.task == "regression":
        return raw
    answer: Floats = scorer.calibrate(raw, mixed)[np.arange(len(rows)), classes[rows]]
    return answer


def _largest(
    game: _Game, columns: Columns, typical: Typical, parts: Floats, most: int
) -> list[Reason]:
    order = np.argsort(-np.abs(parts), kind="stable")[:most].tolist()
    found = (
        Reason(name, _plain(columns[name][game.row]), _plain(typical[name]), float(parts[place]))
        for place, name in ((place, game.names[place]) for place in order)
        if parts[place]
    )
    return list(found)


def _plain(value: Any) -> Any:
    """Return a value as Python has it, not NumPy."""
    return value.item() if isinstance(value, np.generic) else value


def _same(value: Any, typical: Any) -> bool:
    both_missing = value != value and typical != typical  # noqa: PLR0124 - NaN
    return bool(value == typical or both_missing)


def _profiled(reference: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, axis in reference["grid"]["axes"].items():
        if axis["kind"] == "number":
            yield name, axis["centre"]
        else:
            counts = np.zeros(len(axis["values"]) + 2, dtype=np.int64)
            for window in reference["windows"]:
                tally = window["features"].get(name, {"cells": [], "counts": []})
                counts[tally["cells"]] += np.array(tally["counts"], dtype=np.int64)
            known = counts[:-2]
            yield name, axis["values"][int(known.argmax())] if len(known) else ""


def _said(value: Any) -> str:
    if value == "" or value != value:  # noqa: PLR0124 - NaN
        return "missing"
    return value if isinstance(value, str) else _number(float(value))


def _number(value: float) -> str:
    return f"{value:,.6g}"
