# %% [markdown]
# # When actions change what people do: the control share
#
# A call can make people buy. Then the outcome after a call says nothing of what would have come
# without one, and no table of past calls can tell what calling is worth. Chance can: keep a small
# share of people out of it.
#
# This world is simulated, because only in a simulated one do we know the truth. 20,000 clients a
# month; a purchase brings 40 EUR, a call costs 2 EUR. Each client has a chance to buy anyway, which
# the model predicts very well. A call raises it, most for those who are undecided, and hardly for
# those who would have bought in any case.

# %%
import numpy as np

import assay
from assay.charter.data import Data
from assay.charter.release import Release
from assay.report.figure import BAD, GOLD, GOOD, INK, QUIET, axes, money_axis
from assay.stats.deviating_cases import deviating_cases
from assay.value.control import Split, control_uplift
from assay.value.control_sequence import Watch, control_sequence
from assay.value.exploration import Logged, effective_cases, policy_value
from assay.value.identification import identification
from assay.value.share_cost import Resolution, Spread, control_cost, least_control_share

rng = np.random.default_rng(11)
VOLUME = 20_000
UNIT = "EUR per decision"


def clients(months):
    """Return each client's chance to buy without a call and with one."""
    without = rng.beta(1.0, 6.0, months * VOLUME)
    lift = 0.15 * np.exp(-(((without - 0.12) / 0.09) ** 2))
    return without, without + lift


def paid(called, chances):
    """Return what each client brought, called or not."""
    bought = rng.random(len(called)) < np.where(called, chances[1], chances[0])
    return 40.0 * bought - 2.0 * called


# %% [markdown]
# ## The comparison that everybody makes
# For three months the clients with a predicted chance of 10 % or more are called. Then somebody
# compares those who were called with those who were not, as if chance had decided:

# %%
past = clients(3)
called = past[0] >= 0.10
brought = paid(called, past)

as_if_by_chance = np.full(len(called), (~called).mean())
naive = control_uplift(Split(brought, ~called, as_if_by_chance), seed=0)
print("a call seems to bring", naive.scaled(1, "EUR"))

effect = 40 * (past[1] - past[0]) - 2
truth = float((called * effect).mean())
print(f"the truth: a call brings {effect[called].mean():.2f} EUR")

# %% [markdown]
# The model calls those who would have bought anyway, and the comparison gives their purchases to
# the calls. More months would give a narrower interval around the wrong amount.
#
# ## Assay says so
# The charter states which actions move the outcome, and which shares are granted. From these facts
# alone follows what can be known.

# %%
value = """
currency: EUR
actions: {call: {yes: 38, no: -2}, skip: {yes: 40, no: 0}}
baselines: {nobody: skip}
decisions_per_month: 20000
"""
model = assay.value_model(value, positive="yes")
facts = Data(source="clients.csv", outcome="bought", positive="yes", moved_by=("call",))

without_share = identification(model, facts, Release()).live
with_share = identification(model, facts, Release(control_share=0.05)).live
print(without_share.reason)
print(with_share.reason, *with_share.assumptions, sep="\n")

claimed = naive.scaled(called.mean(), UNIT)
marked = without_share.mark(claimed)
print(f"claimed: {marked} ({marked.method.rpartition('; ')[-1]})")

# %% [markdown]
# ## What a control share costs, and when it tells
# Before it starts: what spread do payoffs have, and what uplift would one want to see? Suppose 0.40
# EUR a decision, 8,000 EUR a month. A larger share costs more and tells sooner.

# %%
deviation, rarer = float(brought.std()), deviating_cases(brought) / len(brought)
spread = Spread(deviation, deviation, policy_deviates=rarer, baseline_deviates=rarer)
hoped = 0.40
for share in (0.02, 0.05, 0.10, 0.20):
    found = Resolution.of(spread.under_control(share), hoped, VOLUME)
    print(
        f"{share:4.0%} forgoes {share * hoped * VOLUME:5,.0f} EUR a month and tells within "
        f"{found.months_watched:4.1f} months watched, {found.months_fixed:4.1f} at one look"
    )
least = least_control_share(spread, hoped, VOLUME, months=12)
print(f"the smallest that tells within a year: {least:.1%}")

# %% [markdown]
# *Watched* means that one may look after each client and stop when it is clear; one look agreed
# beforehand needs about half the time. Either is clear by then in 80 of 100 runs. (The hoped uplift
# is an assumption, so these amounts have no interval.) Neither says anything before each arm holds
# ten payoffs that differ from the commonest one, since a control in which nobody happened to buy
# yet knows nothing of buyers; where purchases are rarer than here that can take longest, and the
# months count it.
#
# ## A year with a control of 10 %
# Chance keeps a tenth of the clients on the baseline, whatever their score.

# %%
SHARE = 0.10
year = clients(12)
control = rng.random(len(year[0])) < SHARE
brought = paid((year[0] >= 0.10) & ~control, year)
split = Split(brought, control, np.full(len(brought), SHARE))

uplift = control_uplift(split, seed=0, unit=UNIT)
print("shown by the control:", uplift)
print(f"the truth:            {truth:.4f} EUR per decision")
print("a month:             ", uplift.scaled(VOLUME, "EUR per month"))
print("the share forgoes:   ", control_cost(uplift, SHARE, VOLUME))

