"""Quality of a table: what makes it unusable is an error, what makes it doubtful a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assay.build.columns import kind_of, left_out, to_columns
from assay.build.schema import schema_of
from assay.build.time_column import require_sortable
from assay.charter.charter import Charter
from assay.errors import DataError, did_you_mean
from assay.evidence.bundle import Input
from assay.evidence.evidence import Check
from assay.stats.lone_power import SUSPICIOUS, lone_power, lone_power_over_outcomes
from assay.value.classification import COLUMN_PREFIX
from assay.value.valuation import Valuation

__all__ = ["Quality", "check_quality", "with_outcome"]

_DUPLICATES = 0.05
_MISSING = 0.5
_RARE_IDS = 0.9
_LEAK = 0.99


@dataclass(frozen=True)
class Quality:
    """The checks on a table and the schema that was learned from it."""

    checks: tuple[Check, ...]
    content: Mapping[str, Any]


def with_outcome(frame: pl.DataFrame, charter: Charter, valuation: Valuation) -> pl.DataFrame:
    """Return the rows whose outcome is known, or say why the table cannot be used.

    Raises DataError where a named column is missing, the outcome is of the wrong type, unknown to
    the value model, constant, or missing everywhere, where no row holds one of the outcomes, or
    the time is text that does not sort.
    """
    _named_columns(frame, charter)
    require_sortable(frame, charter)
    outcome = charter.data.outcome
    _right_type(frame[outcome], charter, max(2, len(valuation.labels)))
    known = frame.filter(_is_known(frame[outcome]))
    if known.height == 0:
        raise DataError(
            f"The outcome column {outcome} is missing in all {frame.height:,} rows, so that there "
            "is nothing to learn. Give rows whose outcome is known."
        )
    if known[outcome].n_unique() == 1:
        raise DataError(
            f"The outcome column {outcome} holds one value only, {known[outcome][0]!r}, in all "
            f"{known.height:,} rows. A model needs cases of each outcome: give a table that has "
            "them, or name another `data.outcome`."
        )
    codes = valuation.encode(known[outcome].to_numpy())
    absent = [label for code, label in enumerate(valuation.labels) if not (codes == code).any()]
    if absent:
        raise DataError(
            f"No row of the outcome column {outcome} holds {', '.join(absent)}, for which "
            "`value.actions` gives payoffs. Give rows that hold it, or take it out of the table of "
            "payoffs: a model cannot learn what it never saw."
        )
    return known


def check_quality(
    frame: pl.DataFrame, charter: Charter, valuation: Valuation, inputs: Sequence[Input]
) -> Quality:
    """Check a table whose outcome is usable (see `with_outcome`; `frame` still has every row)."""
    known = with_outcome(frame, charter, valuation)
    out = left_out(charter)
    features = [column for column in inputs if column.name not in out]
    columns = to_columns(known, features)
    outcomes = valuation.encode(known[charter.data.outcome].to_numpy())
    if valuation.labels:
        power = lone_power_over_outcomes(columns, outcomes, len(valuation.labels))
    else:
        power = lone_power(columns, outcomes, binary=False)
    checks = (
        *_whole_table(frame, known, charter),
        *_columns(known, features),
        *_leaks(power, charter),
        *_dates(frame, charter),
        *_not_there(frame, charter),
    )
    content = {
        "rows": frame.height,
        "rows_with_outcome": known.height,
        "schema": schema_of(frame, _withheld(charter)),
        "alone": power,
        "inputs": [{"name": column.name, "kind": column.kind} for column in inputs],
    }
    return Quality(checks, content)


def _withheld(charter: Charter) -> set[str]:
    """Return the columns of which no value goes into evidence: the entity's and protected ones."""
    entity = charter.data.entity
    return {*charter.serving.capture.protected, *(() if entity is None else (entity,))}


def _named_columns(frame: pl.DataFrame, charter: Charter) -> None:
    data = charter.data
    named = {
        "outcome": (data.outcome,),
        "time": (data.time,),
        "entity": (data.entity,),
        "sensitive": data.sensitive,
    }
    missing = [
        f"`data.{role}` {name}"
        for role, names in named.items()
        for name in names
        if name is not None and name not in frame.columns
    ]
    missing += [
        f"`value.baselines.{name}` {column}"
        for name, column in _baseline_columns(charter).items()
        if column not in frame.columns
    ]
    if missing:
        raise DataError(
            f"The table lacks columns that the charter names: {', '.join(missing)}. It has "
            f"{', '.join(frame.columns)}. Name the right columns in the charter, or give the "
            "right table."
        )


def _baseline_columns(charter: Charter) -> dict[str, str]:
    """Return the columns that baselines take actions from; a control is served by them too."""
    if charter.task == "regression":
        return {}
    rules = {name: str(rule) for name, rule in charter.value.baselines.items()}
    return {
        name: rule.removeprefix(COLUMN_PREFIX).strip()
        for name, rule in rules.items()
        if rule.startswith(COLUMN_PREFIX)
    }


def _right_type(outcome: pl.Series, charter: Charter, outcomes: int) -> None:
    kind = kind_of(outcome.dtype)
    if outcome.dtype == pl.Null:
        return
    if charter.task == "regression" and kind != "number":
        raise DataError(
            f"The outcome column {outcome.name} is {outcome.dtype}, and the value model decides "
            f"amounts, which needs numbers; its first values are {outcome.head(3).to_list()}. "
            "Convert the column, or give `value.actions` to decide between actions."
        )
    if kind is None or (
        outcome.dtype.is_float()
        and charter.task == "classification"
        and (outcome.drop_nulls().n_unique() > outcomes)
    ):
        raise DataError(
            f"The outcome column {outcome.name} is {outcome.dtype} with values such as "
            f"{outcome.head(3).to_list()}, and the value model names outcomes. Name a column of "
            "texts, whole numbers or booleans, or give `value.payoff` to decide amounts."
        )


