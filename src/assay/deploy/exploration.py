"""A small share of random actions, so that what the policy hides can be learned."""

from __future__ import annotations

from dataclasses import dataclass

from assay.deploy.router import share_of

__all__ = ["Explored", "explore"]

_WHOLE = 2**64


@dataclass(frozen=True)
class Explored:
    """The action taken (its code), whether chance chose it, and how probable it was."""

    action: int
    explored: bool
    propensity: float


def explore(policy_action: int, actions: int, share: float, salt: str, key: str) -> Explored:
    """Take the policy's action, or with probability `share` one of all actions at random.

    The draw depends on the salt and the prediction's id alone, so that a repeated request gets
    the same answer. The propensity is that of the action taken, whichever way it was chosen:
    share / actions, plus 1 - share for the policy's own (Horvitz and Thompson 1952).

    >>> explore(1, actions=2, share=0.0, salt="s", key="a/0")
    Explored(action=1, explored=False, propensity=1.0)
    >>> round(explore(1, actions=2, share=0.1, salt="s", key="a/0").propensity, 6)
    0.95
    """
    explored = share_of(f"{salt}/explore", key) < int(share * _WHOLE)
    action = share_of(f"{salt}/action", key) * actions // _WHOLE if explored else policy_action
    own = 1.0 - share if action == policy_action else 0.0
    return Explored(action, explored, share / actions + own)
