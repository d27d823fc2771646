"""Two seeded frames to watch a model by: thirty quiet days, and thirty of which ten have moved.

Twenty numbers (plain, skewed, heavy-tailed, whole, tiny in scale, with gaps), ten categories of 2
to 1000 values, an amount, a score, a decision, an outcome and a moment. From day 20 of the
analysis on, nine columns move; from day 25 on, the same score means less (concept drift).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

DAYS = 30
DRIFT, CONCEPT = 20, 25
CARDINALITY = (2, 3, 5, 8, 12, 20, 50, 100, 300, 1000)
GROUP = 122_880
"""Rows in a row group of the files."""

START = {"reference": "2026-01-01", "analysis": "2026-01-31"}

Floats = NDArray[np.float64]


def write(folder: Path, frame: str, rows: int, seed: int = 0) -> Path:
    """Write one frame as Parquet, row group by row group, unless it is there already."""
    path = folder / f"{frame}-{rows}-{seed}.parquet"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part")
    writer = None
    for start in range(0, rows, GROUP):
        table = pa.table(columns(frame, start, min(start + GROUP, rows), rows, seed))
        writer = writer or pq.ParquetWriter(unfinished, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return unfinished.rename(path)


def columns(frame: str, start: int, stop: int, rows: int, seed: int = 0) -> dict[str, object]:
    """Return rows `start` to `stop` of a frame that has `rows` in all, in order of time."""
    n = stop - start
    rng = np.random.default_rng([seed, frame == "analysis", start])
    day = np.arange(start, stop) * DAYS // rows
    late = (day >= DRIFT) & (frame == "analysis")
    numbers = _numbers(rng, n, late)
    found: dict[str, object] = {
        name: pa.array(values, from_pandas=True) for name, values in numbers.items()
    }
    for place, size in enumerate(CARDINALITY):
        found[f"c{place:02d}"] = pa.DictionaryArray.from_arrays(
            _categories(rng, n, size, late & (place in {1, 4, 8})),
            [f"value {code}" for code in range(size)],
        ).cast(pa.string())
    signal = 0.9 * numbers["n00"] - 0.6 * numbers["n01"] + 0.3 * rng.normal(size=n) - 1.5
    score = 1 / (1 + np.exp(-1.3 * signal))
    weaker = np.where((day >= CONCEPT) & (frame == "analysis"), 0.7, 0.0)
    found["amount"] = rng.lognormal(5, 0.8, n)
    found["score"] = score
    found["decision"] = (score > 0.3).astype(np.int64)
    found["outcome"] = (rng.random(n) < 1 / (1 + np.exp(weaker - signal))).astype(np.int64)
    step = DAYS * 86_400_000_000 / rows
    moments = np.datetime64(START[frame], "us") + (np.arange(start, stop) * step).astype(np.int64)
    found["ts"] = moments
    return found


def _numbers(rng: np.random.Generator, n: int, late: NDArray[np.bool_]) -> dict[str, Floats]:
    found = {f"n{place:02d}": rng.normal(size=n) for place in range(20)}
    found["n03"][rng.random(n) < np.where(late, 0.06, 0.02)] = np.nan
    found["n04"] += np.where(late, 0.2, 0.0)
    found["n05"] *= np.where(late, 1.3, 1.0)
    found["n06"] = np.exp(found["n06"])
    found["n07"] = rng.pareto(1.5, n) * np.where(late, 1.2, 1.0)
    found["n08"] = rng.poisson(3, n).astype(np.float64)
    found["n09"] = rng.integers(18, 90, n).astype(np.float64)
    found["n10"] = rng.gamma(2.0, np.where(late, 1.1, 1.0))
    found["n11"] = rng.random(n)
    found["n12"] = rng.standard_t(3, n)
    found["n13"] = np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n))
    found["n15"] *= np.where(late, 1.5e-6, 1e-6)
    found["n16"] = np.round(found["n16"] * 100 + 1000, 1)
    return found


def _categories(
    rng: np.random.Generator, n: int, size: int, tilted: NDArray[np.bool_]
) -> NDArray[np.int32]:
    # A squared uniform number favours low codes; a tilt makes it favour them less.
    uniform = rng.random(n)
    share = np.where(tilted, uniform**1.6, uniform**2)
    return np.minimum((share * size).astype(np.int32), size - 1)
