"""Messages that come over a broker, and what goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Answer", "Arrived", "Sent", "Stream"]


@dataclass(frozen=True)
class Arrived:
    """A message; `id` is the same whenever it is delivered, and no other message has it."""

    id: str
    body: bytes


@dataclass(frozen=True)
class Sent:
    """What is published about a message: an answer, or where `dead` why there is none."""

    id: str
    body: bytes
    dead: bool = False


Answer = Callable[[Arrived], Awaitable[Sent]]
"""Answers a message when its captures are on disk; ServiceError where it is to come again."""


class Stream(Protocol):
    """Takes messages in one after the other, many at a time, and publishes what is sent."""

    async def start(self, answer: Answer) -> None:
        """Begin to take messages in; ServiceError where the broker does not answer.

        A message is acknowledged once what is sent about it was taken by the broker. Until then it
        comes again, to this consumer or to another one.
        """
        ...

    async def stop(self) -> None:
        """Take nothing in any more, and finish what was begun."""
        ...
