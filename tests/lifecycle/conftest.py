"""A small stream that turns half-way, and a trainer that learns by counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from assay.charter.charter import Charter
from assay.value.valuation import Valuation, valuation


def charter(**changes: dict[str, Any]) -> Charter:
    """A charter over the stream; each keyword updates the section of its name."""
    document: dict[str, Any] = {
        "name": "calls",
        "title": "Whom to call",
        "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
        "strategy": {"objective": "o", "kpi": "k"},
        "people": "solo",
        "data": {
            "source": "calls.csv",
            "outcome": "y",
            "positive": "yes",
            "order": "rows",
            "known_after": ["length"],
            "label_delay": "1 window",
            "revealed_by": ["call"],
        },
        "value": {
            "currency": "EUR",
            "actions": {"call": {"yes": 9, "no": -1}, "skip": 0},
            "baselines": {"nobody": "skip", "everybody": "call"},
            "baseline": "nobody",
            "decisions_per_month": 1000,
            "retraining_cost": 1,
        },
        "risk": {"tier": "low", "register": []},
        "monitoring": {"window": "100 rows"},
        "response": {"every": 3},
    }
    for section, change in changes.items():
        document[section] = {**document.get(section, {}), **change}
    return Charter.model_validate(document)


def stream(n: int = 2000, seed: int = 0) -> pl.DataFrame:
    """Calls where group a buys until half-way, and group b from then on."""
    rng = np.random.default_rng(seed)
    group = rng.choice(np.array(["a", "b"], dtype=object), n)
    favoured = np.where(np.arange(n) < n // 2, "a", "b")
    buys = rng.random(n) < np.where(group == favoured, 0.4, 0.02)
    return pl.DataFrame(
        {
            "group": group.astype(str),
            "age": rng.normal(40, 10, n).round(1) + np.where(np.arange(n) < n // 2, 0, 8),
            "length": np.where(buys, 300, 100),
            "y": np.where(buys, "yes", "no"),
        }
    )


@dataclass
class Counted:
    """P(positive) of a group is its share of positives, smoothed."""

    rates: dict[str, float]
    valuation: Valuation

    def forecast(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        assert "y" not in frame.columns
        assert "length" not in frame.columns
        p = np.array([self.rates.get(group, 0.1) for group in frame["group"].to_list()])
        return np.column_stack([1 - p, p])


class CountingTrainer:
    """Learns in no time; `lessons` counts how often it was asked."""

    def __init__(self, charter: Charter) -> None:
        self.valuation = valuation(charter.value, charter.data)
        self.lessons: list[int] = []

    def first(self, frame: pl.DataFrame) -> Counted:
        return self.again(frame)

    def again(self, frame: pl.DataFrame) -> Counted:
        assert "length" not in frame.columns
        self.lessons.append(frame.height)
        rates = {}
        for group in frame["group"].unique().to_list():
            part = frame.filter(pl.col("group") == group)["y"]
            rates[group] = (int((part == "yes").sum()) + 1) / (len(part) + 10)
        return Counted(rates, self.valuation)


@pytest.fixture
def turning() -> pl.DataFrame:
    return stream()
