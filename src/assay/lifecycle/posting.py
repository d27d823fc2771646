"""Captures and outcomes brought to monitoring, and its news posted to the ledger."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.set_aside import STANDS_FOR_ALL
from assay.charter.charter import Charter
from assay.errors import DataError
from assay.evidence.digest import digest_of
from assay.evidence.event import EventType
from assay.evidence.evidence import Evidence
from assay.evidence.folds import ModelState, VersionState
from assay.evidence.states import BASELINE_ARM, CONTROL_ARM
from assay.lifecycle.alerting import record_changes
from assay.lifecycle.approval import write
from assay.lifecycle.lessons import Lessons
from assay.lifecycle.payoffs import realised_payoffs
from assay.monitor.cases import served_once
from assay.monitor.join import newest_outcomes
from assay.monitor.report import WindowReport
from assay.monitor.run import MonitorResult
from assay.ports.blobs import Blobs
from assay.ports.ledger import Ledger
from assay.ports.outcomes import Outcomes
from assay.ports.served_windows import ServedWindows
from assay.stats.estimate import Estimate
from assay.value.labels import label_text
from assay.value.valuation import valuation

__all__ = [
    "OutcomesTaken",
    "Posted",
    "Served",
    "as_parquet",
    "delivery",
    "joined_rows",
    "labelled_table",
    "newest_rows",
    "plans_of",
    "post",
    "served_cases",
    "shares_in_words",
    "take_outcomes",
]


@dataclass(frozen=True)
class Posted:
    """What monitoring found, and how many entries of the ledger that was worth."""

    result: MonitorResult
    raised: int
    closed: int
    posted: int


def post(ledger: Ledger, charter: Charter, result: MonitorResult, now: datetime) -> Posted:
    """Write what the ledger lacks: news of alerts, and the value of judged windows.

    A window is posted again when what is known of it is not what was posted of it last: labels
    change it, and may change it back. With them goes what a
    control share shows of all so far, so that its course over time is on the books as well.
    """
    record_changes(ledger, charter.name, result.changes, now)
    fresh = _not_posted(ledger, charter, [one for one in result.windows if one.complete])
    for report in fresh:
        write(ledger, f"value:{charter.name}", EventType.VALUE_POSTED, report.posting(), now)
    if fresh and result.by_control is not None:
        last, shown = fresh[-1], result.by_control.document()
        content = {"window": last.window, "arm": CONTROL_ARM, "version": last.version}
        content |= {"control": shown}
        write(ledger, f"value:{charter.name}", EventType.VALUE_POSTED, content, now)
    return Posted(result, len(result.changes.raised), len(result.changes.closed), len(fresh))


def plans_of(state: ModelState, blobs: Blobs) -> dict[str, Estimate]:
    """Return the uplift per decision that each version's evaluation promised, by bundle."""
    plans = {}
    for version in state.registered:
        for content in _evaluations(version, blobs):
            uplift = content["assessment"]["uplift_per_decision"]
            plans[version.bundle] = Estimate.from_document(uplift)
    return plans


def shares_in_words(version: VersionState, blobs: Blobs) -> list[str]:
    """Return what a version's newest evaluation says of what shares cost and show."""
    for content in reversed(_evaluations(version, blobs)):
        return list(content.get("shares", {}).get("costs", ()))
    return []


def _evaluations(version: VersionState, blobs: Blobs) -> list[Mapping[str, Any]]:
    """Return the contents of a version's evaluations that are kept, oldest first."""
    return [
        Evidence.from_document(json.loads(blobs.get(one.digest))).content
        for one in version.evidence
        if one.kind == "evaluation" and blobs.has(one.digest)
    ]


@dataclass(frozen=True, eq=False)
class Served:
    """Captures of one model, each once, with what each paid (NaN where that is not known)."""

    records: Sequence[Mapping[str, Any]]
    outcomes: Sequence[Any]
    payoffs: NDArray[np.float64]


