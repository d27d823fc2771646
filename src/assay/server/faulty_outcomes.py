"""Outcomes that are handed in: taken together, or the faulty among them named by their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import polars as pl
from pydantic import BaseModel, Field

from assay.charter.charter import Charter
from assay.errors import InputError
from assay.lifecycle.inbox_outcomes import sifted_by, unreadable_by
from assay.lifecycle.posting import OutcomesTaken
from assay.ports.outcome_inbox import Happened
from assay.server.documents import Problem
from assay.value.labels import label_text
from assay.workspace import Workspace

__all__ = [
    "OUTCOMES_PROBLEM",
    "FaultyOutcome",
    "FaultyOutcomes",
    "OutcomesProblem",
    "take_told",
    "unread_outcomes",
]

MOST_FAULTS = 1000
"""As many are named at once; whoever leaves them out is told the next."""

Told = Sequence[tuple[str, Happened]]


class FaultyOutcome(BaseModel):
    """One outcome of a request that keeps the others from being taken."""

    at: int = Field(description="Its place in `outcomes`, from 0.")
    id: str | None = Field(description="Its id; null where that does not read.")
    why: str


class OutcomesProblem(Problem):
    """What was wrong, and which outcomes are at fault: without these the others are taken."""

    faults: list[FaultyOutcome] = Field(
        default=[], max_length=MOST_FAULTS, description="Left out where no single one is at fault."
    )


OUTCOMES_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": OutcomesProblem, "description": "What was given is wrong; nothing was taken."}
}


class FaultyOutcomes(InputError):
    """Outcomes are refused together for some that are named."""

    def __init__(self, text: str, faults: Sequence[FaultyOutcome]) -> None:
        super().__init__(text)
        self.faults = faults


def take_told(workspace: Workspace, told: Told) -> OutcomesTaken:
    """Take outcomes in, all or none; FaultyOutcomes names those that are at fault."""
    try:
        return workspace.outcomes(_table(workspace.charter, told))
    except InputError as error:
        faults = list(islice(_faults(workspace.charter, told), MOST_FAULTS))
        if not faults:
            raise
        raise FaultyOutcomes(str(error), faults) from error


def unread_outcomes(errors: Iterable[Mapping[str, Any]]) -> list[FaultyOutcome]:
    """Return the outcomes of a request that do not read, from what its reader says of them."""
    found: dict[int, FaultyOutcome] = {}
    for one in errors:
        match one["loc"]:
            case ("body", "outcomes", int(at), *_):
                found.setdefault(at, FaultyOutcome(at=at, id=None, why=one["msg"]))
    return list(islice(found.values(), MOST_FAULTS))


def _table(charter: Charter, told: Told) -> pl.DataFrame:
    """Return outcomes as a table; of several kinds they may be where the charter reads each."""
    if len({type(outcome) for _, outcome in told}) > 1:
        table, unread = sifted_by(charter)(told)
        if not unread:
            return table
    try:
        rows = [{"id": id_, "outcome": outcome} for id_, outcome in told]
        return pl.DataFrame(rows, infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise InputError(
            "These outcomes are of several kinds: give numbers, or texts, or truth values."
        ) from error


def _faults(charter: Charter, told: Told) -> Iterator[FaultyOutcome]:
    unreadable = unreadable_by(charter)
    said: dict[str, set[str]] = {}
    for id_, outcome in told:
        said.setdefault(id_, set()).add(label_text(outcome))
    for at, (id_, outcome) in enumerate(told):
        why = unreadable(outcome)
        if not why and len(said[id_]) > 1:
            why = "its id is told more than once, and not the same"
        if why:
            yield FaultyOutcome(at=at, id=id_, why=why)
