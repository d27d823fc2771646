"""Outcomes that come late, twice, out of order, for nobody, or corrected: joined to windows."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from assay.ports.served_windows import ServedWindows

__all__ = ["Deliveries", "count_deliveries", "newest_of_each", "told_windows", "with_outcomes"]


@dataclass(frozen=True)
class Deliveries:
    """Rows of outcomes that said nothing new, and delivered ids that no prediction has."""

    strangers: int
    repeats: int


def newest_of_each(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return (id, outcome) with each id once: of the highest revision, of equal ones the last row.

    >>> told = pl.DataFrame({"id": ["a", "a", "b"], "outcome": ["no", "yes", "no"],
    ...                      "revision": [2, 1, 1]})
    >>> newest_of_each(told).rows()
    [('a', 'no'), ('b', 'no')]
    """
    in_order = outcomes.sort("revision", maintain_order=True)
    return (
        in_order.unique("id", keep="last", maintain_order=True).select("id", "outcome").sort("id")
    )


def told_windows(new: pl.DataFrame, kept: ServedWindows) -> frozenset[int]:
    """Return the windows that newly delivered outcomes tell of."""
    return (
        frozenset(kept.locate(new["id"].unique())["window"].to_list())
        if new.height
        else frozenset()
    )


def with_outcomes(rows: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """Return a window's rows, in their order, with their `outcome`: null where none has come."""
    if not newest.height:
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias("outcome"))
    return rows.join(newest, on="id", how="left", maintain_order="left")


def count_deliveries(
    outcomes: pl.DataFrame, newest: pl.DataFrame, kept: ServedWindows
) -> Deliveries:
    """Count what was delivered again, and for whom nothing was served (yet)."""
    found = kept.locate(newest["id"]).height if newest.height else 0
    return Deliveries(newest.height - found, outcomes.height - newest.height)
