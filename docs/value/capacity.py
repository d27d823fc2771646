# %% [markdown]
# # Not enough for everybody: places and budgets
#
# A plant can move its load out of a half-hour in which electricity gets dear. At midnight it
# decides for the 48 half-hours of the day, but its staff can move eight of them and no more. Which
# eight, what does the limit cost, and what would a ninth be worth?
#
# The half-hours are real: New South Wales, 1997 and 1998 (Harries 1999). The table says of each
# whether the price was above its mean of the last 24 hours (up) or not. The amounts are made up:
# moving out of a half-hour that goes up saves 60 AUD, out of one that goes down costs 40.

# %%
import os
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

import assay
from assay.report.figure import GOLD, GOOD, INK, axes, money_axis
from assay.stats.clusters import Clusters, clustered_mean

DATA = Path(os.environ.get("ASSAY_DATA", Path(assay.__file__).parents[3] / "shared/data"))
market = pl.read_parquet(DATA / "elec2_electricity/elec.parquet")
up = market["class"].to_numpy()
day, slot = np.divmod(np.arange(len(market)), 48)

value = """
currency: AUD
actions: {shift: {up: 60, down: -40}, stay: 0}
baselines: {never: stay}
decisions_per_month: 1461
"""

# %% [markdown]
# ## A forecast made at midnight
# The model knows the half-hour, the day of the week, and prices, demand and the outcome at the same
# half-hour one day, two days and a week ago. It learns from May 1997 to February 1998; the 284 days
# after that judge it.

# %%
known = ("class", "nswprice", "nswdemand", "vicprice", "vicdemand")
lagged = [pl.col(name).shift(48 * d).alias(f"{name}_{d}") for name in known for d in (1, 2, 7)]
features = np.column_stack([slot, day % 7, market.select(lagged).to_numpy().astype(float)])
learn, judged = (day >= 363) & (day < 660), day >= 660

settings = {"objective": "binary", "num_leaves": 15, "num_threads": 1, "seed": 0, "verbose": -1}
data = lightgbm.Dataset(features[learn], up[learn])
model = lightgbm.train(settings | {"learning_rate": 0.05}, data, num_boost_round=100)
scores = np.asarray(model.predict(features[judged]))
outcomes = np.where(up == 1, "up", "down")[judged]
days = day[judged]

free = assay.appraise(value, scores, outcomes, positive="up", entity=days)
found = free.assessment()
print("without a limit:", found.uplift_per_month)
print("promised less realised:", found.shortfall)
print(f"moved: {found.decisions['shift'] / 284:.1f} half-hours a day")

# %% [markdown]
# ## Eight a day
# Left alone, the model would have half of all half-hours moved (and it promises somewhat too
# little: the shortfall is below zero). `per: day` says what a window is. Here the best of all
# half-hours judged are taken, eight a day on average. In service a price does it, learned on
# earlier cases: a half-hour is moved where it promises more than the price, so that each can be
# decided alone. That keeps to eight a day as long as cases stay like those.


# %%
def places(k):
    policy = {"kind": "top_k", "action": "shift", "otherwise": "stay", "k": k, "per": "day"}
    return free.under(policy=policy)


eight = places(8)
found = eight.assessment()
print("eight a day on average:", found.uplift_per_month)
print("ceiling at eight a day:", eight.ceiling())
print("of that ceiling:", found.share_of_ceiling)

# %% [markdown]
# The ceiling knows all outcomes and has to keep to eight a day as well, so that it says what a
# better *model* could bring, not what a larger staff could.
#
# On average is not each day. Where the staff go home after the eighth, the limit has to hold on
# each day by itself, and `decide_within` keeps it. Some days would have had more than eight good
# ones, others have fewer:

# %%
average = eight.valuation.decide(eight.forecast, {})
strictly = eight.valuation.decide_within(eight.forecast, {}, days)


def a_month(decisions):
    paid = eight.valuation.realised(decisions, eight.outcomes, {})
    mean = clustered_mean(paid, Clusters.of(days, "day"), seed=0)
    return mean.scaled(1461, "AUD per month")


print("at most eight on each day:", a_month(strictly))

