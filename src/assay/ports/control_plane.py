"""The control plane as a gateway elsewhere sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assay.ports.outcome_inbox import Happened

__all__ = ["ControlPlane", "OutcomesRefused"]


@dataclass(frozen=True)
class OutcomesRefused:
    """Why outcomes are not taken together, however often they are sent.

    `faults` says of some of them, by place, why they are what keeps the others from being taken;
    it is empty where the server does not know.
    """

    why: str
    faults: Mapping[int, str] = field(default_factory=dict)


class ControlPlane(Protocol):
    """Tells what is to be served, hands out bundles, and takes in what was served.

    Everything raises ServiceError where the server does not answer, or not as it should.
    """

    def watch(self, told: Mapping[str, str]) -> bytes:
        """Tell who asks and what it serves, and wait for news; a fleet's state as JSON."""
        ...

    def blob(self, digest: str) -> bytes:
        """Return bytes by their digest, which is for the caller to check."""
        ...

    def take_captures(self, model: str, environment: str, name: str, raw: bytes) -> str:
        """Hand in a closed capture file; "", or why it is not taken however often it is sent."""
        ...

    def take_outcomes(
        self, model: str, outcomes: Sequence[tuple[str, Happened]]
    ) -> OutcomesRefused | None:
        """Hand in what really happened, all or none; None where it is taken."""
        ...
