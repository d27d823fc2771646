"""A number with its uncertainty; every estimated amount of money is one of these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["Estimate"]

_WORDS = {"inf": math.inf, "-inf": -math.inf}
_NULL = {"mean": math.inf, "low": -math.inf, "high": math.inf}


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
        """Return the estimate times a known factor, in its new unit.

        Nothing of an amount is nothing, however little is known of the amount:

        >>> Estimate(1.5, float("-inf"), float("inf"), n=1, method="bootstrap").scaled(0, "EUR")
        0 EUR [0, 0]
        """
        low, high = sorted((_times(self.low, factor), _times(self.high, factor)))
        return replace(self, mean=_times(self.mean, factor), low=low, high=high, unit=unit)

    def shifted(self, by: float) -> Estimate:
        """Return the estimate plus a known amount of the same unit."""
        return replace(self, mean=self.mean + by, low=self.low + by, high=self.high + by)

    def document(self) -> dict[str, Any]:
        """Return the estimate as a JSON document; JSON has no infinity, so it is a word there.

        Infinite numbers are written `"inf"` and `"-inf"`. Raises ValueError where one is missing:
        what is not known is no estimate.

        >>> Estimate(1.5, float("-inf"), 2.0, n=1, method="bootstrap").document()["low"]
        '-inf'
        """
        return {name: _written(name, value) for name, value in asdict(self).items()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Estimate:
        """Read an estimate back.

        Documents written before infinities had a word have null for them: minus infinity for
        `low`, infinity elsewhere.

        >>> estimate = Estimate(1.5, float("-inf"), 2.0, n=1, method="bootstrap")
        >>> Estimate.from_document(estimate.document()) == estimate
        True
        """
        given = dict(document)
        for name, before in _NULL.items():
            value = given[name]
            given[name] = before if value is None else _WORDS.get(value, value)
        return cls(**given)

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{_short(self.mean)}{unit} [{_short(self.low)}, {_short(self.high)}]"


def _times(amount: float, factor: float) -> float:
    return amount * factor if amount and factor else 0.0


def _written(name: str, value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        raise ValueError(f"the estimate's {name} is not a number: leave out what is not known")
    return "inf" if value > 0 else "-inf"


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