# %%
moved = {"eight on average": average == 0, "at most eight on each day": strictly == 0}
with axes("Half-hours moved on each day") as ax:
    for (name, chosen), color in zip(moved.items(), (GOLD, INK), strict=True):
        ax.plot(np.bincount(days - 660, chosen), color=color, linewidth=1.2, label=name)
    ax.set(xlabel="day", ylabel="half-hours moved", ylim=(0, None))
    ax.legend(loc="upper left")
assay.Picture(ax)

# %% [markdown]
# What lies between the two amounts is what the same staff on every day costs. From July to October
# (days 130 to 230) the average policy moves almost three times what it does before, since there is
# more to gain.
#
# ## What is one place more worth?
# The price is just that: what the best move that was turned away promised. It rests on forecasts
# alone and has no interval; the picture shows what places brought.

# %%
tuned = eight.valuation.tuned(eight.forecast, eight.outcomes, {})
print(f"a ninth place is worth {tuned.prices[0]:.1f} AUD a day")

# %%
counts = [1, 2, 4, 8, 12, 16, 20, 28]
limited = [places(k) for k in counts]
with axes("What places are worth", height=4) as ax:
    each = [one.assessment().uplift_per_month for one in limited]
    low, mean, high = np.transpose([[one.low, one.mean, one.high] for one in each])
    ax.fill_between(counts, low, high, color=GOLD, alpha=0.18, lw=0)
    ax.plot(counts, mean, "o-", color=GOLD, linewidth=2, markersize=4, label="policy, on average")
    exact = [a_month(one.valuation.decide_within(one.forecast, {}, days)).mean for one in limited]
    ax.plot(counts, exact, color=INK, linewidth=1.5, label="at most so many on each day")
    most = [one.ceiling().mean for one in limited]
    ax.plot(
        counts, most, color=GOOD, linewidth=1.5, linestyle="--", label="ceiling within the limit"
    )
    ax.set_xlabel("half-hours that can be moved a day")
    money_axis(ax, "AUD per month")
    ax.legend(loc="upper left")
assay.Picture(ax)

# %% [markdown]
# The first places bring most, and after about twenty there is little left to gain for this model.
#
# ## A budget in the place of places
# Moves need not use up the same. Before seven in the morning a move takes two hours of staff, later
# one; and part of a load can be trimmed away, for a quarter of the time and 40 % of the money.
# Eight hours a day are to be shared out: a budget with costs for each action, which may read
# columns as payoffs do.

# %%
by_hours = """
currency: AUD
actions: {shift: {up: 60, down: -40}, trim: {up: 24, down: -16}, stay: 0}
baselines: {never: stay}
decisions_per_month: 1461
caps: {night: [0, 1]}
policy:
  kind: budget
  amount: 8
  per: day
  costs: {shift: 1 + night, trim: 0.25 * (1 + night)}
"""
night = {"night": (slot[judged] < 14).astype(float)}
hours = assay.appraise(by_hours, scores, outcomes, night, positive="up", entity=days)
found = hours.assessment()
print("eight hours of staff a day:", found.uplift_per_month)
print("ceiling within the budget:", hours.ceiling())
print(dict(found.decisions))
tuned = hours.valuation.tuned(hours.forecast, hours.outcomes, hours.columns)
print(f"one more hour is worth {tuned.prices[0]:.1f} AUD a day")

# %%
actions = hours.decisions()
with axes("What is done at which time of day") as ax:
    kinds = (("shift", GOLD), ("trim", GOOD))
    shares = [[(actions[slot[judged] == s] == kind).mean() for s in range(48)] for kind, _ in kinds]
    colors = [color for _, color in kinds]
    ax.stackplot(np.arange(48) / 2, shares, colors=colors, labels=["shift", "trim"], alpha=0.75)
    ax.set(xlabel="hour of the day", ylabel="share of days", xlim=(0, 23.5))
    ax.set_xticks(range(0, 24, 3))
    ax.legend(loc="upper left")
assay.Picture(ax)

# %% [markdown]
# Before seven hardly anything is moved: prices seldom go up then, and staff are dear.
