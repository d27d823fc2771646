"""What turns input columns into scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "Engine", "Floats"]

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
"""Input columns by name, all of one length: float64 with NaN, or object arrays of str with ""."""


class Engine(Protocol):
    """A loaded model."""

    def score(self, columns: Columns) -> Floats:
        """Return raw scores before calibration, for each row.

        They are (n,), P(positive) or the point prediction; or (n, K), one for each of K > 2
        outcomes.
        """
        ...
