"""What turns input columns into scores."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["AsyncEngine", "Columns", "Engine", "Floats"]

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


@runtime_checkable
class AsyncEngine(Engine, Protocol):
    """A model that answers later, elsewhere: rows that come meanwhile had better wait together."""

    def score_async(self, columns: Columns) -> Future[Floats]:
        """Return what `score` returns, at once and to come; its callbacks run on another thread.

        It fails with DataError where the rows cannot be scored, with ServiceError where the
        model's process ended or does not answer.
        """
        ...

    def close(self) -> None:
        """Stop the model's process; rows in flight fail with ServiceError."""
        ...
