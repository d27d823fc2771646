"""What was decided, as one more feature of a profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DECISION", "named_decisions"]

DECISION = "@decision"
"""The feature name under which decisions are profiled; no column starts with @."""


def named_decisions(decisions: NDArray[Any], actions: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return decisions by the name under which they are profiled: codes as the actions' names.

    Amounts (where there are no actions to choose from) stay numbers.

    >>> named_decisions(np.array([0, 1]), ("skip", "call"))["@decision"].tolist()
    ['skip', 'call']
    """
    if not actions or decisions.dtype.kind == "f":
        return {DECISION: np.asarray(decisions, dtype=np.float64)}
    return {DECISION: np.array(actions, dtype=object)[decisions.astype(np.int64)]}
