"""How a number is spread over units: a few values and their chances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.stats.two_arms import TwoArms

__all__ = ["Spread"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spread:
    """Values (k,) and their chances (k,), which add up to 1.

    >>> paid = Spread.around(1.0, 3.0, (-1.0, 9.0))
    >>> round(paid.mean, 6), round(paid.deviation, 6), float(paid.values.min())
    (1.0, 3.0, -1.0)
    """

    values: Floats
    chances: Floats

    @property
    def mean(self) -> float:
        """The mean."""
        return float(self.values @ self.chances)

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return float(np.sqrt((self.values - self.mean) ** 2 @ self.chances))

    @property
    def mirrored(self) -> Spread:
        """The spread with each value's sign turned."""
        return Spread(-self.values, self.chances)

    @classmethod
    def around(cls, mean: float, deviation: float, bounds: tuple[float, float]) -> Spread:
        """Return two values within bounds, of a given mean and deviation.

        They lie as far on either side of the mean where the bounds allow it; else one lies at its
        bound, and the other as far off as the deviation asks for. A deviation beyond what the
        bounds allow for the mean, the root of (mean - low)(high - mean) (Bhatia and Davis, A better
        bound on the variance, American Mathematical Monthly 107, 2000), is held to that: the mean
        stays what it is.

        >>> Spread.around(0.0, 7.0, (-1.0, 9.0)).values.tolist()
        [-1.0, 9.0]
        """
        low, high = bounds
        mean = min(max(mean, low), high)
        deviation = min(deviation, float(np.sqrt((mean - low) * (high - mean))))
        if deviation <= 0 or mean in bounds:
            return cls(np.array([mean]), np.array([1.0]))
        down, up = (mean - low) / deviation, (high - mean) / deviation
        above = 0.5
        if down < 1.0:
            above = down**2 / (1.0 + down**2)
        elif up < 1.0:
            above = 1.0 / (1.0 + up**2)
        odds = float(np.sqrt(above / (1.0 - above)))
        values = np.array([mean - deviation * odds, mean + deviation / odds])
        return cls(np.clip(values, low, high), np.array([1.0 - above, above]))

    def partly(self, share: float, value: float) -> Spread:
        """Return the spread where a share of the units, whatever they are, has a value instead.

        >>> Spread.around(1.0, 0.0, (-1.0, 9.0)).partly(0.25, -1.0).mean
        0.5
        """
        if share <= 0.0:
            return self
        if share >= 1.0:
            return Spread(np.array([value]), np.array([1.0]))
        values = np.append(self.values, value)
        return Spread(values, np.append(self.chances * (1.0 - share), share))

    @classmethod
    def split(cls, arms: TwoArms, challenger: Spread, other: Spread, share: float) -> Spread:
        """Return what units say about a difference that got one arm each, by `arms.split`.

        Raises ValueError where a value leaves the bounds of `arms`, or `share` is none of its.

        >>> one, other = (Spread.around(mean, 1.0, (8.0, 12.0)) for mean in (10.5, 10.0))
        >>> for centre in (0.0, 10.0):
        ...     said = Spread.split(TwoArms((8.0, 12.0), (0.5,), centre), one, other, 0.5)
        ...     print(round(said.mean, 6), round(said.deviation, 2))
        0.5 20.6
        0.5 2.06
        """
        on = np.repeat([True, False], [len(challenger.values), len(other.values)])
        said, _ = arms.split(np.concatenate([challenger.values, other.values]), on, share)
        return cls(
            said, np.concatenate([challenger.chances * share, other.chances * (1.0 - share)])
        )
