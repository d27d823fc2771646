"""The whole of `assay policy`: the charter's present policy on a model that is there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.built import Built, judge
from assay.build.columns import to_columns
from assay.build.move_value import MoveValue, move_value
from assay.build.packaged import Packaged
from assay.build.parity import Engines
from assay.build.plain import plain
from assay.build.provenance import provenance
from assay.build.quality import check_quality
from assay.build.search import Progress
from assay.build.set_aside import STANDS_FOR_ALL, SetAside, halves, part_in_words, set_aside
from assay.build.split import Split
from assay.build.tested import Made, Tested
from assay.build.training_set import at
from assay.charter.charter import Charter
from assay.evidence.bundle import Signature
from assay.ports.engine import Columns, Engine, Floats
from assay.stats.cell_calibration import CellCalibrator
from assay.value.classification import ClassificationValuation
from assay.value.policy_words import policy_in_words
from assay.value.stake import forecast_cases, gain_at_stake
from assay.value.valuation import Valuation, valuation

__all__ = ["PolicyMove", "TableOf", "calibrated_under", "move_policy"]

TableOf = Callable[[str], tuple[pl.DataFrame, str]]
"""Returns the table at hand with its digest, given the digest of the one that is wanted."""

_KEPT = ("calibration.json", "reference.json")
_PARTS = {
    "currency": "currency",
    "table": "payoffs",
    "payoff": "payoffs",
    "reviewer": "reviewer",
    "capacity": "reviewer's capacity",
    "baselines": "baselines",
    "baseline": "baseline",
    "volume": "volume",
}
"""What a valuation's document holds beside its policy, in the charter's words."""


@dataclass(frozen=True)
class PolicyMove:
    """A version's policy moved: `was` and `now` in words, what else of the value model `changed`.

    `built` is the new version, not yet registered; `value` is what both policies are worth.
    """

    version: int
    was: str
    now: str
    changed: tuple[str, ...]
    value: MoveValue
    built: Built

    def document(self) -> dict[str, Any]:
        """Return what moved, and what that brings, as a JSON document."""
        words = {"was": self.was, "now": self.now, "changed": list(self.changed)}
        return {"moved_from": self.version, **words, **self.value.document()}


def move_policy(
    charter: Charter,
    packaged: Packaged,
    table: TableOf,
    *,
    engines: Engines,
    progress: Progress | None = None,
) -> PolicyMove | None:
    """Put the charter's present value model on a version's model; None where it is there already.

    Model file, calibration and reference profiles stay byte for byte; nothing is trained. The rows
    that judged the version judge it again: all rows set aside where the policy has nothing to
    learn, else their second half (the newer, in order), thresholds, prices of limits and best
    constants being learned on the first. Where forecasts are calibrated at each gain at stake and
    the move changes that gain, the policy names the payoffs of then, so that forecasts stay as they
    were. Nothing is written.

    Raises InputError where the charter now asks for another model: another task, other outcomes,
    another section `data` or `build`, a column that callers do not send; DataError where the table
    is not the one that the version was made from.
    """
    tell = progress or _silent
    valued = valuation(charter.value, charter.data)
    packaged.require_same_promise(charter, valued)
    if _same(charter, packaged, valued):
        return None
    tell(0.0, "checking the data")
    frame, digest = table(packaged.data)
    packaged.require_same_table(digest)
    rows = set_aside(frame, charter, valued, matured=STANDS_FOR_ALL in frame.columns)
    frame, inputs = frame.drop(STANDS_FOR_ALL, strict=False), packaged.signature.inputs
    quality = check_quality(frame, charter, valued, inputs)
    tell(0.4, "deciding anew")
    served = engines(packaged.bundle.model_bytes, inputs)
    known = _Known.of(packaged, rows, served, valued, charter)
    valued, learns = known.learned(packaged, valued)
    chosen, told = known.judges(rows, charter, learns=learns, submitted=packaged.submitted)
    found = known.value(packaged, valued, charter, chosen)
    move = {"was": policy_in_words(packaged.valuation), "now": policy_in_words(valued)}
    changed = _changed(packaged.valuation, valued)
    history = {"version": packaged.version, "bundle": packaged.bundle.digest, **move}
    made = _made(packaged, served, valued, {**history, **found.document()})
    teachers = rows.known[chosen.train] if packaged.submitted else rows.learn
    tested = Tested(
        made,
        charter,
        rows.known[chosen.test],
        teachers,
        told,
        (_told_move(packaged, move, changed), *found.words(packaged.version)),
    )
    traced = replace(provenance(digest), moved_from=packaged.bundle.digest)
    built = judge(
        tested,
        quality,
        traced,
        seed=charter.build.seed,
        progress=tell,
        permitted=packaged.permitted,
    )
    return PolicyMove(packaged.version, move["was"], move["now"], changed, found, built)


@dataclass(frozen=True, eq=False)
class _Known:
    """All rows set aside: scores, outcomes, columns; `halved` are their halves, `first` a mask."""

    frame: pl.DataFrame
    raw: Floats
    outcomes: NDArray[Any]
    columns: Columns
    halved: Split
    first: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        packaged: Packaged,
        rows: SetAside,
        served: Engine,
        valued: Valuation,
        charter: Charter,
    ) -> _Known:
        """Score the rows; InputError where they are not those that judged the version."""
        columns = to_columns(rows.judged, packaged.signature.inputs)
        raw = served.score(columns)
        outcomes = valued.encode(rows.judged[charter.data.outcome].to_numpy())
        halved = halves(rows.parts, charter.build.seed)
        first = np.isin(rows.parts.test, halved.train)
        packaged.require_same_rows(raw, outcomes, ~first)
        return cls(rows.judged, raw, outcomes, columns, halved, first)

    def learned(self, packaged: Packaged, valued: Valuation) -> tuple[Valuation, bool]:
        """Return the valuation as it decides, and whether it had anything to learn."""
        valued = calibrated_under(packaged, valued, self.columns, len(self.raw))
        forecasts = forecast_cases(packaged.forecaster, valued, self.raw, self.columns)
        places = np.flatnonzero(self.first)
        seen = at(self.columns, places)
        tuned = valued.tuned(forecasts[self.first], self.outcomes[self.first], seen)
        return tuned, plain(tuned.document()) != plain(valued.document())

    def judges(
        self, rows: SetAside, charter: Charter, *, learns: bool, submitted: bool
    ) -> tuple[Split, str]:
        """Return which rows taught and which judge, and say so."""
        if not (learns or submitted):
            return rows.parts, rows.told
        part = part_in_words(self.halved, rows.known[self.halved.test], charter)
        why = "the policy learned from the others" if learns else "the others calibrated the model"
        return self.halved, f"{part} of those set aside ({why})"

    def value(
        self, packaged: Packaged, valued: Valuation, charter: Charter, chosen: Split
    ) -> MoveValue:
        """Compare the two policies on rows that neither of them learned from."""
        kept = packaged.judged
        n = len(self.outcomes)
        whole = len(chosen.test) == n and kept is not None and len(kept.outcomes) == n
        places = np.flatnonzero(~self.first | whole)
        columns = at(self.columns, places)
        return move_value(
            packaged.valuation,
            valued,
            forecast_cases(packaged.forecaster, valued, self.raw[places], columns),
            self.outcomes[places],
            columns,
            charter,
            self.frame[places],
        )


def calibrated_under(packaged: Packaged, valued: Valuation, columns: Columns, n: int) -> Valuation:
    """Name the payoffs that a calibration was learned under, where gains at stake moved since."""
    old = packaged.valuation
    if not isinstance(packaged.forecaster, CellCalibrator):
        return valued
    assert isinstance(old, ClassificationValuation)  # noqa: S101 - cells are of two outcomes
    assert isinstance(valued, ClassificationValuation)  # noqa: S101 - the task is the same
    then, now = gain_at_stake(old, columns, n), gain_at_stake(valued, columns, n)
    if then is not None and now is not None and np.array_equal(then, now):
        return valued
    under = old.calibrated_under or old
    return replace(valued, calibrated_under=under.untuned())


def _same(charter: Charter, packaged: Packaged, valued: Valuation) -> bool:
    """Whether the version has the charter's value model, and its evidence rests on it."""
    if charter.digests()["value"] != packaged.section("value"):
        return False
    return not _differing(packaged.valuation, valued)


