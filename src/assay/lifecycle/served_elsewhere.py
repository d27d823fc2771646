"""A model that is served elsewhere: what monitoring needs of it, from labelled rows of its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.build.plain import plain
from assay.charter.charter import Charter
from assay.errors import DataError
from assay.evidence.bundle import Bundle, Input, Signature
from assay.evidence.digest import canonical_bytes
from assay.lifecycle.posting import delivery
from assay.monitor.cases import Cases, framed_cases, inputs_in, scores_of
from assay.monitor.input_columns import columns_as_built
from assay.monitor.performance import classes_of
from assay.monitor.readable import Unread, faults, reasons, unread_words
from assay.monitor.tabling import tabled
from assay.monitor.value import realised_uplift
from assay.monitor.watched import Watched
from assay.ports.outcomes import Outcomes
from assay.ports.predictions import INPUT, Batch, Predictions
from assay.stats.estimate import Estimate
from assay.stats.forecaster import forecaster_document
from assay.stats.profile import named_scores
from assay.stats.reference import LEAST_WINDOWS, make_reference, read_reference
from assay.value.stake import learn_from_cases
from assay.value.valuation import valuation

__all__ = [
    "DecidedByPolicy",
    "bundle_of_reference",
    "decided",
    "inputs_of",
    "plan_of",
    "readable_reference",
]

_LEAST_ROWS = 200
_MOST_WINDOWS = 50


class DecidedByPolicy:
    """A log of predictions, with the decisions that it lacks and the outcomes that it has.

    Where the log does not say what was done, the charter's policy did it. Outcomes that stand in
    the log are handed in like any others: what is read last counts. Where nothing is kept of the
    log any more (`remade`), what it told before is no news: corrections made since then stand.
    Rows that cannot be read are left out with their outcomes, and counted; so are the reference's,
    of which `unread` tells.
    """

    def __init__(
        self,
        log: Predictions,
        charter: Charter,
        watched: Callable[[], Watched],
        outcomes: Outcomes,
        *,
        remade: bool = False,
        unread: Unread | None = None,
    ) -> None:
        self._log, self._charter, self._outcomes = log, charter, outcomes
        self._read_watched, self._remade = watched, remade
        self._unread = unread or {}

    def after(self, position: str) -> Batch:
        """Return what was logged since a position, every row with its decision.

        DataError where no row of a file can be read; nothing of it is kept then.
        """
        batch = self._log.after(position)
        valued = valuation(self._charter.value, self._charter.data)
        why = faults(batch.rows, valued, decided=False)
        rows, told, counts = batch.rows.filter(why.is_null()), batch.outcomes, reasons(why)
        if counts and not rows.height:
            raise DataError(
                f"No row of the log {batch.file} can be read: {unread_words(counts)}. Mend the "
                "log, or `monitoring.source.columns` in the charter; nothing of it was kept."
            )
        if told is not None and counts:
            told = told.join(rows.select("id"), on="id", how="semi", maintain_order="left")
        if told is not None and told.height:
            self._outcomes.add(self._news(delivery(told, self._charter)))
        if rows["decision"].null_count():
            rows = rows.with_columns(decided(rows, self._watched))
        files = None if batch.files is None else batch.files | self._unread.keys()
        unread = {**self._unread, **({batch.file: counts} if counts else {})}
        return replace(batch, rows=rows, outcomes=None, files=files, unread=unread)

    def _news(self, told: pl.DataFrame) -> pl.DataFrame:
        before = self._told_before
        if before is None or before.schema["outcome"] != told.schema["outcome"]:
            return told
        return told.join(before, on=["id", "outcome"], how="anti", maintain_order="left")

    @cached_property
    def _told_before(self) -> pl.DataFrame | None:
        return self._outcomes.read() if self._remade else None

    @cached_property
    def _watched(self) -> Watched:
        return self._read_watched()


def readable_reference(charter: Charter, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the reference's rows that can be read, and why others cannot be.

    DataError where that leaves too few.
    """
    valued = valuation(charter.value, charter.data)
    why = faults(rows.with_columns(pl.col("id").fill_null("")), valued, decided=False)
    left, counts = rows.filter(why.is_null()), reasons(why)
    if counts and left.height < _LEAST_ROWS:
        raise DataError(
            f"Of the reference's {rows.height:,} rows (`monitoring.source.reference`) only "
            f"{left.height:,} can be read, and {_LEAST_ROWS} at least are needed: "
            f"{unread_words(counts)}. Mend the file, or `monitoring.source.columns`."
        )
    return left, counts


def decided(rows: pl.DataFrame, watched: Watched) -> pl.Series:
    """Return each row's decision: the log's where it has one, else the policy's."""
    columns = columns_as_built(watched, inputs_in(rows), rows.height)
    forecast = watched.forecast(scores_of(rows["score"]), columns)
    names = watched.valuation.names(watched.valuation.decide(forecast, columns))
    by_policy = pl.Series("decision", names, dtype=rows.schema["decision"])
    return rows["decision"].fill_null(by_policy)


