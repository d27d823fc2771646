"""The rows of a table that are set aside to judge on, whoever made the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.quality import with_outcome
from assay.build.split import Split, in_order, split
from assay.charter.charter import Charter
from assay.charter.data import Span
from assay.errors import DataError
from assay.value.valuation import Valuation

__all__ = ["STANDS_FOR_ALL", "SetAside", "halves", "part_in_words", "set_aside", "test_split"]

_LEAST_JUDGES = 100
STANDS_FOR_ALL = "assay: stands for all"
"""The column that marks, in a retraining's table, the rows that are a fair sample of all cases."""
_NO_GAP = ", right after those that taught it (all outcomes were known when the table was made)"


@dataclass(frozen=True, eq=False)
class SetAside:
    """The rows whose outcome is known, in order, and which of them teach and which judge.

    `ruled` is the charter that they were cut by, and `told` says in words which rows judge.
    """

    known: pl.DataFrame
    parts: Split
    ruled: Charter
    told: str

    @property
    def learn(self) -> pl.DataFrame:
        """The rows that teach."""
        return self.known[self.parts.train]

    @property
    def judged(self) -> pl.DataFrame:
        """The rows that judge."""
        return self.known[self.parts.test]


def set_aside(
    frame: pl.DataFrame, charter: Charter, valued: Valuation, *, matured: bool = False
) -> SetAside:
    """Set the test rows of a table aside: the same ones for the same table and charter.

    `matured` says that every outcome was known when the table was made, as in a retraining: no gap
    of the label delay is then kept between rows that teach and rows that judge. Raises DataError
    where the table cannot be used.
    """
    known, judges = _fair(in_order(with_outcome(frame, charter, valued), charter))
    ruled = _without_delay(charter) if matured else charter
    parts = _judged_by(test_split(known, ruled, valued), judges)
    told = part_in_words(parts, known[parts.test], charter) + (_NO_GAP if matured else "")
    return SetAside(known, parts, ruled, told)


def test_split(known: pl.DataFrame, charter: Charter, valued: Valuation) -> Split:
    """Set the test rows of a table in order aside."""
    outcomes = valued.encode(known[charter.data.outcome].to_numpy())
    strata = outcomes if valued.task == "classification" else None
    return split(known, charter, strata, charter.build.seed)


def halves(parts: Split, seed: int) -> Split:
    """Cut the rows set aside into halves: to learn on, and to judge on (the newer, in order)."""
    rows = parts.test if parts.ordered else np.random.default_rng(seed).permutation(parts.test)
    half = len(rows) // 2
    return Split(np.sort(rows[:half]), np.sort(rows[half:]), parts.ordered)


def part_in_words(parts: Split, judged: pl.DataFrame, charter: Charter) -> str:
    """Say which rows judge the model."""
    n = len(parts.test)
    share = f"{n:,} rows ({n / (n + len(parts.train)):.0%})"
    if charter.data.time is not None:
        times = judged[charter.data.time]
        return f"the newest {share}, {times[0]!s} to {times[-1]!s}"
    return f"the newest {share}" if parts.ordered else f"{share} drawn at random"


def _fair(known: pl.DataFrame) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
    """Return the rows without their mark, and which of them stand for all cases."""
    if STANDS_FOR_ALL not in known.columns:
        return known, np.ones(known.height, dtype=np.bool_)
    return known.drop(STANDS_FOR_ALL), known[STANDS_FOR_ALL].to_numpy()


def _judged_by(parts: Split, judges: NDArray[np.bool_]) -> Split:
    """Let only rows that stand for all cases judge, as many of the newest as there would be.

    Rows newer than the oldest judge neither teach nor judge. Raises DataError where too few stand
    for all: no figure would be worth signing.
    """
    if judges.all():
        return parts
    rows = np.concatenate([parts.train, parts.test])
    fair = np.sort(rows[judges[rows]])
    share = len(parts.test) / len(rows)
    test = fair[len(fair) - round(share * len(fair)) :]
    if len(test) < _LEAST_JUDGES:
        raise DataError(
            f"Only {len(test)} rows could judge a retrained model, and it takes {_LEAST_JUDGES}: "
            "outcomes show only after some actions, so that served cases are no fair sample but "
            "for those that exploration shows. Wait for more of them, or raise "
            "`release.exploration_share`."
        )
    return Split(np.sort(rows[rows < test[0]]), test, parts.ordered)


def _without_delay(charter: Charter) -> Charter:
    at_once = Span(count=0, unit="window")
    return charter.model_copy(
        update={"data": charter.data.model_copy(update={"label_delay": at_once})}
    )
