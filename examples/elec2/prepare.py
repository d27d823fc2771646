"""Make the half-hours of the electricity example: what is known before each, and how it came.

    python examples/elec2/prepare.py PATH/TO/elec.parquet

writes `half_hours.parquet` beside this file. The public table says for each half-hour whether its
price lies above the mean of the 48 prices before it, and holds that price itself: whoever gives it
to a model gives the answer (a rolling mean finds all of the 45,312 labels). So prices, demands and
transfer are taken from the past here, where everything up to the half-hour before is known.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

__all__ = ["prepared"]

DAY, WEEK = 48, 336


def prepared(elec: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each half-hour: inputs from the past, `move` (up or down) to forecast.

    `last_call` repeats the half-hour before; prices stand as distances from the mean that this
    half-hour's price is compared with. The first week, which has no past, is left out.
    """
    price, demand = pl.col("nswprice"), pl.col("nswdemand")
    mean = price.shift(1).rolling_mean(DAY)
    row = pl.int_range(pl.len())
    move = pl.when(pl.col("class") == 1).then(pl.lit("up")).otherwise(pl.lit("down"))
    return (
        elec.with_columns(move=move)
        .select(
            half_hour=row % DAY,
            weekday=row // DAY % 7,
            last_call=pl.col("move").shift(1),
            price_before=price.shift(1) - mean,
            price_two_before=price.shift(2) - mean,
            price_yesterday=price.shift(DAY) - mean,
            price_next_yesterday=price.shift(DAY - 1) - mean,
            price_last_week=price.shift(WEEK) - mean,
            above_yesterday=(pl.col("class").shift(DAY)),
            spread=price.shift(1).rolling_std(DAY),
            demand_before=demand.shift(1),
            demand_change=demand.shift(1) - demand.shift(2),
            demand_change_yesterday=demand.shift(DAY) - demand.shift(DAY + 1),
            demand_against_yesterday=demand.shift(1) - demand.shift(DAY + 1),
            victoria_price=pl.col("vicprice").shift(1),
            victoria_demand=pl.col("vicdemand").shift(1),
            transfer=pl.col("transfer").shift(1),
            move=pl.col("move"),
        )
        .slice(WEEK)
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Give the path of elec.parquet: python examples/elec2/prepare.py elec.parquet")
    made = prepared(pl.read_parquet(sys.argv[1]))
    path = Path(__file__).parent / "half_hours.parquet"
    made.write_parquet(path)
    sys.stdout.write(f"wrote {made.height:,} half-hours to {path}\n")
