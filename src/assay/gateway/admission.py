"""What a gateway takes on: sizes, callers' rates, deadlines, and 429 before a queue grows."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from assay.charter.serving import Limits
from assay.gateway.http_message import Request
from assay.gateway.refusal import Refusal

__all__ = ["Admission", "Rate", "deadline", "refuse_late"]

_MOST_CALLERS = 10_000
_ENOUGH = 16
_WINDOW = 1.0


class Rate:
    """A token bucket for each caller: `per_second` requests, and as many at once (at least one).

    What is kept of a caller is one number, the time at which its bucket is full again (GCRA: ITU-T
    I.371). The callers that came longest ago are forgotten beyond 10,000.

    >>> rate = Rate(2.0)
    >>> [rate.wait("ana", now=0.0) for _ in range(3)]
    [0.0, 0.0, 0.5]
    >>> rate.wait("rui", now=0.0), rate.wait("ana", now=0.5)
    (0.0, 0.0)
    """

    def __init__(self, per_second: float) -> None:
        self._each = 1.0 / per_second
        self._burst = max(per_second, 1.0) * self._each - self._each
        self._full: OrderedDict[str, float] = OrderedDict()

    def wait(self, caller: str, now: float) -> float:
        """Take one token, or return how many seconds it is until there is one."""
        full = max(self._full.get(caller, now), now)
        missing = full - now - self._burst
        if missing > 1e-9:
            return missing
        self._full[caller] = full + self._each
        self._full.move_to_end(caller)
        if len(self._full) > _MOST_CALLERS:
            self._full.popitem(last=False)
        return 0.0


class Admission:
    """One model's limits, and how many of its requests wait for their answers.

    >>> admission = Admission(Limits(waiting=1))
    >>> request = Request("POST", "/v2/models/bank/infer", "", {}, b"{}")
    >>> admission.admit(request, "ana", now=0.0)
    >>> admission.admit(request, "ana", now=0.0)
    Traceback (most recent call last):
    assay.gateway.refusal.Refusal: 1 request waits already, and this model takes no more...
    >>> admission.done(now=0.1)
    >>> admission.waiting
    0
    """

    __slots__ = ("_body", "_busy_since", "_done", "_pace", "_rate", "limits", "waiting")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting = 0
        self._body = int(limits.body_mib * 2**20)
        self._rate = None if limits.per_second is None else Rate(limits.per_second)
        self._busy_since = 0.0
        self._done = 0
        self._pace = 0.0

    def follow(self, limits: Limits) -> None:
        """Take other limits; what waits goes on waiting."""
        if limits == self.limits:
            return
        if limits.per_second != self.limits.per_second:
            self._rate = None if limits.per_second is None else Rate(limits.per_second)
        self.limits = limits
        self._body = int(limits.body_mib * 2**20)

    def admit(self, request: Request, caller: str, now: float) -> None:
        """Count a request as waiting, or raise Refusal (413, 429) where it is too much."""
        if len(request.body) > self._body:
            raise Refusal(413, f"The body is larger than {self.limits.body_mib:g} MiB.")
        waiting = self.waiting
        if waiting >= self.limits.waiting:
            raise _later(self.estimate(), _full(waiting))
        if self._rate is not None:
            wait = self._rate.wait(caller, now)
            if wait:
                raise _later(
                    wait, f"You send more than {self.limits.per_second:g} requests a second."
                )
        if waiting:
            self._refuse_hopeless(request, now)
        else:
            self._busy_since, self._done = now, 0
        self.waiting = waiting + 1

    def done(self, now: float, requests: int = 1) -> None:
        """Count requests as answered, whatever their answers."""
        self.waiting -= requests
        self._done += requests
        if self._done >= _ENOUGH:
            self._pace = (now - self._busy_since) / self._done
            if now - self._busy_since > _WINDOW:
                self._busy_since, self._done = now, 0

    def estimate(self) -> float:
        """Return after how many seconds a request that came now would be answered, as it goes."""
        return self.waiting * self._pace

    def _refuse_hopeless(self, request: Request, now: float) -> None:
        if self.limits.deadline_ms is None and b"x-deadline-ms" not in request.headers:
            return
        if now + self.estimate() <= deadline(self.limits, request):
            return
        raise _later(
            self.estimate(), f"{self.waiting} requests wait: this one would miss its deadline."
        )


def deadline(
    limits: Limits, request: Request, parameters: Mapping[str, Any] | None = None
) -> float:
    """Return when an answer must have begun, on the clock of `Request.received`; inf where never.

    The least of the charter's `deadline_ms`, the header `x-deadline-ms` and the request parameter
    `deadline_ms`. Raises Refusal (400) where one of the caller's is no positive number.

    >>> deadline(Limits(deadline_ms=50), Request("POST", "/", "", {b"x-deadline-ms": b"20"}, b""))
    0.02
    """
    least = limits.deadline_ms
    for given in (
        request.headers.get(b"x-deadline-ms"),
        None if parameters is None else parameters.get("deadline_ms"),
    ):
        if given is not None:
            asked = _milliseconds(given)
            least = asked if least is None else min(least, asked)
    return math.inf if least is None else request.received + least / 1000


def refuse_late(due: float, now: float) -> None:
    """Raise Refusal (504) where the time for an answer is over: nobody waits for it any more."""
    if now > due:
        raise Refusal(504, "The deadline was over before the request's turn came; ask again.")


def _milliseconds(given: Any) -> float:
    try:
        asked = float(given)
    except (TypeError, ValueError):
        asked = math.nan
    if isinstance(given, bool) or not 0 < asked < math.inf:
        raise Refusal(400, "A deadline is a positive number of milliseconds, such as 50.")
    return asked


def _full(waiting: int) -> str:
    wait = "request waits" if waiting == 1 else "requests wait"
    return f"{waiting} {wait} already, and this model takes no more."


def _later(seconds: float, why: str) -> Refusal:
    after = max(1, math.ceil(seconds))
    return Refusal(
        429,
        f"{why} Ask again after {after} s, or send several rows in one request.",
        ((b"retry-after", str(after).encode()),),
    )
