# %% [markdown]
# # Replay: bikes for each hour of 2012
#
# Amounts are decided here, not actions: how many bikes to set out each hour, where one too few
# costs 3 USD and one too many 1 (`examples/bike`; Fanaee-T and Gama 2013). The model learns from
# 2011 and meets 2012, when rentals grew by 63 %. What is it worth to notice?

# %%
import os
from pathlib import Path

import numpy as np
import polars as pl

import assay
from assay.lifecycle.replay import replay
from assay.report.replay_pictures import replay_paths, replay_windows

ROOT = Path(assay.__file__).parents[2]
DATA = Path(os.environ.get("ASSAY_DATA", ROOT.parent / "shared/data"))
hours = pl.read_parquet(DATA / "bike_sharing/hour.parquet")
charter = assay.load_charter(ROOT / "examples/bike")
history = int((hours["yr"] == 0).sum())

# %% [markdown]
# Windows of 30 days, outcomes a day late. The calendar's policy trains anew in each window; the
# search is held to four settings of one family, which takes some ten seconds in all.

# %%
search = {"families": ["lightgbm"], "trials": 4}
found = replay(hours, charter, first=history, every=1, **search)
print(f"{'':18}{'value':46}{'net of costs':>14}  retrained")
for name, book in found.policies.items():
    print(f"{name:18}{book.value!s:46}{book.net.mean:10,.0f} USD  {book.retrainings:9}")
for name, total in found.baseline_totals.items():
    print(f"{name:18}{total!s:46}{total.mean:10,.0f} USD")

# %%
for name, book in found.policies.items():
    print(f"{name} - by_temperature: {book.uplift.scaled(1 / found.n, 'USD per hour')}")
for name, difference in found.differences.items():
    print(f"{name}: {difference}")

# %% [markdown]
# `static` still beats the dispatcher's rule, and loses a million against whoever notices.
# `triggered` beats retraining at every window without a single retraining:

# %%
for window, period in zip(found.windows, found.policies["triggered"].periods, strict=True):
    if period.response:
        print(f"{window['name']}: {period.reason}")

# %% [markdown]
# It bends the forecasts to the newest outcomes, upwards in spring; when autumn comes it finds that
# what stood before does better again. A retraining learns the growth only as far as 2012 has been
# seen, and takes the year before just as seriously; a map of two numbers follows a level faster.

# %%
assay.Picture(replay_windows(found))

# %%
assay.Picture(replay_paths(found))

# %% [markdown]
# ## What a shorter memory does
# The charter can let old rows fade from a retraining: here, each 60 days, half of what is older
# goes. Does the calendar catch up?

# %%
document = charter.model_dump(mode="json", by_alias=True)
document["response"]["half_life_rows"] = 60 * 24
fading = assay.Charter.model_validate(document)
faded = replay(hours, fading, first=history, every=1, **search)
for name in ("scheduled", "triggered"):
    book = faded.policies[name]
    change = book.value.mean - found.policies[name].value.mean
    print(f"{name}, old rows fading: {book.value} ({change:+,.0f} USD)")
    print(f"  retrained {book.retrainings} times in {book.responses} responses")
print("triggered - scheduled:", faded.differences["triggered - scheduled"])

# %% [markdown]
# It does. `triggered` now takes one retraining, which looks best on the newest 30 days, and is
# worse off for it: what is taken for being highest flatters itself. Both ways are level, and
# neither reaches bending the first model, season by season.

# %% [markdown]
# ## How many bikes, on average
# Too few bikes cost three times as much as too many, so that the best amount lies above the mean
# demand.

# %%
starts = [window["start"] for window in found.windows] + [history + found.n]
demand = hours.sort("dteday", maintain_order=True)["cnt"].to_numpy()
print(f"{'window':24}{'rented':>8}" + "".join(f"{name:>12}" for name in found.policies))
for place, window in enumerate(found.windows):
    rented = np.mean(demand[starts[place] : starts[place + 1]])
    out = [book.periods[place].mean_decision for book in found.policies.values()]
    print(f"{window['name']:24}{rented:8.0f}" + "".join(f"{mean:12.0f}" for mean in out))
