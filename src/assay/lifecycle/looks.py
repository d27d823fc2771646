"""What a running release shows, look by look, in the order in which it could be known.

Value waits until outcomes can be known; a guardrail's cases wait for nothing. Each has a process of
its own, and its own order, that of assignment; so neither needs the other's. Here the batches of
all are put into one order of time: what was known first is looked at first, so that looking again
later repeats every earlier look, whoever looked or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np

from assay.deploy.batch import LOOK, Batch
from assay.deploy.rollout_plan import RolloutPlan
from assay.lifecycle.canary_units import Unit
from assay.lifecycle.guardrail_cases import Spoken
from assay.lifecycle.paired_units import PairedUnit

__all__ = ["Look", "blank_looks", "guardrail_looks", "in_order", "paired_looks", "unit_looks"]

_Item = TypeVar("_Item")

_CASES = 25
"""Cases of a guardrail looked at at once in the beginning: a bad version is costly."""

_GROWTH = 20
"""Later looks take a twentieth of the cases before them: no later by more than 5 %, and few."""


@dataclass(frozen=True)
class Look:
    """A batch, and when all of it was known."""

    at: datetime
    batch: Batch


def unit_looks(plan: RolloutPlan, units: Sequence[Unit]) -> Iterator[Look]:
    """Yield units that got one arm each, cut in order of assignment and where the share changed."""
    start = 0
    while start < len(units):
        end = start
        while end < len(units) and end - start < LOOK and units[end].share == units[start].share:
            end += 1
        if end - start == LOOK or end < len(units):
            yield Look(units[end - 1].due, _split(plan, units[start:end]))
        start = end


def paired_looks(units: Sequence[PairedUnit]) -> Iterator[Look]:
    """Yield units on which both arms decided, in whole batches."""
    for batch in _whole(units):
        least, most = (np.array([getattr(one, end) for one in batch]) for end in ("least", "most"))
        missing = sum(one.missing for one in batch)
        yield Look(batch[-1].due, Batch(least, most=most, missing=missing))


def blank_looks(plan: RolloutPlan, assigned: Sequence[tuple[datetime, bool]]) -> Iterator[Look]:
    """Yield units of which nothing is known but their bounds: value cannot be told.

    They are as (when assigned, whether a copy of theirs is missing), and wait for no outcome.
    """
    low, high = plan.difference_bounds
    for batch in _whole(assigned):
        n, missing = len(batch), sum(gone for _, gone in batch)
        least, most = np.full(n, low), np.full(n, high)
        yield Look(batch[-1][0], Batch(least, most=most, missing=missing))


def guardrail_looks(spoken: Spoken) -> Iterator[Look]:
    """Yield what cases say of one guardrail, a few of them at once."""
    start, name = 0, spoken.condition.name
    while True:
        end = start + max(_CASES, start // _GROWTH)
        if end > len(spoken.times):
            return
        said = spoken.said.part(slice(start, end))
        yield Look(spoken.times[end - 1], Batch.of_guardrails({name: said}))
        start = end


def in_order(looks: Iterable[Look]) -> list[Look]:
    """Return looks in the order in which all of each could be known; one at a time, value last."""
    return sorted(looks, key=lambda look: (look.at, len(look.batch.differences)))


def _whole(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield whole batches: what is left over waits for more."""
    for start in range(0, len(items) - LOOK + 1, LOOK):
        yield items[start : start + LOOK]


def _split(plan: RolloutPlan, units: Sequence[Unit]) -> Batch:
    least, most = (
        np.array([getattr(unit, end) for unit in units], dtype=np.float64)
        for end in ("least", "most")
    )
    arm = np.array([unit.challenger for unit in units])
    return Batch.split(plan.arms, least, arm, units[0].share, most=most)
