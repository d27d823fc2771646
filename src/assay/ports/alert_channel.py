"""Where alerts are sent to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from assay.stats.estimate import Estimate

__all__ = ["AlertChannel", "Message", "What"]

What = Literal["raised", "escalated", "closed"]


@dataclass(frozen=True)
class Message:
    """One thing to say of one alert.

    `id` names the entry of the ledger that it follows from: however often a message is sent, its id
    stays, so that a receiver can drop doubles. `at` is when it happened, `raised_at` when
    the alert was raised and `escalated_at` when it was first said again.
    """

    id: str
    what: What
    model: str
    alert: str
    kind: str
    metric: str
    version: int | None
    window: str | None
    text: str
    reason: str
    value_per_day: Estimate | None
    at: datetime
    raised_at: datetime
    escalated_at: datetime | None = None

    @property
    def title(self) -> str:
        """One line: the model, what happened and what it is estimated to cost."""
        a_day = self.value_per_day
        cost = "cost not known" if a_day is None else f"estimated loss {a_day!r}"
        return f"{self.model}: {self.kind} alert {self.what} ({cost})"

    def document(self) -> dict[str, Any]:
        """Return the message as a JSON document."""
        a_day = self.value_per_day
        return {
            "id": self.id,
            "what": self.what,
            "model": self.model,
            "alert": self.alert,
            "kind": self.kind,
            "metric": self.metric,
            "version": self.version,
            "window": self.window,
            "title": self.title,
            "text": self.text,
            "reason": self.reason,
            "value_per_day": None if a_day is None else a_day.document(),
            "at": self.at.isoformat(),
            "raised_at": self.raised_at.isoformat(),
            "escalated_at": self.escalated_at.isoformat() if self.escalated_at else None,
        }


class AlertChannel(Protocol):
    """One receiver of alerts."""

    @property
    def forgets(self) -> bool:
        """Whether the receiver forgets what is not said again: open alerts then are, each time."""
        ...

    def send(self, message: Message) -> None:
        """Return once the receiver has acknowledged the message, and not before.

        Raises ReceiverDown where it is worth trying again (no answer, overload, a fault of its
        own), and ReceiverRefuses where it is not. The same message may come more than once.
        """
        ...
