# %% [markdown]
# # Quiet where nothing moved, loud where it did
#
# Two models that are served elsewhere, and their prediction logs. One meets what it was made for:
# the official test split of a census (Adult; Kohavi 1996). The other was made of a bank's calls in
# 2008 and meets 2009 and 2010 (Bank Marketing; Moro, Cortez and Rita 2014). Assay sees a charter,
# a log, and labelled rows that the model did not learn from; it needs nothing else.

# %%
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import assay
from assay.report.triage_page import triage_pictures

ROOT = Path(assay.__file__).parents[2]
DATA = Path(os.environ.get("ASSAY_DATA", ROOT.parent / "shared/data"))

CHARTER = """
name: {name}
title: {title}
problem: {{business: Each call costs, analytical: The chance of a yes, hypothesis: Call fewer}}
strategy: {{objective: Grow, kpi: Margin a month}}
people: solo
data: {{source: held_out.parquet, outcome: outcome, positive: "{positive}", time: at,
       sensitive: [{sensitive}]}}
value:
  currency: EUR
  actions: {{call: {{"{positive}": {won}, "{negative}": {lost}}}, skip: 0}}
  baselines: {{nobody: skip, everybody: call}}
  baseline: {baseline}
  decisions_per_month: 1400
risk: {{tier: low, register: []}}
monitoring:
  window: 1000 rows
  source:
    path: log.parquet
    reference: held_out.parquet
    columns: {{score: score, time: at, id: id, outcome: outcome}}
"""


def served(learned, held_out, live, outcome, left_out, **words):
    """Train a model anywhere, and leave behind what its server would have logged."""
    folder = Path(tempfile.mkdtemp())
    (folder / "charter.yaml").write_text(CHARTER.format(**words))
    inputs = [name for name in learned.columns if name not in (outcome, *left_out)]
    texts = [name for name in inputs if learned.schema[name] == pl.String]
    coded = (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts)
    model = make_pipeline(
        make_column_transformer(coded, remainder=StandardScaler()), LogisticRegression(max_iter=500)
    )
    model.fit(learned[inputs], learned[outcome] == words["positive"])
    for file, rows in (("held_out", held_out), ("log", live)):
        minutes = pl.int_range(rows.height, eager=True) * timedelta(minutes=1)
        rows[inputs].with_columns(
            score=model.predict_proba(rows[inputs])[:, 1],
            id=pl.int_range(rows.height, eager=True).cast(pl.String),
            at=datetime(2026, 1, 1, tzinfo=UTC) + minutes,
            outcome=rows[outcome],
        ).write_parquet(folder / f"{file}.parquet")
    return assay.Workspace(folder)


def told(found):
    """Print what was seen of each window, and each alert once."""
    for report in found.result.windows:
        measured = report.measured
        realised = measured.realised.uplift if measured.realised else "not known yet"
        print(f"{report.window:18} expected {measured.expected.uplift!s:40} realised {realised}")
    alerts = {(one.finding.kind, one.finding.metric): one for one in found.result.alerts}
    for (kind, metric), one in alerts.items():
        print(f"{kind:12} {metric:18} in {len(one.windows)} windows")
    print("no alert" if not alerts else "")


# %% [markdown]
# ## A census: nothing moved
# The model learns from two thirds of the training file; the last third calibrates it and says what
# is usual. Then come the 16,281 people of the official test file, in windows of 1,000. Offering a
# plan costs 20 and brings 80 from those who take it.

# %%
census = pl.read_parquet(DATA / "adult_census_income/adult-train.parquet")
test = pl.read_parquet(DATA / "adult_census_income/adult-test.parquet")
test = test.with_columns(pl.col("income").str.strip_chars_end("."))
people = served(
    census[:21_700],
    census[21_700:],
    test,
    "income",
    ["fnlwgt"],
    name="census",
    title="Whom to offer a plan",
    positive=">50K",
    negative="<=50K",
    won=60,
    lost=-20,
    baseline="nobody",
    sensitive="sex, race",
)
told(people.monitor())

# %% [markdown]
# Sixteen windows, each looked at for drift in every column, for eight metrics and for value, before
# labels and after. What is expected before labels is what labels then show. One window has more
# women than the others, by chance: one false word in twenty windows is what the charter allows.
#
# ## A bank: the world moved
# Calls of 2008 teach and calibrate the model; then come 2009 and 2010, when interest rates fell
# and savers came back. A call costs 1, a deposit brings 10, and the bank used to call everybody.

# %%
calls = pl.read_parquet(DATA / "bank_marketing/bank-additional-full.parquet")
in_2008 = calls[:27_690]
even = np.arange(in_2008.height) % 2 == 0
bank = served(
    in_2008.filter(even),
    in_2008.filter(~even),
    calls[27_690:],
    "y",
    ["duration"],
    name="calls",
    title="Whom to call",
    positive="yes",
    negative="no",
    won=9,
    lost=-1,
    baseline="everybody",
    sensitive="marital",
)
told(bank.monitor())

# %% [markdown]
# ## What stands behind it
# `assay triage` writes this as a page for each breach, with the changes upstream, similar alerts
# and what each response is expected to bring.

# %%
dearest = bank.triage()
print(dearest.alert.text)
print("a day:", dearest.alert.value_per_day)
for one in dearest.missed[:4]:
    print(f"  {one.feature} {one.band}: {one.a_day} beyond other calls")

# %%
pictures = triage_pictures(dearest)
assay.Picture(pictures[0])

# %%
assay.Picture(pictures[1])
