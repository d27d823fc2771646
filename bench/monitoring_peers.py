"""What others do with the same two files, each as a program of its own: scans, Evidently, NannyML.

Run as `python monitoring_peers.py NAME REFERENCE ANALYSIS`; imports nothing but what it measures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

FEATURES = [f"n{place:02d}" for place in range(20)] + [f"c{place:02d}" for place in range(10)]


def polars(files: list[str]) -> None:
    """Sums of numbers, nulls of all columns, lengths of texts, rows."""
    import polars as pl

    for file in files:
        table = pl.scan_parquet(file)
        kinds = table.collect_schema()
        numbers = [name for name, kind in kinds.items() if kind.is_numeric()]
        texts = [name for name, kind in kinds.items() if kind == pl.String]
        found = table.select(
            pl.len().alias("rows"),
            *[pl.col(name).sum().alias(f"{name} sum") for name in numbers],
            *[pl.col(name).str.len_bytes().sum().alias(f"{name} length") for name in texts],
            *[pl.col(name).null_count().alias(f"{name} nulls") for name in kinds],
        ).collect()
        print(found["rows"][0])


def pyarrow(files: list[str]) -> None:
    """The same, batch by batch."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import pyarrow.types as kinds

    for file in files:
        rows, totals = 0, {}
        for batch in pq.ParquetFile(file).iter_batches(batch_size=1 << 17):
            rows += len(batch)
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                nulls, total = totals.get(name, (0, 0.0))
                if kinds.is_string(column.type):
                    total += pc.sum(pc.binary_length(column)).as_py() or 0
                elif not kinds.is_timestamp(column.type):
                    total += pc.sum(column).as_py() or 0
                totals[name] = (nulls + column.null_count, total)
        print(rows)


def duckdb(files: list[str]) -> None:
    """The same, in SQL."""
    import duckdb as db

    for file in files:
        connection = db.connect()
        columns = connection.sql(f"describe select * from '{file}'").fetchall()
        asked = ["count(*)", *[f"count({name})" for name, *_ in columns]]
        asked += [f"sum({name})" for name, kind, *_ in columns if kind in {"DOUBLE", "BIGINT"}]
        asked += [f"sum(strlen({name}))" for name, kind, *_ in columns if kind == "VARCHAR"]
        print(connection.sql(f"select {', '.join(asked)} from '{file}'").fetchall()[0][0])


def evidently(files: list[str]) -> None:
    """The data drift preset with its defaults: one comparison, no windows."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    texts = [name for name in FEATURES if name.startswith("c")]
    numbers = [name for name in FEATURES if name.startswith("n")]
    layout = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    reference, analysis = (
        Dataset.from_pandas(pd.read_parquet(file, columns=FEATURES), data_definition=layout)
        for file in files
    )
    print(len(Report([DataDriftPreset()]).run(analysis, reference).dict()["metrics"]))


def nannyml_univariate(files: list[str]) -> None:
    """JS and KS of numbers, JS and chi-squared of categories, a chunk a day."""
    import nannyml as nml
    import pandas as pd

    reference, analysis = (pd.read_parquet(file) for file in files)
    found = nml.UnivariateDriftCalculator(
        column_names=FEATURES,
        timestamp_column_name="ts",
        continuous_methods=["jensen_shannon", "kolmogorov_smirnov"],
        categorical_methods=["jensen_shannon", "chi2"],
        chunk_period="D",
    ).fit(reference)
    print(len(found.calculate(analysis).to_df()))


def nannyml_cbpe(files: list[str]) -> None:
    """ROC AUC, F1 and business value before labels, a chunk a day."""
    import nannyml as nml
    import pandas as pd

    needed = ["score", "decision", "outcome", "ts"]
    reference, analysis = (pd.read_parquet(file, columns=needed) for file in files)
    found = nml.CBPE(
        y_pred_proba="score",
        y_pred="decision",
        y_true="outcome",
        timestamp_column_name="ts",
        metrics=["roc_auc", "f1", "business_value"],
        business_value_matrix=[[0, -20], [0, 150]],
        problem_type="classification_binary",
        chunk_period="D",
    ).fit(reference)
    print(len(found.estimate(analysis.drop(columns="outcome")).to_df()))


PEERS: dict[str, Callable[[list[str]], None]] = {
    "polars": polars,
    "pyarrow": pyarrow,
    "duckdb": duckdb,
    "evidently": evidently,
    "nannyml univariate": nannyml_univariate,
    "nannyml CBPE": nannyml_cbpe,
}

if __name__ == "__main__":
    # The folder of this file holds names that libraries import too.
    sys.path.pop(0)
    PEERS[sys.argv[1]](sys.argv[2:])
