"""A small shop: who buys when sent a leaflet, and how much is sold in an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.charter.charter import Charter

MakeCharter = Callable[..., Charter]


def shop_frame(n: int = 900, seed: int = 0) -> pl.DataFrame:
    """Return rows in order of time with gaps, odd names, an entity and both outcomes."""
    random = np.random.default_rng(seed)
    visits = random.poisson(3, n).astype(float)
    spent = np.round(random.gamma(2, 30, n), 2)
    spent[random.random(n) < 0.1] = np.nan
    region = random.choice(np.array(["north", "south", "", "far east"], dtype=object), n)
    odds = -2.2 + 0.5 * visits + np.where(region == "south", 1.0, 0.0) - np.nan_to_num(spent) / 60
    buys = random.random(n) < 1 / (1 + np.exp(-odds))
    sold = np.maximum(0, 20 + 6 * visits + np.where(region == "south", 15, 0))
    start = date(2024, 1, 1)
    return pl.DataFrame(
        {
            "day": [start + timedelta(days=i // 3) for i in range(n)],
            "customer": [f"c{i}" for i in random.integers(0, n // 2, n)],
            "age": random.integers(18, 80, n),
            "n.visits": visits,
            "spent so far": spent,
            "region": [None if value == "" else value for value in region],
            "opened": random.random(n) < 0.5,
            "margin": random.uniform(5, 15, n),
            "called_back": buys.astype(float),
            "buys": np.where(buys, "yes", "no"),
            "sold": sold + random.normal(0, 3, n),
        }
    ).with_columns(pl.col("spent so far").fill_nan(None))


CLASSIFICATION: dict[str, Any] = {
    "currency": "EUR",
    "actions": {"send": {"yes": 9, "no": -2}, "rest": 0},
    "baselines": {"nobody": "rest", "everybody": "send"},
    "baseline": "nobody",
    "decisions_per_month": 1000,
}
REGRESSION: dict[str, Any] = {
    "currency": "EUR",
    "under": 3,
    "over": 1,
    "baselines": {"constant": "best_constant"},
    "baseline": "constant",
    "decisions_per_month": 700,
}


@pytest.fixture(scope="session")
def charter() -> MakeCharter:
    """Make the shop's charter: `data`, `value`, `build` override, other keywords replace."""

    def make(
        task: str = "classification",
        *,
        data: dict[str, Any] | None = None,
        value: dict[str, Any] | None = None,
        build: dict[str, Any] | None = None,
        **sections: Any,
    ) -> Charter:
        classifies = task == "classification"
        outcome = {"outcome": "buys", "positive": "yes"} if classifies else {"outcome": "sold"}
        later = ["sold" if classifies else "buys", "called_back"]
        return Charter.model_validate(
            {
                "name": "shop",
                "title": "Whom to send a leaflet",
                "problem": {"business": "b", "analytical": "a", "hypothesis": "h"},
                "strategy": {"objective": "o", "kpi": "k"},
                "people": {"product_manager": "Ana", "risk_officer": "Rui"},
                "data": {
                    "source": "shop.parquet",
                    **outcome,
                    "ignore": ["day", "customer"],
                    "known_after": later,
                    "sensitive": ["age", "region"],
                    **(data or {}),
                },
                "value": {**(CLASSIFICATION if classifies else REGRESSION), **(value or {})},
                "risk": {"tier": "medium", "register": []},
                "build": {
                    "families": ["linear", "lightgbm"],
                    "trials": 2,
                    "folds": 3,
                    **(build or {}),
                },
                **sections,
            }
        )

    return make


@pytest.fixture(scope="session")
def shop() -> pl.DataFrame:
    """The shop's table."""
    return shop_frame()