def bundle_of_reference(charter: Charter, rows: pl.DataFrame, source: str) -> Bundle:
    """Return a bundle without a model: how scores became decisions, and what the reference saw.

    `rows` are held-out predictions (see `ports.predictions`) with their raw `outcome`, which the
    model did not learn from; `source` is the digest of the file. Inputs have the kinds that they
    have there. Calibration is learned from the scores and outcomes, thresholds and constants of the
    policy where the charter leaves them to be; the plan is what the reference's own decisions
    realised (the policy's, which knew these outcomes, where there are none). DataError where too
    few rows have an outcome.
    """
    rows = rows.filter(pl.col("outcome").is_not_null()).sort("at", maintain_order=True)
    if rows.height < _LEAST_ROWS:
        raise DataError(
            f"The reference (`monitoring.source.reference`) has {rows.height} rows with an "
            f"outcome; {_LEAST_ROWS} at least are needed to calibrate scores and to know what is "
            "usual. Give more held-out rows with scores and outcomes."
        )
    valued, inputs = valuation(charter.value, charter.data), _inputs(rows)
    columns = _columns(rows, inputs, valued.columns)
    raw, outcomes = scores_of(rows["score"]), valued.encode(rows["outcome"].to_numpy())
    forecaster = learn_from_cases(valued, raw, outcomes, columns)
    known = {one.name for one in inputs}
    features = {name: column for name, column in columns.items() if name in known}
    reference = make_reference(
        {**features, **named_scores(raw, valued.labels)}, windows=_windows(rows.height, charter)
    )
    untuned = Watched(inputs, valued, forecaster, read_reference(reference))
    tuned = valued.tuned(untuned.forecast(raw, columns), outcomes, columns)
    watched = replace(untuned, valuation=tuned)
    if rows["decision"].null_count():
        rows = rows.with_columns(decided(rows, watched))
    cases = framed_cases(watched, rows)
    plan = _plan(charter, watched, cases)
    return Bundle(
        charter.name,
        {
            "signature.json": _signature(watched),
            "policy.json": canonical_bytes(plain(tuned.document())),
            "calibration.json": canonical_bytes(plain(forecaster_document(forecaster))),
            "reference.json": canonical_bytes(plain(_with_tables(reference, watched, cases))),
        },
        {"reference": source, "plan": None if plan is None else plan.document()},
    )


def inputs_of(charter: Charter, rows: pl.DataFrame) -> list[str]:
    """Return the inputs to read from the log: the reference's, and what payoffs read besides."""
    given = [one.name for one in _inputs(rows)]
    needed = valuation(charter.value, charter.data).columns
    return [*given, *sorted(needed - set(given))]


def plan_of(bundle: Bundle) -> Estimate | None:
    """Return the uplift per decision that the reference showed; None where it is not told."""
    plan = bundle.origin.get("plan")
    return None if plan is None else Estimate.from_document(plan)


def _plan(charter: Charter, watched: Watched, cases: Cases) -> Estimate | None:
    found = realised_uplift(
        watched.valuation,
        watched.forecast(cases.score, cases.columns),
        cases.decisions,
        cases.outcomes,
        cases.labelled,
        cases.columns,
        blocks=watched.blocks(cases.score, cases.columns),
        seed=charter.build.seed,
        revealed_by=charter.data.revealed_by,
        moved_by=charter.data.moved_by,
        entities=cases.entities,
    )
    return None if found is None else found.uplift


def _with_tables(reference: Mapping[str, Any], watched: Watched, cases: Cases) -> dict[str, Any]:
    """Return a reference with what was decided in each of its windows, and what came."""
    known = read_reference(reference)
    ends = np.cumsum([window.n for window in known.windows]).tolist()
    rows = np.arange(cases.n)
    windows = []
    for window, end in zip(known.windows, ends, strict=True):
        part = cases.at((end - window.n <= rows) & (rows < end))
        tables = replace(
            window, scores=tabled((), watched, part), classes=classes_of(watched, part)
        )
        windows.append(tables.document())
    return {**reference, "windows": windows}


def _signature(watched: Watched) -> bytes:
    valued = watched.valuation
    signature = Signature(valued.task, watched.inputs, valued.labels, valued.actions)
    return canonical_bytes(json.loads(msgspec.json.encode(signature)))


def _inputs(rows: pl.DataFrame) -> tuple[Input, ...]:
    return tuple(
        Input(name.removeprefix(INPUT), "number" if kind.is_numeric() else "category")
        for name, kind in rows.schema.items()
        if name.startswith(INPUT)
    )


def _columns(
    rows: pl.DataFrame, inputs: tuple[Input, ...], needed: frozenset[str]
) -> dict[str, NDArray[Any]]:
    """Return the reference's inputs as columns; DataError where payoffs read one it lacks."""
    missing = sorted(needed - {one.name for one in inputs})
    if missing:
        raise DataError(
            f"Payoffs or baselines read {', '.join(missing)}, which the reference "
            "(`monitoring.source.reference`) does not have. Add what is missing to the log, or "
            "name its column under `monitoring.source.columns.inputs`."
        )
    found: dict[str, NDArray[Any]] = {}
    for one in inputs:
        column = rows[INPUT + one.name]
        if one.kind == "number":
            found[one.name] = column.fill_null(np.nan).to_numpy().astype(np.float64)
        else:
            found[one.name] = column.fill_null("").to_numpy().astype(object)
    return found


def _windows(rows: int, charter: Charter) -> int:
    """Return how many reference windows: as long as the charter's, but ten at least."""
    window = charter.monitoring.window
    wanted = rows // window.count if window.unit == "row" else _MOST_WINDOWS
    return min(max(wanted, LEAST_WINDOWS), _MOST_WINDOWS)
