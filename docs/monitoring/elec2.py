# %% [markdown]
# # Replay: electricity prices, and a baseline that is hard to beat
#
# Elec2 (Harries 1999) is the best known table for drift: each half-hour of two and a half years in
# New South Wales, will the price lie above the mean of the day before it? Whoever repeats the last
# answer is right in 85.3 % of all cases (Zliobaite 2013), so that a method that does not beat that
# shows nothing. This example asks whether a model is worth having at all.
#
# ## First, a leak
# The public table gives each half-hour's price beside its label. The label *is* that price, held
# against the 48 before it:

# %%
import os
import sys
from pathlib import Path

import polars as pl

import assay
from assay.lifecycle.replay import replay
from assay.report.replay_pictures import replay_paths, replay_windows

ROOT = Path(assay.__file__).parents[2]
DATA = Path(os.environ.get("ASSAY_DATA", ROOT.parent / "shared/data"))
elec = pl.read_parquet(DATA / "elec2_electricity/elec.parquet")
mean = elec["nswprice"].shift(1).rolling_mean(48)
above = (elec["nswprice"] > mean).cast(pl.Int64)
known = mean.is_not_null()
print(f"found by a rolling mean: {(above == elec['class']).filter(known).mean():.4%}")

# %% [markdown]
# Models that take the current price as an input have been given half of the answer. So
# `examples/elec2/prepare.py` makes a table in which everything comes from the half-hours before:
# the last call, the distance of the last prices from the mean, yesterday's and last week's price at
# this time, demand and its change. The label of a half-hour is known at the next.

# %%
sys.path.insert(0, str(ROOT / "examples/elec2"))
from prepare import prepared

half_hours = prepared(elec)
charter = assay.load_charter(ROOT / "examples/elec2")
repeated = (half_hours["last_call"] == half_hours["move"]).mean()
print(f"{half_hours.height:,} half-hours; repeating the last is right in {repeated:.1%}")

# %% [markdown]
# ## The money
# A unit of flexible load is run or held back: called right it saves 1 AUD, called wrong it costs 1
# (our figures). So calls that are right in a share `a` of all cases are worth `2 a - 1` each, and
# accuracy is money here. Running the model costs 10 AUD a month for each unit, each retraining 2.
#
# The first half of the half-hours is history, the second is decided in windows of four weeks. Trees
# alone, four settings: that takes about a minute.

# %%
found = replay(half_hours, charter, labels="all", families=["lightgbm"], trials=4)
print(f"{'':14}{'value':36}{'right in':>9}{'net':>11}  retrained")
totals = {name: book.value for name, book in found.policies.items()} | found.baseline_totals
for name, total in totals.items():
    right = (1 + total.mean / found.n) / 2
    book = found.policies.get(name)
    net, count = (book.net.mean, book.retrainings) if book else (total.mean, "")
    print(f"{name:14}{total!s:36}{right:9.1%}{net:7,.0f} AUD  {count:>9}")

# %%
for name, book in found.policies.items():
    print(f"{name} - repeat_last: {book.uplift}")
for name, difference in found.differences.items():
    print(f"{name}: {difference}")

# %% [markdown]
# Is the model worth having? It beats repeating the last label, by an interval that excludes zero:
# about one call in a hundred more is right. That is some 28 AUD a month and unit; it pays as long
# as running it costs less than that, and for a single unit it never earns back much. The
# break-even is what somebody who decides on it needs to know, and no accuracy says it.

# %%
months = found.n / charter.value.decisions_per_month
for name, book in found.policies.items():
    print(f"{name}: worth it below {book.uplift.scaled(1 / months, 'AUD per month and unit')}")

# %% [markdown]
# ## Is responding worth it?

# %%
assay.Picture(replay_windows(found))

# %%
for window, period in zip(found.windows, found.policies["triggered"].periods, strict=True):
    if period.response:
        print(f"{window['name']}: {period.reason}")

# %% [markdown]
# Hardly. `triggered` and `static` are level within their interval; the calendar's retraining, every
# four windows, is ahead of both by a little. A market that moves all the time teaches a model
# slowly, whatever the alarm says, and what paid in the newest four weeks need not pay in the next.

# %%
assay.Picture(replay_paths(found))