def _is_known(outcome: pl.Series) -> pl.Series:
    known = outcome.is_not_null()
    return known & outcome.is_not_nan() if outcome.dtype.is_float() else known


def _whole_table(frame: pl.DataFrame, known: pl.DataFrame, charter: Charter) -> list[Check]:
    unknown = 1 - known.height / frame.height
    twice = 1 - frame.n_unique() / frame.height
    return [
        Check(
            "rows without an outcome",
            unknown <= _DUPLICATES,
            unknown,
            f"at most {_DUPLICATES:g}",
            "warn",
            f"{frame.height - known.height:,} rows of {frame.height:,} were left out: "
            f"{charter.data.outcome} is missing.",
        ),
        Check(
            "duplicate rows",
            twice <= _DUPLICATES,
            twice,
            f"at most {_DUPLICATES:g}",
            "warn",
            "Rows that stand in the table more than once can lie on both sides of a split.",
        ),
    ]


def _columns(known: pl.DataFrame, features: Sequence[Input]) -> list[Check]:
    checks = []
    for column in features:
        series = known[column.name]
        distinct = series.drop_nulls().n_unique()
        missing = series.null_count() / len(series)
        checks += [
            Check(
                f"missing values of {column.name}",
                missing <= _MISSING,
                missing,
                f"at most {_MISSING:g}",
                "warn",
            ),
            Check(
                f"distinct values of {column.name}",
                distinct > 1,
                float(distinct),
                "at least 2",
                "warn",
                "" if distinct > 1 else "A constant column tells nothing: add it to `ignore`.",
            ),
        ]
        if _like_an_id(series, column):
            checks.append(
                Check(
                    f"identifier {column.name}",
                    passed=False,
                    measured=distinct / len(series),
                    limit=f"distinct in at most {_RARE_IDS:g} of rows",
                    severity="warn",
                    note="It looks like a number given to each row: name it as `data.entity` "
                    "or add it to `ignore`.",
                )
            )
    return [check for check in checks if not check.passed] + [_all_fine(checks)]


def _all_fine(checks: Sequence[Check]) -> Check:
    doubtful = [check.name for check in checks if not check.passed]
    return Check(
        "columns without doubt",
        not doubtful,
        float(len(doubtful)),
        "no doubtful column",
        "warn",
        f"{len(checks)} checks on columns: missing values, constants, identifiers.",
    )


def _like_an_id(series: pl.Series, column: Input) -> bool:
    distinct = series.n_unique() / len(series)
    if column.kind == "category":
        return distinct > _RARE_IDS
    return series.dtype.is_integer() and distinct == 1 and series.is_sorted()


def _leaks(power: Mapping[str, float], charter: Charter) -> list[Check]:
    measure = "ROC AUC" if charter.task == "classification" else "R squared"
    checks = []
    for name, alone_ in sorted(power.items(), key=lambda item: -item[1]):
        if alone_ >= SUSPICIOUS:
            blocks = alone_ >= _LEAK
            checks.append(
                Check(
                    f"leak {name}",
                    passed=False,
                    measured=alone_,
                    limit=f"{measure} alone below {SUSPICIOUS:g}",
                    severity="block" if blocks else "warn",
                    note="It predicts the outcome alone. If it is known only after the decision, "
                    "name it in `data.known_after`"
                    + ("; else have the check waived." if blocks else "."),
                )
            )
    strongest = max(power, key=lambda name: power[name])
    return checks or [
        Check(
            "leaks",
            passed=True,
            measured=power[strongest],
            limit=f"{measure} alone below {SUSPICIOUS:g}",
            note=f"The strongest column alone is {strongest}.",
        )
    ]


def _dates(frame: pl.DataFrame, charter: Charter) -> list[Check]:
    out = left_out(charter)
    unread = [
        name for name, dtype in frame.schema.items() if name not in out and kind_of(dtype) is None
    ]
    if not unread:
        return []
    return [
        Check(
            "columns that cannot be read",
            passed=False,
            measured=float(len(unread)),
            limit="none",
            severity="warn",
            note=f"{', '.join(unread)}: neither numbers nor categories, so left out. Turn dates "
            "into numbers (a month, an age in days) to use them.",
        )
    ]


def _not_there(frame: pl.DataFrame, charter: Charter) -> list[Check]:
    """Name columns that the charter leaves out and the table lacks: a slip lets the real one in."""
    data = charter.data
    kept = [name for name in frame.columns if name not in left_out(charter)]
    told = [
        f"`data.{key}` {name}{': ' if (near := did_you_mean(name, kept)) else ''}{near}"
        for key, names in (("known_after", data.known_after), ("ignore", data.ignore))
        for name in names
        if name not in frame.columns
    ]
    if not told:
        return []
    return [
        Check(
            "columns left out are there",
            passed=False,
            measured=float(len(told)),
            limit="none lacking",
            severity="warn",
            note=f"The table lacks {'; '.join(told)}. If a name is mistaken, the column that was "
            "meant is read by the model: mend it in the charter.",
        )
    ]
