"""What a table says about itself: task, order, owners, people, and columns to mistrust."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.errors import DataError, did_you_mean
from assay.stats.lone_power import SUSPICIOUS, lone_power, lone_power_over_outcomes
from assay.value.labels import label_text

__all__ = ["TableReading", "read_table"]

_SENSITIVE = frozenset(
    re.findall(
        r"\w+",
        """age sex gender race ethnicity ethnic religion marital marriage relationship nationality
        native birth birthdate dob disability disabled pregnant pregnancy orientation caste""",
    )
)
_OWNER = re.compile(
    r"(customer|client|user|account|patient|member|card|driver|household|person|subscriber)"
    r"[ _.-]?(id|no|nr|num|number|key|uuid)?",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"(.*[ _.-])?(id|uuid|guid|index|instant|row|rownum|key)", re.IGNORECASE)
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"
_LIKE_A_DATE = (
    r"^\s*(\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[ .-]+[A-Za-z]{3,9}[ .,-]+\d{2,4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{2,4})([T ,].*)?$"
)
_MOSTLY = 0.8
_ROWS = 20_000
_MOST_LABELS = 20
"""Outcomes for which a table of payoffs can still be read and filled in."""
_STRONG = {"classification": 0.75, "regression": 0.5}

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class TableReading:
    """What was read from a table for one outcome column.

    `labels` are the outcomes as a charter writes them, the rarest last (empty in regression), and
    `rates` their shares; `positive` is the rarer of two, None where there are more. `span` is the
    least and the greatest outcome (regression), `few` tells of numbers of which so few different
    ones occur that they may stand for kinds.
    `gives_away` holds columns that nearly tell the outcome alone, `strong` those that tell much;
    both map a column to its power (see `lone_power`).
    """

    task: Task
    rows: int
    missing: int
    labels: tuple[str, ...]
    positive: str | int | bool | None
    rates: tuple[float, ...]
    few: bool
    span: tuple[float, float]
    time: str | None
    months: float | None
    entity: str | None
    sensitive: tuple[str, ...]
    ignored: dict[str, str]
    gives_away: dict[str, float]
    strong: dict[str, float]


def read_table(frame: pl.DataFrame, outcome: str) -> TableReading:
    """Read a table for one outcome column.

    Raises DataError where the column is not there, is empty or constant, or holds more than 20
    different texts.
    """
    known = _outcome(frame, outcome)
    values = known[outcome]
    task = _task(values, outcome)
    labels = _by_count(values) if task == "classification" else []
    coded = _coded(values, labels)
    others = [name for name in frame.columns if name != outcome]
    time = _time(frame, others)
    entity = _entity(frame, others)
    ignored = {
        name: reason
        for name in others
        if name not in (time, entity) and (reason := _useless(frame[name]))
    }
    features = [n for n in others if n not in (time, entity, *ignored) and _readable(frame[n])]
    power = _powers(known, features, coded, len(labels))
    gives_away = {name: at for name, at in power.items() if at >= SUSPICIOUS}
    return TableReading(
        task=task,
        rows=frame.height,
        missing=frame.height - known.height,
        labels=tuple(label_text(label) for label in labels),
        positive=labels[-1] if len(labels) == 2 else None,
        rates=tuple(float((coded == code).mean()) for code in range(len(labels))),
        few=not labels and values.n_unique() <= _MOST_LABELS,
        span=(float(coded.min()), float(coded.max())),
        time=time,
        months=_months(frame, time),
        entity=entity,
        sensitive=tuple(n for n in features if n not in gives_away and _is_sensitive(n)),
        ignored=ignored,
        gives_away=gives_away,
        strong={n: at for n, at in power.items() if _STRONG[task] <= at < SUSPICIOUS},
    )


def _powers(
    frame: pl.DataFrame, names: Sequence[str], coded: NDArray[np.float64], labels: int
) -> dict[str, float]:
    """Return the power of each column alone, from at most 20,000 evenly spaced rows."""
    count = min(_ROWS, frame.height)
    rows = np.unique(np.linspace(0, frame.height - 1, count).astype(np.int64))
    sample = frame[rows]
    columns = {name: _plain(sample[name]) for name in names}
    if labels:
        found = lone_power_over_outcomes(columns, coded[rows].astype(np.int64), labels)
    else:
        found = lone_power(columns, coded[rows], binary=False)
    return {name: round(power, 3) for name, power in found.items()}


def _plain(series: pl.Series) -> NDArray[Any]:
    if series.dtype.is_numeric():
        return series.cast(pl.Float64).to_numpy()
    return series.cast(pl.String).fill_null("").to_numpy().astype(object)


def _outcome(frame: pl.DataFrame, outcome: str) -> pl.DataFrame:
    if outcome not in frame.columns:
        hint = did_you_mean(outcome, frame.columns).capitalize()
        raise DataError(
            f"The table has no column {outcome!r}. {hint or 'Its columns are'}"
            f"{'' if hint else ': ' + ', '.join(frame.columns) + '.'}"
        )
    known = frame.filter(pl.col(outcome).is_not_null())
    if frame.schema[outcome].is_float():
        known = known.filter(pl.col(outcome).is_finite())
    if known.is_empty():
        raise DataError(
            f"The outcome column {outcome!r} has no value in {frame.height} rows. "
            "Name a column that holds what really happened."
        )
    return known


def _task(values: pl.Series, outcome: str) -> Task:
    distinct = values.n_unique()
    if distinct == 1:
        raise DataError(
            f"The outcome column {outcome!r} holds nothing but {values[0]!r}: there is nothing to "
            "predict. Name another column, or add rows with other outcomes."
        )
    if distinct == 2:
        return "classification"
    if values.dtype.is_numeric():
        return "regression"
    if distinct <= _MOST_LABELS:
        return "classification"
    raise DataError(
        f"The outcome column {outcome!r} holds {distinct} different values that are no numbers; a "
        f"charter is drafted for up to {_MOST_LABELS}, each with its payoffs. Join outcomes that "
        "are worth the same, or write the charter by hand."
    )


def _by_count(values: pl.Series) -> list[str | int | bool]:
    """Return the outcomes, the most frequent first; on a tie in the order of their names."""
    counts = values.value_counts(name="times")
    pairs = sorted(counts.iter_rows(), key=lambda pair: (-pair[1], label_text(pair[0])))
    return [_as_written(value) for value, _ in pairs]


def _as_written(value: object) -> str | int | bool:
    if isinstance(value, bool | int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else str(value)


def _coded(values: pl.Series, labels: Sequence[object]) -> NDArray[np.float64]:
    if not labels:
        return values.cast(pl.Float64).to_numpy()
    codes = {label_text(label): float(code) for code, label in enumerate(labels)}
    return np.array([codes[label_text(value)] for value in values.to_list()])


def _is_date(series: pl.Series) -> bool:
    if series.dtype in (pl.Date, pl.Datetime):
        return True
    if series.dtype != pl.String or series.null_count() == len(series):
        return False
    return bool(series.drop_nulls().str.contains(_ISO_DATE).all())


def _other_date(series: pl.Series) -> str | None:
    """Return the first value that is no ISO date of a column that is mostly dates, else None."""
    if series.dtype != pl.String or series.null_count() == len(series) or _is_date(series):
        return None
    texts = series.drop_nulls()
    if cast("float", texts.str.contains(_LIKE_A_DATE).mean()) < _MOSTLY:
        return None
    return str(texts.filter(~texts.str.contains(_ISO_DATE))[0])


def _time(frame: pl.DataFrame, names: Sequence[str]) -> str | None:
    """Return the date column by which the rows are sorted, else the first without a gap."""
    dates = [n for n in names if _is_date(frame[n]) and not frame[n].null_count()]
    dates = [n for n in dates if frame[n].n_unique() > 1]
    return next((name for name in dates if frame[name].is_sorted()), next(iter(dates), None))


def _months(frame: pl.DataFrame, time: str | None) -> float | None:
    if time is None:
        return None
    series = frame[time]
    if series.dtype == pl.String:
        series = series.str.slice(0, 10).str.to_date(strict=False)
    first, last = series.cast(pl.Date).min(), series.cast(pl.Date).max()
    days = pl.Series([first, last]).diff().dt.total_days().to_list()[-1]
    return days / 30.44 if days else None


def _entity(frame: pl.DataFrame, names: Sequence[str]) -> str | None:
    for name in names:
        whole = frame[name].dtype.is_integer() or frame[name].dtype == pl.String
        if whole and _OWNER.fullmatch(name) and frame[name].n_unique() > frame.height / 50:
            return name
    return None


def _useless(series: pl.Series) -> str | None:
    """Return why a column is no feature, or None."""
    distinct, rows = series.n_unique(), len(series)
    if distinct == 1:
        return "holds one value only"
    if (example := _other_date(series)) is not None:
        return (
            f"looks like dates, but not all as YYYY-MM-DD ({example!r}). Write them so; if they "
            "say when the case was decided, name the column as `time`: rows must not learn from "
            "later ones"
        )
    if series.dtype == pl.String and rows >= 20 and distinct > 0.9 * rows and not _is_date(series):
        return "nearly every row has its own"
    if series.dtype.is_integer() and distinct == rows and rows >= 20:
        counts_up = series.is_sorted() and bool((series.diff().drop_nulls() == 1).all())
        if counts_up or _IDENTIFIER.fullmatch(series.name):
            return "numbers the rows"
    return None


def _readable(series: pl.Series) -> bool:
    plain = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)
    return series.dtype.is_numeric() or series.dtype.base_type() in plain


def _is_sensitive(name: str) -> bool:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return not _SENSITIVE.isdisjoint(re.split(r"[^a-z]+", words.lower()))