# %%
needed = int(Resolution.of(spread.under_control(SHARE), hoped, VOLUME).watched)
mean, low, high = control_sequence(split, Watch(tightest_at=needed))
months = np.arange(1, len(mean) + 1) / VOLUME
seen = slice(VOLUME // 2, None, 500)
clear = float(months[np.flatnonzero(low > 0)[0]])
with axes("The uplift as the control shows it, watched all year", height=4) as ax:
    ax.fill_between(months[seen], low[seen], high[seen], color=GOLD, alpha=0.18, lw=0)
    ax.plot(months[seen], mean[seen], color=GOLD, linewidth=2, label="control share, with its band")
    ax.axhline(claimed.mean, color=BAD, linewidth=1.5, label="comparison of called and not called")
    ax.axhline(truth, color=GOOD, linewidth=1.5, linestyle="--", label="truth")
    ax.axhline(0, color=INK, linewidth=1)
    ax.axvline(clear, color=QUIET, linewidth=1, linestyle=":")
    ax.annotate(f"above zero: month {clear:.1f}", (clear, -1.6), (5, 0), textcoords="offset points")
    ax.set(xlabel="month", ylim=(-2, 5.5))
    money_axis(ax, UNIT)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.8), fontsize=8.5)
assay.Picture(ax)

# %% [markdown]
# The band may be looked at as often as one likes: with a chance of 95 % the truth lies in it at all
# times (an asymptotic sequence, from 500 clients on and ten payoffs in each arm that differ from
# the commonest one). Once it is above zero, one may stop and say that the calls pay.
#
# How dear is it to know sooner?

# %%
shares = np.linspace(0.02, 0.4, 60)
variances = [spread.under_control(share) for share in shares]
resolved = [Resolution.of(variance, hoped, VOLUME) for variance in variances]
with axes("Months until an uplift of 0.40 EUR is clear, and what they cost") as ax:
    ax.plot(shares, [one.months_watched for one in resolved], color=GOLD, lw=2, label="watched")
    ax.plot(shares, [one.months_fixed for one in resolved], color=QUIET, lw=2, label="one look")
    for share in (0.05, 0.10, 0.20, 0.40):
        at = Resolution.of(spread.under_control(share), hoped, VOLUME).months_watched
        ax.plot([share], [at], "o", color=INK, markersize=5)
        words = f"{share * hoped * VOLUME:,.0f} EUR a month"
        ax.annotate(words, (share, at), (4, 7), textcoords="offset points", color=INK, size=8.5)
    ax.set(xlabel="control share", ylabel="months", ylim=(0, 24), xlim=(0, 0.48))
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.legend(loc="upper right")
assay.Picture(ax)

# %% [markdown]
# ## What an exploration share buys
# The control says what *this* policy is worth, and of no other. To learn whom to call, give a share
# of the cases any action at random and record the chances. Then each policy can be valued from the
# log, those that nobody ever ran among them.

# %%
EXPLORED = 0.10
log = clients(12)
policy = log[0] >= 0.10
random = rng.random(len(policy)) < EXPLORED
called = np.where(random, rng.random(len(policy)) < 0.5, policy)
chance = np.where(called == policy, 1 - EXPLORED / 2, EXPLORED / 2)
brought = paid(called, log)

share = np.full(len(policy), EXPLORED)
lost = control_uplift(Split(brought, random, share), seed=0, unit=UNIT)
print("what exploring forgoes:", control_cost(lost, EXPLORED, VOLUME))

# %% [markdown]
# What random calls cost cannot be told from nothing here, which says little good of the policy.
# Would it be better to leave out those who buy anyway? The first half of the year finds the best
# upper limit; the second half, which had no part in the choice, says what it is worth.

# %%
half = len(policy) // 2


def valued(called_by, rows):
    logged = Logged(called[rows].astype(int), brought[rows], chance[rows])
    return policy_value(logged, called_by[rows].astype(int), seed=0, unit=UNIT)


def between(cut):
    return (log[0] >= 0.03) & (log[0] < cut)


cuts = np.arange(0.10, 0.61, 0.02)
found = [valued(between(cut), slice(0, half)) for cut in cuts]
best = cuts[int(np.argmax([one.mean for one in found]))]
late = slice(half, None)
print(f"calling from 3 % up to {best:.0%}: {valued(between(best), late)}")
print(f"the live policy:           {valued(policy, late)}")
print(f"calling nobody:            {valued(np.zeros_like(policy), late)}")

whole = Logged(called.astype(int), brought, chance)
cases = effective_cases(whole, between(best).astype(int))
print(f"for the new policy the log of {len(policy):,} is as good as {cases:,.0f} cases of its own")

# %%
expected = [np.where(between(cut), 40 * log[1] - 2, 40 * log[0])[:half].mean() for cut in cuts]
with axes("What calling from 3 % up to a limit would bring") as ax:
    low, mean, high = np.transpose([[one.low, one.mean, one.high] for one in found])
    ax.fill_between(cuts, low, high, color=GOLD, alpha=0.18, lw=0)
    ax.plot(cuts, mean, "o-", color=GOLD, lw=2, markersize=4, label="read off the random actions")
    ax.plot(cuts, expected, color=GOOD, linewidth=1.5, linestyle="--", label="truth")
    live = valued(policy, slice(0, half)).mean
    ax.axhline(live, color=QUIET, linewidth=1.5, label="the live policy")
    ax.set_xlabel("call up to a chance to buy anyway of")
    ax.xaxis.set_major_formatter("{x:.0%}")
    money_axis(ax, UNIT)
    ax.legend(loc="lower right")
assay.Picture(ax)

# %% [markdown]
# A policy that never ran is known to be better than the one that did, from the clients whom chance
# treated otherwise. Without that share nobody could have said so.
