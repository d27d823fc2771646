"""A person to whom cases can be referred, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.charter.policy import Refer
from assay.value.payoff import Floats

__all__ = ["Reviewer"]


@dataclass(frozen=True)
class Reviewer:
    """Costs `cost` for each case, and decides by a table of chances or with an `accuracy`.

    `shares` (K, A) is how often each action is taken given each outcome; where it is not given, the
    action that pays best on the outcome is taken with chance `accuracy`, else the worst of the
    others (design, section 4). A referred case is paid what that is worth on average, so that
    an interval of realised value does not hold the luck of the person's single errors.

    >>> payoffs = np.array([[[-1.0, 9.0], [0.0, 0.0]]])  # call, skip given no, yes
    >>> Reviewer(cost=0.5, accuracy=0.9).row(payoffs)  # no: .9 x 0 - .1 x 1; yes: .9 x 9 + .1 x 0
    array([[[-0.6,  7.6]]])
    """

    cost: float
    accuracy: float | None = None
    shares: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def of(cls, refer: Refer, labels: tuple[str, ...], actions: tuple[str, ...]) -> Reviewer:
        """Return the reviewer that a charter names; outcomes and actions in these orders."""
        if refer.confusion is None:
            return cls(refer.cost, refer.accuracy)
        table = refer.confusion
        shares = tuple(
            tuple(table[label].get(action, 0.0) for action in actions) for label in labels
        )
        return cls(refer.cost, None, shares)

    def row(self, payoffs: Floats) -> Floats:
        """Return the payoff of referring given each outcome, (m, 1, K) for payoffs (m, A, K)."""
        if self.shares is not None:
            decided = np.einsum("mak,ka->mk", payoffs, np.array(self.shares))
        else:
            ranked = np.sort(payoffs, axis=1)
            right = float(self.accuracy or 0.0)
            decided = right * ranked[:, -1] + (1 - right) * ranked[:, 0]
        row: Floats = (decided - self.cost)[:, None]
        return row

    def document(self) -> dict[str, Any]:
        """Return the reviewer as a JSON document."""
        shares = None if self.shares is None else [list(row) for row in self.shares]
        return {"cost": self.cost, "accuracy": self.accuracy, "shares": shares}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Reviewer:
        """Read a reviewer back."""
        shares = document["shares"]
        rows = None if shares is None else tuple(tuple(row) for row in shares)
        return cls(document["cost"], document["accuracy"], rows)
