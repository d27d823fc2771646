"""A number with its uncertainty; every estimated amount of money is one of these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """A mean with an interval, the number of cases behind it, and how it was made.

    `unit` says of what: `EUR per decision`, `EUR per month`, or empty for a pure number.

    >>> Estimate(1.5, 1.0, 2.0, n=100, method="bootstrap", unit="EUR per decision")
    1.5 EUR per decision [1, 2]
    >>> Estimate(1.5, 1.0, 2.0, n=100, method="bootstrap").scaled(10, "EUR per day")
    15 EUR per day [10, 20]
    """

    mean: float
    low: float
    high: float
    n: int
    method: str
    unit: str = ""
    confidence: float = 0.95

    def scaled(self, factor: float, unit: str) -> Estimate:
        """Return the estimate times a known factor, in its new unit."""
        low, high = sorted((self.low * factor, self.high * factor))
        return replace(self, mean=self.mean * factor, low=low, high=high, unit=unit)

    def shifted(self, by: float) -> Estimate:
        """Return the estimate plus a known amount of the same unit."""
        return replace(self, mean=self.mean + by, low=self.low + by, high=self.high + by)

    def document(self) -> dict[str, Any]:
        """Return the estimate as a JSON document; an infinite number is null, as JSON has none."""
        return {
            name: None if isinstance(value, float) and math.isinf(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Estimate:
        """Read an estimate back; null is minus infinity for `low`, infinity elsewhere.

        >>> estimate = Estimate(1.5, float("-inf"), 2.0, n=1, method="bootstrap")
        >>> Estimate.from_document(estimate.document()) == estimate
        True
        """
        ends = {"mean": math.inf, "low": -math.inf, "high": math.inf}
        given: dict[str, Any] = {
            name: ends[name] if value is None else value for name, value in document.items()
        }
        return cls(**given)

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{_short(self.mean)}{unit} [{_short(self.low)}, {_short(self.high)}]"


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