def served_cases(
    charter: Charter, captures: Sequence[Mapping[str, Any]], outcomes: pl.DataFrame
) -> Served:
    """Join captures with outcomes, and put money on each decision, by the charter as it is now."""
    records = served_once(captures, charter.name)
    _, known = newest_outcomes(
        [record["id"] for record in records],
        *(outcomes[name].to_list() for name in ("id", "revision", "outcome")),
    )
    payoffs = realised_payoffs(valuation(charter.value, charter.data), records, known)
    return Served(records, known, payoffs)


def labelled_table(served: Served, charter: Charter) -> pl.DataFrame:
    """Return the inputs of every case whose outcome is known, with it, oldest first.

    The column `STANDS_FOR_ALL` says which of them are a fair sample of all cases served. Where an
    outcome shows only after some actions, a case is in the table because of what was decided
    on it, with the probability `propensity`; kept with the least probability there is, divided by
    its own, each case served is in the sample with one and the same probability (rejection
    sampling; von Neumann 1951). Without an exploration share that least probability is 0.
    Cases in the control (or beside a first version on trial) are there by chance alone: they are
    kept whole where the baseline does one thing with all of them.
    """
    rng = np.random.default_rng(charter.build.seed)
    draws = rng.random(len(served.records))
    rows = [
        {
            **record["inputs"],
            charter.data.outcome: outcome,
            **_context(record, charter),
            STANDS_FOR_ALL: bool(draw < _kept(record, charter)),
        }
        for record, outcome, draw in zip(served.records, served.outcomes, draws, strict=True)
        if outcome is not None
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _kept(record: Mapping[str, Any], charter: Charter) -> float:
    actions = charter.value.actions
    if not charter.data.revealed_by or actions is None:
        return 1.0
    if record.get("arm") in (BASELINE_ARM, CONTROL_ARM):
        return float(str(charter.value.baselines[charter.value.baseline]) in actions)
    return charter.release.exploration_share / len(actions) / float(record["propensity"])


def newest_rows(frame: pl.DataFrame, served: pl.DataFrame, charter: Charter) -> bytes:
    """Return what a retraining learns from: a table's rows and the served ones, as Parquet.

    Of them the newest `response.training_rows`, where the charter names so many, and of older ones
    ever fewer by `response.half_life_rows` (see `Lessons`).
    """
    rows = joined_rows(frame, served, charter)
    kept = Lessons.read(charter.response, charter.build.seed).of(np.arange(rows.height))
    return as_parquet(rows[kept])


def joined_rows(frame: pl.DataFrame, served: pl.DataFrame, charter: Charter) -> pl.DataFrame:
    """Return a table's rows with the served ones after them, in order of time where there is one.

    Columns are the table's; what served cases do not have is missing there.
    """
    time = charter.data.time
    rows = frame.with_columns(pl.lit(value=True).alias(STANDS_FOR_ALL))
    if served.height:
        shared = [name for name in rows.columns if name in served.columns]
        typed = served.select(pl.col(name).cast(rows.schema[name]) for name in shared)
        rows = pl.concat([rows, typed], how="diagonal")
    return rows if time is None else rows.sort(time, maintain_order=True)


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return a table as Parquet: the same table, the same bytes."""
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _context(record: Mapping[str, Any], charter: Charter) -> dict[str, Any]:
    """Return whose case it is and when it was served (UTC), where the charter has columns for it.

    A time that was sent as an input stays.
    """
    entity, time = charter.data.entity, charter.data.time
    found = {} if entity is None else {entity: record.get("entity")}
    if time is not None and time not in record["inputs"]:
        found[time] = datetime.fromisoformat(record["at"]).astimezone(UTC).replace(tzinfo=None)
    return found


@dataclass(frozen=True)
class OutcomesTaken:
    """How many outcomes were handed in, whether they were new, and how many ids nobody served."""

    rows: int
    new: bool
    strangers: int


def take_outcomes(
    frame: pl.DataFrame,
    charter: Charter,
    store: Outcomes,
    captures: Iterable[Mapping[str, Any]],
    kept: ServedWindows | None = None,
) -> OutcomesTaken:
    """Keep a table of outcomes; rows whose id nothing was served under are kept, and counted.

    Served is what was captured, and what monitoring keeps of a log that somebody else writes.
    """
    rows = delivery(frame, charter)
    served = {str(record["id"]) for record in captures}
    if kept is not None:
        served |= set(kept.locate(rows["id"].unique())["id"].to_list())
    strangers = sum(one not in served for one in rows["id"].to_list())
    return OutcomesTaken(rows.height, store.add(rows), strangers)


def delivery(frame: pl.DataFrame, charter: Charter) -> pl.DataFrame:
    """Return a table of outcomes as it is kept: `id` and `outcome`; DataError where it is none.

    The outcome stands in a column `outcome`, or in one named as the charter's outcome column.
    Rows without an outcome are left out: they say nothing yet. One id has one outcome, and an
    amount lies within the charter's caps.
    """
    name = "outcome" if "outcome" in frame.columns else charter.data.outcome
    named = {"id": "id", name: " or ".join(dict.fromkeys(("outcome", charter.data.outcome)))}
    missing = [words for column, words in named.items() if column not in frame.columns]
    if missing:
        raise DataError(
            f"The outcomes have no column {' and no column '.join(missing)}; they have "
            f"{', '.join(frame.columns)}. Give the prediction's `id` (from the answer's parameter "
            "`prediction_ids`) and its `outcome`. Nothing was taken in."
        )
    rows = frame.select(pl.col("id").cast(pl.String), pl.col(name).alias("outcome")).drop_nulls()
    valued = valuation(charter.value, charter.data)
    encoded = valued.encode(rows["outcome"].to_numpy()) if rows.height else np.empty(0)
    if valued.task == "regression":
        rows = rows.with_columns(pl.Series("outcome", encoded.astype(np.float64)))
        _within_caps(rows, charter)
    else:
        texts = [label_text(value) for value in rows["outcome"].to_list()]
        rows = rows.with_columns(pl.Series("outcome", texts, dtype=pl.String))
    _of_one_mind(rows)
    return rows


def _within_caps(rows: pl.DataFrame, charter: Charter) -> None:
    least, most = charter.value.caps.get("outcome", (-np.inf, np.inf))
    beyond = rows.filter(~pl.col("outcome").is_between(least, most))
    if beyond.height:
        id_, outcome = beyond.row(0)
        raise DataError(
            f"The outcome of {id_} is {outcome:g}, beyond the charter's `value.caps.outcome` "
            f"[{least:g}, {most:g}], and so are {beyond.height:,} of {rows.height:,} in all. Mend "
            "the outcomes, or widen the caps in the charter. Nothing was taken in."
        )


def _of_one_mind(rows: pl.DataFrame) -> None:
    torn = rows.unique(maintain_order=True).filter(pl.col("id").is_duplicated())
    if torn.height:
        id_ = torn["id"][0]
        told = torn.filter(pl.col("id") == id_)["outcome"].to_list()
        raise DataError(
            f"This table of outcomes tells the id {id_} more than once, and not the same: "
            f"{' and '.join(str(one) for one in told[:3])}; {torn['id'].n_unique():,} of its ids "
            "are told so. Keep one outcome for each id. Nothing was taken in."
        )


def _not_posted(
    ledger: Ledger, charter: Charter, reports: Sequence[WindowReport]
) -> list[WindowReport]:
    """Return the reports that the newest postings of their window, arm and version do not say.

    A version that served from two bundles in one window has two reports there, and two postings.
    """
    said: dict[tuple[str, str, int], list[str]] = {}
    for event in ledger.events(f"value:{charter.name}"):
        content = {name: value for name, value in event.data.items() if name != "at"}
        if event.type == EventType.VALUE_POSTED and "control" not in content:
            of = (content["window"], content["arm"], content["version"])
            said.setdefault(of, []).append(digest_of(content))
    count = Counter(_place(one) for one in reports)
    return [
        one
        for one in reports
        if digest_of(one.posting()) not in said.get(_place(one), [])[-count[_place(one)] :]
    ]


def _place(report: WindowReport) -> tuple[str, str, int]:
    return report.window, report.arm, report.version