def _changed(old: Valuation, new: Valuation) -> tuple[str, ...]:
    """Return what else than the policy differs, in the charter's words."""
    differing = _differing(old, new)
    return tuple(dict.fromkeys(word for name, word in _PARTS.items() if name in differing))


def _differing(old: Valuation, new: Valuation) -> frozenset[str]:
    """Return the parts of two valuations that the charter states otherwise."""
    then, now = plain(old.untuned().document()), plain(new.untuned().document())
    names = {*then, *now} - {"format", "calibrated_under"}
    return frozenset(name for name in names if then.get(name) != now.get(name))


def _made(packaged: Packaged, served: Engine, valued: Valuation, moved: dict[str, Any]) -> Made:
    own, files = packaged.signature, packaged.bundle.files
    note = (
        f"Its model file is version {packaged.version}'s, byte for byte, and answers the rows set "
        "aside as it did then."
    )
    return Made(
        signature=Signature(own.task, own.inputs, own.labels, valued.actions),
        features=packaged.features,
        served=served,
        trained=None,
        forecaster=packaged.forecaster,
        valuation=valued,
        model=packaged.bundle.model_bytes,
        history={**packaged.history, "moved": moved},
        came=(f"served as version {packaged.version} is", note),
        kept={name: files[name] for name in (packaged.bundle.model_file, *_KEPT)},
    )


def _told_move(packaged: Packaged, move: dict[str, str], changed: tuple[str, ...]) -> str:
    policy = f"the policy stays ({move['now']})"
    if move["was"] != move["now"]:
        policy = f"{move['was']} -> {move['now']}"
    also = f"; changed with it: {', '.join(changed)}" if changed else ""
    return f"Moved from version {packaged.version}, nothing trained: {policy}{also}."


def _silent(share: float, what: str) -> None:
    """Tell nobody."""
