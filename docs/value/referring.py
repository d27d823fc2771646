# %% [markdown]
# # Referring cases to a person
#
# A bank grants or declines credit lines. A third way is to ask an underwriter: that costs time, and
# the underwriter is right more often than not, but not always. Which cases are worth a person's
# time, how much time is worth having, and how good must the person be?
#
# The cases are 30,000 real card holders in Taiwan, 2005 (Yeh and Lien 2009); amounts are in New
# Taiwan dollars (TWD). A line that is paid back earns 26.44 % of its limit, one that defaults loses
# 75 % of it. These two shares come from the literature on credit scoring (Verbraken, Bravo, Weber
# and Baesens 2014, and common practice); everything about the underwriter is made up.

# %%
import os
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

import assay
from assay.report.figure import BAD, GOLD, GOOD, INK, QUIET, axes, money_axis

DATA = Path(os.environ.get("ASSAY_DATA", Path(assay.__file__).parents[3] / "shared/data"))
cards = pl.read_parquet(DATA / "credit_default_taiwan/credit-card-clients.parquet")
defaults = (cards["default payment"] == 1).to_numpy()

value = """
currency: TWD
actions:
  grant:   {pays: 0.2644 * LIMIT_BAL, defaults: -0.75 * LIMIT_BAL}
  decline: 0
caps: {LIMIT_BAL: [0, 1000000]}
baselines: {everybody: grant, nobody: decline}
baseline: everybody
decisions_per_month: 3000
"""

# %% [markdown]
# ## The model alone
# Trained on one half of the card holders, judged on the other. Sex, age, education and marriage are
# left out.

# %%
personal = ("SEX", "AGE", "EDUCATION", "MARRIAGE", "default payment")
features = cards.drop(personal).to_numpy().astype(float)
judged = np.arange(len(cards)) % 2 == 1
settings = {"objective": "binary", "num_leaves": 15, "num_threads": 1, "seed": 0, "verbose": -1}
learned = lightgbm.Dataset(features[~judged], defaults[~judged])
model = lightgbm.train(settings | {"learning_rate": 0.06}, learned, num_boost_round=80)
risk = np.asarray(model.predict(features[judged]))

outcomes = np.where(defaults, "defaults", "pays")[judged]
lines = cards.filter(judged).select("LIMIT_BAL")
alone = assay.appraise(value, risk, outcomes, lines, positive="defaults")
found = alone.assessment()
print("uplift over granting everybody:", found.uplift_per_month)
print("promised less realised:", found.shortfall)
print(dict(found.decisions))

# %% [markdown]
# ## With a person
# An underwriter costs 1,500 TWD a case and is right 85 times in 100. When wrong, the case gets the
# worst of the other actions; where it is known how people decide, `confusion` says so instead. What
# the model alone decides becomes the baseline, so that the uplift is what the person adds.

# %%
lines = lines.with_columns(alone=alone.decisions())
beside = value.replace("baselines: {", 'baselines: {the model alone: "column: alone", ')
beside = beside.replace("baseline: everybody", "baseline: the model alone")
model_alone = assay.appraise(beside, risk, outcomes, lines, positive="defaults")


def with_person(accuracy, places=None):
    capacity = None if places is None else {"k": places, "per": "day"}
    refer = {"cost": 1500, "accuracy": accuracy, "capacity": capacity}
    return model_alone.under(refer=refer)


person = with_person(0.85)
found = person.assessment()
print("uplift over the model alone:", found.uplift_per_month)
print(dict(found.decisions))

# %% [markdown]
# Worth having, but it sends three cases in four to a person. Nobody has that many underwriters: of
# about 100 cases a day, say that ten can be looked at.

# %%
ten = with_person(0.85, places=10)
found = ten.assessment()
print("uplift over the model alone:", found.uplift_per_month)
print(dict(found.decisions))

# %% [markdown]
# A seventh of those cases bring almost half of it. The ones to ask about are not just those of
# doubtful probability, but those where doubt and amount come together: around the gold line, where
# the model alone changes its mind, in a band that opens with the limit.

# %%
limit = lines["LIMIT_BAL"].to_numpy() / 1000
with axes("Who is granted, declined and referred, with ten places a day", height=4.2) as ax:
    for action, color in (("grant", GOOD), ("decline", BAD), ("refer", INK)):
        here = np.flatnonzero(ten.decisions() == action)
        ax.scatter(risk[here], limit[here], s=4, color=color, alpha=0.3, lw=0, label=action)
    ax.axvline(0.2644 / (0.2644 + 0.75), color=GOLD, linewidth=1.2, label="model alone")
    ax.set(xlabel="probability of default", ylabel="limit, thousand TWD")
    ax.legend(markerscale=4)
assay.Picture(ax)

# %% [markdown]
# ## What is one place more worth?
# Learned on these cases, the policy carries a price: what one more place would bring, the 1,500 TWD
# already paid. A single case is referred where asking gains more than this price, so that cases can
# be decided one by one as they come.

# %%
tuned = ten.valuation.tuned(ten.forecast, ten.outcomes, ten.columns)
print(f"one place more brings {tuned.prices[0]:,.0f} TWD on top of its cost of 1,500 TWD")

# %%
places = [2, 5, 10, 15, 20, 30, 45, 60, 80]
prices = []
for k in places:
    some = with_person(0.85, k)
    prices.append(some.valuation.tuned(some.forecast, some.outcomes, some.columns).prices[0])
with axes("What one more place a day is worth") as ax:
    ax.plot(places, prices, "o-", color=GOLD, linewidth=2, markersize=4)
    ax.axhline(0, color=QUIET, linewidth=1)
    ax.set_xlabel("places a day, of about 100 cases")
    money_axis(ax, "TWD for each case more")
assay.Picture(ax)

# %% [markdown]
# The price rests on the forecasts and has no interval: it is a lever of the policy, not an estimate
# of value. What the places brought on known outcomes is the uplift above.
#
# ## How good must the person be?

# %%
accuracies = [percent / 100 for percent in range(50, 101, 10)]
with axes("What the person adds, by accuracy", height=4) as ax:
    for places, color in ((10, GOLD), (20, GOOD)):
        each = [with_person(h, places).assessment().uplift_per_month for h in accuracies]
        low, mean, high = np.transpose([[one.low, one.mean, one.high] for one in each]) / 1e6
        ax.fill_between(accuracies, low, high, color=color, alpha=0.15, lw=0)
        ax.plot(accuracies, mean, color=color, linewidth=2, label=f"{places} places a day")
    ax.set(xlabel="share of cases in which the person is right", ylabel="million TWD per month")
    ax.legend()
assay.Picture(ax)

# %% [markdown]
# The accuracy is a promise like any other, so what if it does not hold? Say that people are right
# 65 times in 100, and the policy goes on counting on 85. Its decisions are a baseline once more;
# the uplift is what knowing the true accuracy would bring.

# %%
lines = lines.with_columns(believed=ten.decisions())
doubted = beside.replace("baselines: {", 'baselines: {counting on 85: "column: believed", ')
truth = assay.appraise(doubted, risk, outcomes, lines, positive="defaults").under(
    refer={"cost": 1500, "accuracy": 0.65, "capacity": {"k": 10, "per": "day"}}
)
found = truth.assessment()
for name in ("the model alone", "counting on 85"):
    uplift = found.uplift_over[name].scaled(3000, "TWD per month")
    print(f"uplift over {name}: {uplift}")

# %% [markdown]
# What came of the cases referred tells the accuracy in time. One thing is taken for granted here:
# that a person is right as often on these cases as on others. They are the hard ones, so measure
# that too.
