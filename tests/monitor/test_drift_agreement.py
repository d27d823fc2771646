"""Distances as drift reports them, from profiles, beside scipy's from the rows themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from assay.monitor.drift import Drift, drift
from assay.stats.profile import profile
from assay.stats.reference import make_reference, read_reference

Columns = dict[str, np.ndarray]


def _simulated(n: int, seed: int, shift: float = 0.0) -> Columns:
    generator = np.random.default_rng(seed)
    zipf = 1 / np.arange(1, 301)
    names = np.array([f"v{at}" for at in range(300)], dtype=object)
    return {
        "normal": generator.normal(shift, 1, n),
        "tiny": generator.normal(shift, 1, n) * 1e-6,
        "lognormal": generator.lognormal(shift, 1, n),
        "pareto": generator.pareto(2.2, n) + shift,
        "counts": generator.poisson(3 + shift, n).astype(float),
        "wide": generator.choice(names, n, p=zipf / zipf.sum()),
        "narrow": generator.choice(names[:3], n, p=[0.5 - shift, 0.3, 0.2 + shift]),
    }


def _agrees(seen: Drift, before: Columns, now: Columns) -> int:
    """Compare every feature and return how many distances were compared."""
    compared = 0
    for name, one in seen.features.items():
        known = one.statistics
        if one.kind == "number":
            a, b = (column[np.isfinite(column)] for column in (before[name], now[name]))
            exact = stats.ks_2samp(a, b, method="asymp").statistic
            assert abs(known["kolmogorov_smirnov"] - exact) <= 0.002, name
            far = stats.wasserstein_distance(a, b) / (a.std() or 1.0)
            assert abs(known["wasserstein"] - far) <= 0.01, name
            compared += 2
            continue
        a, b = (column[column != ""].astype(str) for column in (before[name], now[name]))
        values = sorted({*a, *b})
        table = np.array([[np.sum(part == value) for value in values] for part in (a, b)])
        js = jensenshannon(table[0] / len(a), table[1] / len(b), base=2)
        chi = stats.chi2_contingency(table, correction=False).statistic
        assert known["jensen_shannon"] == pytest.approx(js, rel=1e-12, abs=1e-12), name
        assert known["chi_squared"] == pytest.approx(chi, rel=1e-12, abs=1e-12), name
        compared += 2
    return compared


@pytest.mark.parametrize("shift", [0.0, 0.15])
@pytest.mark.parametrize("n", [1000, 20_000])
def test_simulated_windows_agree_with_scipy(n: int, shift: float) -> None:
    before, now = _simulated(40_000, 1), _simulated(n, 2, shift)
    known = read_reference(make_reference(before))
    assert _agrees(drift(known, profile(now, known.grid)), before, now) == 14


def test_windows_of_the_bank_campaign_agree_with_scipy(shared_data: Path) -> None:
    frame = pl.read_parquet(shared_data / "bank_marketing" / "bank-additional-full.parquet")
    frame = frame.drop("y")
    columns = {
        name: frame[name].cast(pl.Float64).to_numpy()
        if frame[name].dtype.is_numeric()
        else frame[name].to_numpy().astype(object)
        for name in frame.columns
    }
    before = {name: column[:15_000] for name, column in columns.items()}
    known = read_reference(make_reference(before))
    for start in (15_000, 24_000, 36_000):
        now = {name: column[start : start + 1000] for name, column in columns.items()}
        # A value that is not in the reference is counted with all others that are not.
        fresh = {
            name for name in now if now[name].dtype == object and {*now[name]} - {*before[name]}
        }
        kept = {name: column for name, column in now.items() if name not in fresh}
        seen = drift(known, profile(now, known.grid))
        told = replace(seen, features={name: seen.features[name] for name in kept})
        assert _agrees(told, before, now) >= 30


def test_distances_net_of_chance_are_near_nothing_where_nothing_changed() -> None:
    known = read_reference(make_reference(_simulated(40_000, 3)))
    seen = drift(known, profile(_simulated(1000, 4), known.grid))
    for one in seen.features.values():
        for name in ("jensen_shannon", "population_stability", "chi_squared"):
            assert one.statistics[f"net_{name}"] < max(0.8 * one.statistics[name], 1e-9)
    assert max(one.distance for one in seen.features.values()) < 0.08
