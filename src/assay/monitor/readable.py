"""Rows of a log that say too little to be monitored: told apart, and counted by what they lack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import polars as pl

from assay.monitor.watched import Watched
from assay.value.valuation import Valuation

__all__ = ["Unread", "faults", "reasons", "sound", "unread_lines", "unread_words"]

Unread = Mapping[str, Mapping[str, int]]
"""For each file of a log, how many of its rows cannot be read, by the reason."""

_SHOWN = 3
_OTHER = "yet another decision"


def faults(rows: pl.DataFrame, valued: Valuation, *, decided: bool = True) -> pl.Series:
    """Return why each prediction (see `ports.predictions`) cannot be read, null where it can.

    Without `decided` a decision may be missing: somebody else's rule is still to make it.
    """
    checks = [("no id", pl.col("id").is_null()), ("no time", pl.col("at").is_null())]
    checks += _of_scores(rows.schema["score"])
    decision = pl.col("decision")
    checks += [("no decision", decision.is_null())] if decided else []
    why = pl.lit(None, dtype=pl.String)
    if valued.task == "regression":
        checks.append(("a decision that is no number", ~decision.cast(pl.Float64).is_finite()))
    else:
        named = pl.format("the decision `{}`, which is none of {}", decision.cast(pl.String),
                          pl.lit(", ".join(valued.actions)))  # fmt: skip
        why = pl.when(~decision.cast(pl.String).is_in(valued.actions)).then(named)
    for reason, fails in reversed(checks):
        why = pl.when(fails.fill_null(value=False)).then(pl.lit(reason)).otherwise(why)
    return rows.select(why.alias("why"))["why"]


def _of_scores(kind: pl.DataType) -> list[tuple[str, pl.Expr]]:
    score = pl.col("score")
    if not isinstance(kind, pl.List):
        lacks = score.is_null() | score.is_nan()
        return [("no score", lacks), ("an infinite score", ~score.is_finite())]
    one = pl.element()
    lacks = score.is_null() | score.list.eval(one.is_null() | one.is_nan()).list.any()
    return [
        ("no score", lacks),
        ("an infinite score", ~score.list.eval(one.is_finite()).list.all()),
    ]


def reasons(why: pl.Series) -> dict[str, int]:
    """Count the rows that cannot be read by the reason, the commonest first.

    >>> reasons(pl.Series(["no score", None, "no time", "no score"]))
    {'no score': 2, 'no time': 1}
    """
    found = Counter(sorted(why.drop_nulls().to_list())).most_common()
    rare = [(reason, n) for reason, n in found if reason.startswith("the decision")][_SHOWN:]
    counts = {reason: n for reason, n in found if (reason, n) not in rare}
    return counts | ({_OTHER: sum(n for _, n in rare)} if rare else {})


def sound(
    rows: pl.DataFrame, bundles: Callable[[str], Watched | None]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the predictions that their own bundles can read, and why others cannot be read.

    Those of a bundle that nobody has stay.
    """
    if not rows.height:
        return rows, {}
    places, whys = [], []
    numbered = rows.with_row_index("@row")
    for (bundle,), part in numbered.partition_by("bundle", as_dict=True).items():
        watched = bundles(str(bundle))
        if watched is not None:
            why = faults(part, watched.valuation)
            whys.append(why)
            places.append(part["@row"].filter(why.is_not_null()))
    found = reasons(pl.concat(whys)) if whys else {}
    if not found:
        return rows, {}
    left = numbered.filter(~pl.col("@row").is_in(pl.concat(places).implode()))
    return left.drop("@row"), found


def unread_words(counts: Mapping[str, int]) -> str:
    """Say why rows cannot be read.

    >>> unread_words({"no score": 2, "no time": 1})
    '2 with no score; 1 with no time'
    """
    return "; ".join(f"{n:,} with {reason}" for reason, n in counts.items())


def unread_lines(unread: Unread) -> list[str]:
    """Return one line for each file with rows that cannot be read.

    >>> unread_lines({"a.csv": {"no score": 1}})
    ['1 row of a.csv cannot be read and is left out: 1 with no score.']
    """
    lines = []
    for name, counts in unread.items():
        n = sum(counts.values())
        subject, verb = ("row", "is") if n == 1 else ("rows", "are")
        words = unread_words(counts)
        lines.append(f"{n:,} {subject} of {name} cannot be read and {verb} left out: {words}.")
    return lines
