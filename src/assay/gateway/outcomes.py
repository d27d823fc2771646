"""What really happened, told to the gateway: held to what its models answer, and kept on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from difflib import get_close_matches
from time import perf_counter

import msgspec

from assay.deploy.serving import Serving
from assay.errors import DataError, StoreError
from assay.gateway.access import Access
from assay.gateway.http_message import Reply, Request, Response
from assay.gateway.models import ModelEntry
from assay.gateway.pool import Pool
from assay.gateway.refusal import refused
from assay.gateway.tensor import shown
from assay.ports.outcome_inbox import Happened
from assay.value.labels import label_text

__all__ = ["Answerable", "OutcomeDesk", "read_outcomes"]

_MOST = 100_000
_LONGEST = 1000
_SHOWN_FAULTS, _SHOWN_LABELS = 10, 20


class _Outcome(msgspec.Struct):
    id: str
    outcome: str | int | float | bool | None


class _Body(msgspec.Struct):
    outcomes: list[_Outcome]


@dataclass(frozen=True)
class Answerable:
    """What can happen, by the versions that serve: one of `labels`, or an amount without any.

    >>> Answerable(("no", "yes")).read("yes"), Answerable(("0", "1")).read(1.0)
    ('yes', '1')
    >>> Answerable(("no", "yes")).read("ye"), Answerable().read("12"), Answerable().read(12)
    (None, None, 12)
    """

    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, serving: Serving) -> Answerable:
        """Return what the versions of a state answer, each label once."""
        signatures = [loaded.scorer.signature for loaded in serving.loaded]
        return cls(tuple(dict.fromkeys(name for one in signatures for name in one.labels)))

    def read(self, given: Happened) -> Happened | None:
        """Return an outcome as it is kept, a label as its text; None where it cannot be one."""
        if self.labels:
            text = label_text(given)
            return text if text in self.labels else None
        return None if isinstance(given, str | bool) else given

    def hint(self, given: Happened | None) -> str:
        """Return which label a text may have meant, in words; empty where there is none near.

        >>> Answerable(("no", "yes")).hint(" Yes")
        " (did you mean 'yes'?)"
        """
        lower = {label.lower(): label for label in self.labels}
        text = given.strip().lower() if isinstance(given, str) else ""
        near = get_close_matches(text, lower, n=1)
        return f" (did you mean {lower[near[0]]!r}?)" if near else ""

    def __str__(self) -> str:
        if not self.labels:
            return "a finite number"
        more = ", …" if len(self.labels) > _SHOWN_LABELS else ""
        return f"one of {', '.join(map(repr, self.labels[:_SHOWN_LABELS]))}{more}"


class OutcomeDesk:
    """Takes outcomes in for the models of a gateway."""

    def __init__(self, pool: Pool, access: Access) -> None:
        self._pool = pool
        self._access = access
        self._known: dict[str, tuple[Sequence[str], Answerable]] = {}

    def take(self, entry: ModelEntry, request: Request, reply: Reply) -> None:
        """Put outcomes into the model's inbox; answers when they are on disk.

        They are held to what the served versions answer: a model that was never loaded is loaded
        for it. Where nothing is released, or it does not load, they are taken in as they come, and
        whoever reads them sifts them. Limits are those of the model: what waits for the disk
        counts as waiting.
        """
        caller = self._access.demand(request, "outcomes", entry.name, entry.home)
        entry.admission.admit(request, caller.name, request.received)

        def known(_: BaseException | None) -> None:
            self._put(entry, request, reply)

        if entry.desired.arms and self._answerable(entry) is None:
            self._pool.load(entry, known)
        else:
            known(None)

    def _answerable(self, entry: ModelEntry) -> Answerable | None:
        """Return what a model's versions answer, also of one that was unloaded since."""
        bundles = [arm.bundle for arm in entry.desired.arms]
        if entry.serving is not None and entry.serving.arms:
            self._known[entry.name] = bundles, Answerable.of(entry.serving)
        of, known = self._known.get(entry.name, ((), None))
        return known if of == bundles else None

    def _put(self, entry: ModelEntry, request: Request, reply: Reply) -> None:
        try:
            outcomes = read_outcomes(request.body, self._answerable(entry))
            written = entry.outcomes.append(entry.name, outcomes)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the client gets an answer
            entry.admission.done(perf_counter())
            entry.counts.outcome_refusals += isinstance(error, DataError)
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


def read_outcomes(body: bytes, answerable: Answerable | None = None) -> list[tuple[str, Happened]]:
    """Read {"outcomes": [{"id", "outcome"}, ...]}, all or none: DataError names each fault.

    Ids are those of the answers (`prediction_ids`). What is `answerable` is told by the versions
    that serve; where it is not known, any label and any finite number pass.

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
    read = _happened if answerable is None else _held_to(answerable)
    kept = [(one.id, read(one.outcome)) for one in given]
    found = [(id_, outcome) for id_, outcome in kept if outcome is not None and _names(id_)]
    if len(found) < len(given):
        raise DataError(_faults(given, kept, answerable))
    return found


def _held_to(answerable: Answerable) -> Callable[[Happened | None], Happened | None]:
    # Few outcomes differ: each kind and value is looked at once.
    seen: dict[tuple[type, Happened | None], Happened | None] = {}

    def read(given: Happened | None) -> Happened | None:
        key = type(given), given
        if key not in seen:
            whole = _happened(given)
            seen[key] = None if whole is None else answerable.read(whole)
        return seen[key]

    return read


def _faults(
    given: Sequence[_Outcome],
    kept: Sequence[tuple[str, Happened | None]],
    answerable: Answerable | None,
) -> str:
    """Say which outcomes of a request are at fault, what each is, and what it could be."""
    wrong = [place for place, (id_, one) in enumerate(kept) if one is None or not _names(id_)]
    texts = [_fault(place, given[place], answerable) for place in wrong[:_SHOWN_FAULTS]]
    more = f"; and {len(wrong) - len(texts)} more" if len(wrong) > len(texts) else ""
    allowed = "a label, or a finite number" if answerable is None else str(answerable)
    return (
        f"{len(wrong)} of {len(given)} outcomes are at fault, and none was taken in: "
        f"{'; '.join(texts)}{more}. An outcome is {allowed}, its id that of a "
        "prediction (`prediction_ids`). Mend these and send all of them again."
    )


def _fault(place: int, given: _Outcome, answerable: Answerable | None) -> str:
    if not _names(given.id):
        return f"outcome {place} has the id {shown(given.id)}, which no prediction has"
    hint = "" if answerable is None else answerable.hint(given.outcome)
    return f"outcome {place}, of {shown(given.id)}, is {shown(given.outcome)}{hint}"


def _names(given: str) -> bool:
    return 0 < len(given) <= _LONGEST and _writable(given)


def _happened(given: Happened | None) -> Happened | None:
    """Return an outcome that can be written down; None for one that cannot."""
    if isinstance(given, str):
        return given if len(given) <= _LONGEST and _writable(given) else None
    if given is None or isinstance(given, bool):
        return given
    try:
        number = float(given)
    except OverflowError:
        return None
    return given if math.isfinite(number) else None


def _writable(text: str) -> bool:
    """Whether a text is whole characters: JSON may bring halves of them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
