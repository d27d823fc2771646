"""A simulated bank's telephone campaign: clients, their true chances, and a year that turns.

Everything here is made up, and everything that shows it says so. The truth is known, which real
data never grants: what each client would have done if called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["CALL_COST", "DEPOSIT_MARGIN", "Campaign", "Month", "with_outcomes"]

CALL_COST = 6.0
DEPOSIT_MARGIN = 60.0
_JOBS = np.array(["employed", "self-employed", "retired", "student", "unemployed"], dtype=object)


@dataclass(frozen=True)
class Month:
    """A month's clients and, for the simulation alone, who would open a deposit if called."""

    number: int
    clients: pl.DataFrame
    would_open: NDArray[np.bool_]


@dataclass(frozen=True)
class Campaign:
    """A reproducible campaign.

    Until month `turns` mobile clients and those with savings answer well. From then on a rival's
    app draws the mobile clients away, younger clients fill the list, and pensioners on landlines
    come looking for safety: the old model keeps calling the wrong people.

    >>> month = Campaign(seed=1).month(1, 1000)
    >>> month.clients.height, round(float(month.would_open.mean()), 3)
    (1000, 0.097)
    """

    seed: int = 2026
    turns: int = 5

    def month(self, number: int, size: int) -> Month:
        """Return the clients of one month; months up to 0 are history."""
        rng = np.random.default_rng((self.seed, number + 1000))
        late = number >= self.turns
        frame = _clients(rng, size, number, late=late)
        chance = 1 / (1 + np.exp(-_log_odds(frame, late=late)))
        return Month(number, frame, rng.random(size) < chance)

    def months(self, count: int, size: int) -> Iterator[Month]:
        """Yield the months 1 to `count`."""
        for number in range(1, count + 1):
            yield self.month(number, size)

    def history(self, size: int) -> pl.DataFrame:
        """Return last year's test calls, in order of time, with their outcomes in `deposit`."""
        parts = [self.month(number, size // 12) for number in range(-11, 1)]
        return pl.concat([with_outcomes(part.clients, part.would_open) for part in parts])


def with_outcomes(clients: pl.DataFrame, opened: NDArray[np.bool_]) -> pl.DataFrame:
    """Add the outcome column as people write it."""
    return clients.with_columns(pl.Series("deposit", np.where(opened, "yes", "no")))


def _clients(rng: np.random.Generator, size: int, number: int, *, late: bool) -> pl.DataFrame:
    age = np.clip(rng.normal(40 if late else 45, 14, size), 18, 92).round()
    mobile = rng.random(size) < np.where(age > 60, 0.35, 0.72 + 0.06 * late)
    job = np.where(
        age > 63, "retired", np.where(age < 24, "student", _JOBS[rng.choice([0, 0, 0, 1, 4], size)])
    )
    return pl.DataFrame(
        {
            "client": [f"c{number + 12:02d}-{place:05d}" for place in range(size)],
            "age": age,
            "job": job.astype(str),
            "savings": np.round(np.exp(rng.normal(7.6, 1.1, size)), 2),
            "phone": np.where(mobile, "mobile", "landline"),
            "earlier_deposits": rng.poisson(0.35, size).astype(np.int64),
            "house_loan": np.where(rng.random(size) < 0.45, "yes", "no"),
        }
    )


def _log_odds(frame: pl.DataFrame, *, late: bool) -> NDArray[np.float64]:
    mobile = (frame["phone"] == "mobile").to_numpy().astype(float)
    rich = np.log(frame["savings"].to_numpy()) - 7.6
    loan = (frame["house_loan"] == "yes").to_numpy().astype(float)
    known = frame["earlier_deposits"].to_numpy()
    old = (frame["age"].to_numpy() > 58).astype(float)
    common = 0.45 * rich + 0.7 * known - 0.5 * loan
    if late:
        return np.asarray(-2.2 - 1.9 * mobile + 1.8 * old + common)
    return np.asarray(-3.4 + 1.3 * mobile + 0.3 * old + common)
