"""One request that waits for its answer, and what the gateway knows of its model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from assay.deploy.serving import Serving
from assay.errors import DataError
from assay.gateway.admission import Admission, deadline, refuse_late
from assay.gateway.answer_document import Told, encode_told, wanted_outputs
from assay.gateway.counts import ModelCounts
from assay.gateway.decoding import Layout, Plan
from assay.gateway.http_message import Reply, Request
from assay.gateway.prediction_id import request_name
from assay.gateway.protocol import Body, checked, decode_body, demand_short_id, entities_of
from assay.gateway.skeleton import Filled, Skeleton
from assay.ports.captures import CaptureLog

__all__ = ["OPEN_INFERENCE", "Entry", "Form", "Waiting", "plan_of"]

_PLANS: WeakKeyDictionary[Serving, Plan] = WeakKeyDictionary()


def plan_of(serving: Serving) -> Plan:
    """Return how requests for a state are read; the same plan for the same state."""
    plan = _PLANS.get(serving)
    if plan is None:
        _PLANS[serving] = plan = Plan(serving)
    return plan


class Entry(Protocol):
    """What is needed of a model: its limits and counts, where its records and shadow copies go."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def key(self) -> Callable[[], bytes]:
        """The installation's key, under which requests that name themselves are told apart."""
        ...

    @property
    def captures(self) -> CaptureLog:
        """Where its predictions are recorded."""
        ...

    @property
    def admission(self) -> Admission:
        """How many of its requests wait; each one that was admitted is told done here."""
        ...

    @property
    def counts(self) -> ModelCounts:
        """What is counted of it."""
        ...

    @property
    def shadow(self) -> Any:
        """Where copies of its requests go (`ShadowQueue`)."""
        ...


class Form:
    """How the body of a request is read, and its answer written."""

    def __init__(
        self, read: Callable[[bytes], Body], write: Callable[[Told], bytes] = encode_told
    ) -> None:
        self.read = read
        self.write = write


OPEN_INFERENCE = Form(decode_body)

_UNREAD = Body([])
_DEADLINE = b"x-deadline-ms"


@dataclass(slots=True, eq=False)
class Waiting:
    """One request until it is answered; what stands below `pinned` is known once it is read."""

    entry: Entry
    serving: Serving
    request: Request
    reply: Reply
    form: Form
    pinned: int | None = None
    body: Body = _UNREAD
    layout: Layout | Skeleton | None = None
    data: Sequence[list[Any]] = ()
    filled: Filled | None = None
    rows: int = 0
    entities: tuple[str, ...] | None = None
    name: str = ""
    ids: Sequence[str] = ()

    @property
    def lone(self) -> bool:
        """Whether it has one row, and no more is asked of it than of most."""
        body = self.body
        return (
            self.rows == 1
            and self.form is OPEN_INFERENCE
            and not (body.id or body.outputs or body.parameters)
        )

    def read(self, plan: Plan, fresh: Callable[[], str]) -> None:
        """Read the request; DataError where it is wrong, Refusal where its time is over."""
        raw, plain = self.request.body, self.form is OPEN_INFERENCE
        if plain and (skeleton := plan.skeleton) and (filled := skeleton.filled(raw)):
            self.layout, self.filled, self.body, self.rows = skeleton, filled, skeleton.body, 1
            self._demand_in_time(plan)
            self.name = name = fresh()
            self.ids = [f"{name}/0"]
            return
        self.body = body = self.form.read(raw)
        self._demand_in_time(plan)
        self._lay_out(plan, learns=plain and plan.entity is None)
        if self.rows > plan.limits.rows:
            raise DataError(f"The request has {self.rows} rows; send 1 to {plan.limits.rows}.")
        if body.outputs:
            wanted_outputs(self.serving, body)
        version = None if self.pinned is None else self.serving.arms[self.pinned].arm.version
        self.name = name = request_name(body, self.entities, fresh, self.entry.key, version)
        self.ids = [f"{name}/{row}" for row in range(self.rows)]

    def _demand_in_time(self, plan: Plan) -> None:
        limits, request, parameters = plan.limits, self.request, self.body.parameters
        if limits.deadline_ms is not None or parameters or _DEADLINE in request.headers:
            refuse_late(deadline(limits, request, parameters), perf_counter())

    def _lay_out(self, plan: Plan, *, learns: bool) -> None:
        """Find where the columns stand, and whom the rows are about."""
        body = self.body
        found = plan.laid_out(body)
        if found is None:
            exact = checked(body, plan.entity)
            self.rows, self.entities = exact.rows, exact.entities
            return
        layout, self.data, self.rows = found
        self.layout = layout
        demand_short_id(body.id)
        if learns and self.rows == 1 and plan.may_learn():
            plan.skeleton = Skeleton.of(self.request.body, layout, body)
        if plan.entity is not None or body.parameters:
            self.entities = entities_of(body, self.rows, plan.entity)

    def whole(self) -> None:
        """Have the request read as a whole when it is answered, so that its faults are named."""
        if self.filled is not None:
            self.body, self.filled = self.form.read(self.request.body), None
        self.layout = None
