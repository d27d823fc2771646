"""What really happened, told to the gateway: answered once it is on disk."""

from __future__ import annotations

import math
from concurrent.futures import Future
from time import perf_counter
from typing import Any

import msgspec

from assay.errors import DataError, StoreError
from assay.gateway.access import Access
from assay.gateway.http_message import Reply, Request, Response
from assay.gateway.models import ModelEntry
from assay.gateway.pool import Pool
from assay.gateway.refusal import refused
from assay.gateway.tensor import shown
from assay.ports.outcome_inbox import Happened

__all__ = ["OutcomeDesk", "read_outcomes"]

_MOST = 100_000
_LONGEST = 1000


class _Outcome(msgspec.Struct):
    id: str
    outcome: str | int | float | bool | None


class _Body(msgspec.Struct):
    outcomes: list[_Outcome]


class OutcomeDesk:
    """Takes outcomes in for the models of a gateway."""

    def __init__(self, pool: Pool, access: Access) -> None:
        self._pool = pool
        self._access = access

    def take(self, entry: ModelEntry, request: Request, reply: Reply) -> None:
        """Put outcomes into the model's inbox; answers when they are on disk.

        Limits are those of the model: what waits for the disk counts as waiting.
        """
        caller = self._access.demand(request, "outcomes", entry.name, entry.home)
        entry.admission.admit(request, caller.name, request.received)
        try:
            outcomes = read_outcomes(request.body)
            written = entry.outcomes.append(entry.name, outcomes)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
            entry.admission.done(perf_counter())
            reply(refused(error))
            return

        def told() -> None:
            entry.admission.done(perf_counter())
            fault = written.exception()
            if fault is not None:
                reply(refused(fault if isinstance(fault, StoreError) else StoreError(str(fault))))
                return
            entry.counts.outcomes += len(outcomes)
            reply(Response(200, msgspec.json.encode({"accepted": len(outcomes)})))

        def on_disk(_: Future[None]) -> None:
            self._pool.on_loop(told)

        written.add_done_callback(on_disk)


def read_outcomes(body: bytes) -> list[tuple[str, Happened]]:
    """Read {"outcomes": [{"id", "outcome"}, ...]}; DataError says what is wrong, and where.

    Ids are those of the answers (`prediction_ids`).

    >>> read_outcomes(b'{"outcomes": [{"id": "a/0", "outcome": "yes"}]}')
    [('a/0', 'yes')]
    """
    try:
        given = msgspec.json.decode(body, type=_Body).outcomes
    except (ValueError, RecursionError) as error:
        raise DataError(
            f'These are no outcomes: {error}. Send JSON: {{"outcomes": [{{"id", "outcome"}}]}}.'
        ) from error
    if not 0 < len(given) <= _MOST:
        raise DataError(f"The request has {len(given)} outcomes; send 1 to {_MOST}.")
    return [(_id(place, one.id), _happened(place, one.outcome)) for place, one in enumerate(given)]


def _id(place: int, given: str) -> str:
    if not 0 < len(given) <= _LONGEST or not _writable(given):
        raise DataError(f"Outcome {place} has the id {shown(given)}; give that of the prediction.")
    return given


def _happened(place: int, given: Any) -> Happened:
    if isinstance(given, str) and len(given) <= _LONGEST and _writable(given):
        return given
    if isinstance(given, bool):
        return given
    if isinstance(given, int | float):
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number if isinstance(given, float) else given
    raise DataError(f"Outcome {place} is {shown(given)}; send a label, or a number.")


def _writable(text: str) -> bool:
    """Whether a text is whole characters: JSON may bring halves of them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
