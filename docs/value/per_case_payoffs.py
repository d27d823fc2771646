# %% [markdown]
# # Payoffs that differ from case to case
#
# Not every client is worth the same. A bank calls clients to offer a term deposit: a call costs 1
# EUR, and a subscriber who is not called costs the bank the interest margin on a quarter of the
# balance. So the payoff is an expression over a column, and each row has its own.
#
# The data are 37,931 real clients of a Portuguese bank (Moro, Cortez and Rita 2014), in the order
# of the calls, May 2008 to November 2010. Clients without a positive balance are left out.

# %%
import os
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

import assay
from assay.report.figure import GOLD, GOOD, INK, QUIET, axes
from assay.report.plots import estimates
from assay.value.stake import forecast_cases, learn_from_cases

DATA = Path(os.environ.get("ASSAY_DATA", Path(assay.__file__).parents[3] / "shared/data"))
bank = pl.read_parquet(DATA / "bank_marketing/bank-full.parquet").filter(pl.col("balance") > 0)
bought = bank["y"].to_numpy()

value = """
currency: EUR
actions:
  call: -1
  skip: {no: 0, yes: "-max(balance * 0.25 * 0.02463333, 1)"}
caps: {balance: [0, 110000]}
baselines: {everybody: call, nobody: skip}
baseline: everybody
decisions_per_month: 1200
"""

# %% [markdown]
# A payoff that reads a column needs a cap on it, so that the most a case can cost is known before
# any data is. The caps here lie above every balance and change nothing.
#
# ## Before there is a model
# What would have come of calling everybody, of calling nobody, and of knowing who buys? No model is
# needed for these three, and nothing is estimated: they are sums over the cases. (`appraise` wants
# scores; a constant will do.)

# %%
flat = assay.appraise(value, np.full(len(bank), 0.1), bought, bank, positive="yes")
start = flat.assessment()
per_case = {name: found.mean for name, found in start.baselines.items()}
per_case["knowing who buys"] = per_case["everybody"] + start.ceiling.mean
yardsticks = {name: -each * len(bank) for name, each in per_case.items()}
for name, cost in yardsticks.items():
    print(f"{name:17} costs {cost:7,.0f} EUR")

# %% [markdown]
# Calling everybody is the better of the two habits, so that a model has to beat *that*. It is the
# baseline here. All a model can save is the distance to the last line.
#
# ## A model, judged on later calls
# Trained on the first 60 % of the calls and judged on the last 25 %; what lies between is kept for
# later. `duration` is left out: nobody knows the length of a call before it.

# %%
features = bank.drop("y", "duration").with_columns(pl.col(pl.String).rank("dense"))
rows = features.to_numpy().astype(float)
first, last = int(0.6 * len(bank)), int(0.75 * len(bank))

settings = {"objective": "binary", "num_threads": 1, "seed": 0, "verbose": -1}
table = lightgbm.Dataset(rows[:first], bought[:first] == "yes")
raw = lightgbm.train(settings, table, num_boost_round=100).predict(rows)

stale = assay.appraise(value, raw[last:], bought[last:], bank[last:], positive="yes")
found = stale.assessment()
print("uplift over calling everybody:", found.uplift_per_month)
print("promised less realised:       ", found.shortfall)

# %% [markdown]
# It loses money. The last line says why: a decision brings far less than the probabilities
# promised. Buyers were 5 in 100 when the model was trained and are 29 in 100 where it is judged, so
# that its probabilities are far too low and it skips clients who would have bought.
#
# ## The same model, with probabilities that hold
# The ranking may still be good. The 15 % of calls before the judged ones teach what the scores mean
# now. Because an error costs more on a large balance, the map is learned over cells of score *and*
# amount at stake.

# %%
between = slice(first, last)
known = stale.valuation.encode(bought[between])
balance = bank["balance"].to_numpy()
learned = learn_from_cases(stale.valuation, raw[between], known, {"balance": balance[between]})
fresh = forecast_cases(learned, stale.valuation, raw[last:], {"balance": balance[last:]})

calls = assay.appraise(value, fresh, bought[last:], bank[last:], positive="yes")
found = calls.assessment()
print("uplift over calling everybody:", found.uplift_per_month)
print("promised less realised:       ", found.shortfall)
print("of what knowing would save:   ", found.share_of_ceiling)

# %% [markdown]
# Nothing was trained anew, and the sign has turned. The probabilities still promise too much: the
# share of buyers went on rising. Here is what was promised and what came, by the amount at stake;
# dots on the line would be probabilities that mean what they say.

# %%
stake = np.maximum(balance[last:] * 0.25 * 0.02463333, 1)
cell = np.searchsorted(np.quantile(stake, [0.2, 0.4, 0.6, 0.8]), stake)
with axes("Promised and come, by fifths of the amount at stake", width=6.4) as ax:
    for p, color, name in ((raw[last:], QUIET, "as trained"), (fresh[:, 1], GOLD, "recalibrated")):
        at = [[p[cell == c].mean(), (bought[last:] == "yes")[cell == c].mean()] for c in range(5)]
        ax.plot(*np.transpose(at), "o-", color=color, label=name)
        ends = ((at[0], "least"), (at[-1], "most"))
        for place, words in ends:
            ax.annotate(words, place, (7, -3), textcoords="offset points", color=color, size=8)
    ax.axline((0, 0), slope=1, color=INK, linewidth=1, linestyle=":")
    ax.set(xlabel="mean probability promised", ylabel="share that bought")
    ax.set(xlim=(0, 0.45), ylim=(0, 0.45))
    ax.legend(loc="lower right")
assay.Picture(ax)

# %% [markdown]
# ## Why one threshold is not the best policy
# A call pays where the probability times the amount at stake is above 1 EUR. On a client with 100
# EUR at stake a chance of 1 in 100 is enough; where 1.50 EUR is at stake it takes 2 in 3. A
# threshold treats both alike. Even the threshold that looks best with hindsight, on the very calls
# it is judged on, loses against letting each case's own payoffs decide:

# %%
best = calls.curve().best
print(calls.cost_of(best).text)
print(calls.cost_of(0.5).text)

# %%
with axes("Who is called: best action for each case, and best threshold", height=4) as ax:
    acts = calls.decisions() == "call"
    for chosen, color, name in ((acts, GOOD, "called"), (~acts, QUIET, "skipped")):
        here = np.flatnonzero(chosen)[::3]
        ax.scatter(stake[here], fresh[here, 1], s=4, color=color, alpha=0.35, label=name, lw=0)
    line = np.geomspace(1, stake.max(), 200)
    ax.plot(line, 1 / line, color=INK, linewidth=1.5, label="worth 1 EUR")
    ax.axhline(best, color=GOLD, linewidth=1.5, label=f"threshold {best:.3g}")
    ax.set(xscale="log", xlabel="EUR at stake if a buyer is missed", ylabel="probability to buy")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper right", markerscale=3)
assay.Picture(ax)

# %% [markdown]
# The grey dots above the gold line are what goes wrong: calls that the threshold makes and that do
# not pay, because so little is at stake.
#
# ## All of it in one picture
# Uplift over calling everybody, a month.

# %%
one_cut = calls.under(
    policy={"kind": "threshold", "action": "call", "otherwise": "skip", "at": best}
)
ways = {
    "as trained": stale,
    "recalibrated, best threshold": one_cut,
    "recalibrated, each case's own payoffs": calls,
}
uplifts = {name: way.assessment().uplift_per_month for name, way in ways.items()}
assay.Picture(estimates("Uplift over calling everybody", uplifts))
