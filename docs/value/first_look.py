# %% [markdown]
# # A first look: what are these scores worth?
#
# You have a table of scores and outcomes, from any model. Six lines say what a decision is worth.
# Nothing else of Assay is needed: no charter, no server, no training.
#
# The table here is made up (a campaign of 12,000 calls, about one in eight buys), so that this page
# runs anywhere. Put your own two columns in the place of `scores` and `bought`.

# %%
import numpy as np

import assay

rng = np.random.default_rng(2026)
scores = rng.beta(1.2, 8.5, 12_000)
bought = np.where(rng.random(12_000) < scores, "yes", "no")

value = """
currency: EUR
actions:
  call: {yes: 9, no: -1}
  skip: 0
baselines: {nobody: skip}
decisions_per_month: 6000
"""

calls = assay.appraise(value, scores, bought, positive="yes")

# %% [markdown]
# ## What is it worth?
# Against calling nobody. Every amount has its interval.

# %%
found = calls.assessment()
print("uplift", found.uplift_per_month)
print("of the ceiling", found.share_of_ceiling)
print("promised less realised, per decision:", found.shortfall)

# %% [markdown]
# The last line asks whether the probabilities mean what they say: an interval around zero says that
# nothing speaks against it. `calibrate=True` mends scores that do not.
#
# ## Which threshold, and what does the usual one cost?

# %%
print(calls.cost_of(0.5).text)

# %%
assay.plot(calls)

# %% [markdown]
# ## The best policy
# With these payoffs it is a threshold. It need not be: here are the best 40 calls of a day, and a
# person who decides the unclear cases for 80 cents and is right 97 times in 100.

# %%
day = calls.under(policy={"kind": "top_k", "action": "call", "k": 40, "per": "day"})
print("40 calls a day:", day.assessment().uplift_per_month)

person = calls.under(refer={"cost": 0.8, "accuracy": 0.97})
print("with a person: ", person.assessment().uplift_per_month)
print(dict(person.assessment().decisions))

# %% [markdown]
# ## Is there more to get?
# The ceiling is the value of perfect information: no model of these cases can be worth more.

# %%
print(calls.ceiling())

# %% [markdown]
# ## Does it pay?
# Costs, and how unsure they are. Intervals then come from ten thousand simulated cash flows.

# %%
case = calls.under(
    build_cost=20_000,
    run_cost_per_month=300,
    discount_rate=0.08,
    uncertainty={"decisions_per_month": [4000, 7000], "build_cost": [17_000, 30_000]},
)
money = case.business_case()
print("net present value", money.net_present_value)
print("payback", money.payback_month, f"chance within the year {money.chance_of_payback:.0%}")
print(case.break_even().text)

# %%
assay.plot(money)

# %% [markdown]
# What should one find out first? The widest bar.

# %%
assay.plot(case.tornado())

# %% [markdown]
# How good a model must be before it pays at all, were there none yet:

# %%
assay.plot(case.break_even())

# %% [markdown]
# ## A quarter later: why is it less than planned?
# Fewer calls, another mix of clients, fewer buyers at the same score, a call that costs more, and
# somebody has set the threshold to 0.3. The bridge says what each of these took; the parts add up.

# %%
scores_now = rng.beta(1.1, 9.5, 9_000)
bought_now = np.where(rng.random(9_000) < 0.8 * scores_now, "yes", "no")
changed = value.replace("no: -1", "no: -1.2").replace("6000", "4500")
now = assay.appraise(changed, scores_now, bought_now, positive="yes").under(
    policy={"kind": "threshold", "action": "call", "otherwise": "skip", "at": 0.3}
)

why = calls.bridge(now)
print("planned ", why.planned)
print("realised", why.realised)
for name, part in why.parts.items():
    print(f"{name:12}", part)

# %%
assay.plot(why)
