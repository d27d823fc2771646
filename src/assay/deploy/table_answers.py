"""Rows of a table answered as a gateway answers them, and what is wrong with single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.deploy.answering import Answered, Asked, answer
from assay.deploy.serving import Serving
from assay.errors import DataError
from assay.ports.column_blocks import taken

__all__ = ["Parted", "answer_each"]


@dataclass(frozen=True)
class Parted:
    """Rows that were answered, in runs of rows answered at once, and those refused.

    `runs` has the rows of each run as they were asked, in order, with their answers; `refused` has
    the reason of each other row.
    """

    runs: Sequence[tuple[Sequence[int], Answered]]
    refused: Mapping[int, str]


def answer_each(serving: Serving, asked: Asked, at: str, *, pinned: int | None = None) -> Parted:
    """Answer every row that can be; one that cannot be scored, or is refused, harms no other.

    Arguments as of `assay.deploy.answering.answer`. Where rows cannot be scored together they are
    halved until the wrong ones are found, but not where each row's decision hangs on the others:
    then DataError.
    """
    whole = range(len(asked.ids))
    runs: list[tuple[Sequence[int], Answered]] = []
    refused: dict[int, str] = {}
    waiting: list[Sequence[int]] = [whole] if whole else []
    while waiting:
        rows = waiting.pop()
        try:
            answered = answer(serving, _some(asked, rows), at, pinned=pinned)
        except DataError as error:
            if not serving.case_by_case:
                raise
            if len(rows) == 1:
                refused[rows[0]] = str(error)
            else:
                half = len(rows) // 2
                waiting += [rows[half:], rows[:half]]
            continue
        refused.update((rows[row], why) for row, why in answered.rejected.items())
        runs.append((rows, answered))
    return Parted(runs, refused)


def _some(asked: Asked, rows: Sequence[int]) -> Asked:
    if len(rows) == len(asked.ids):
        return asked
    some = np.asarray(rows).tolist()
    return Asked(
        taken(asked.columns, some),
        [asked.ids[row] for row in some],
        None if asked.entities is None else [asked.entities[row] for row in some],
    )
