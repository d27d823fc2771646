"""What a decision means to the controller."""

from __future__ import annotations

from assay.deploy.release_step import Ruling
from assay.deploy.rollout import Decision, split_broken

__all__ = ["ruling_of"]


def ruling_of(decision: Decision) -> Ruling:
    """Return what a decision says of a running release.

    It is not sound where traffic was not split as agreed: time brings nothing forward then.
    """
    return Ruling(decision.verdict, decision.reason, sound=not split_broken(decision.state))
