"""Anyone's table of predictions under the names that monitoring knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from assay.charter.prediction_log import LogColumns
from assay.errors import DataError
from assay.ports.predictions import INPUT, SERVED

__all__ = ["LogFrame"]

_WHERE = "`monitoring.source.columns` in the charter"
_TEXT = ("id", "arm", "entity")


@dataclass(frozen=True)
class LogFrame:
    """How a log's columns become those of `ports.predictions`.

    `amounts` says that decisions and outcomes are numbers, not names; `inputs` are the inputs to
    take, by the names that the model knows (None: every column that means nothing else, but for
    those to `leave` out). Of a column that is none of them it is told that it is there (`True`),
    not what it holds. Predictions of a log have `bundle` as theirs, arm `champion` and version
    1 where the log does not tell.
    """

    columns: LogColumns
    amounts: bool
    bundle: str = ""
    inputs: tuple[str, ...] | None = None
    leave: tuple[str, ...] = field(default=())

    def rows(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        """Return a table's rows; DataError where it lacks a column, or one cannot be read.

        `name` is the file's: rows without ids are called `name#row`.
        """
        self._must_have(frame, name)
        log, n = self.columns, frame.height
        made = {one: pl.lit(None, dtype=kind).alias(one) for one, kind in SERVED.items()}
        made["id"] = pl.format("{}#{}", pl.lit(name), pl.int_range(1, n + 1)).alias("id")
        made["version"] = pl.lit(1, dtype=pl.Int64).alias("version")
        made["arm"] = pl.lit("champion").alias("arm")
        made["bundle"] = pl.lit(self.bundle).alias("bundle")
        for one in _TEXT:
            if (given := getattr(log, one)) is not None:
                made[one] = pl.col(given).cast(pl.String).alias(one)
        made["arm"] = made["arm"].fill_null("champion")
        if log.latency_ms is not None:
            made["latency_ms"] = pl.col(log.latency_ms).cast(pl.Float64).alias("latency_ms")
        if log.version is not None:
            made["version"] = pl.col(log.version).cast(pl.Int64).fill_null(1).alias("version")
        made["at"] = _moment(frame, log.time, name)
        made["score"] = self._score()
        made["decision"] = self._decision(frame)
        inputs = [_input(frame, given, known) for known, given in self._inputs(frame).items()]
        try:
            return frame.select(*made.values(), *inputs, *self._strange(frame))
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"The log {name} cannot be read: {_first_line(error)}. Scores and latencies are "
                f"numbers, versions whole numbers and times moments; mend the log, or {_WHERE}."
            ) from error

    def outcomes(self, frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame | None:
        """Return (id, outcome) of the rows that have one; None where the log has no such column.

        A log may well have none, or have it in some of its files only: not known yet.
        """
        given = self.columns.outcome
        if given is None or given not in frame.columns:
            return None
        told = rows.select("id").with_columns(frame[given].alias("outcome"))
        return told.filter(
            pl.col("outcome").is_not_null() & (pl.col("outcome").cast(pl.String) != "")
        )

    @property
    def needed(self) -> list[str]:
        """The columns that a log must have, inputs apart: outcomes may come another way."""
        return [one for one in self._named() if one != self.columns.outcome]

    def _must_have(self, frame: pl.DataFrame, name: str) -> None:
        missing = [one for one in self.needed if one not in frame.columns]
        if missing:
            raise DataError(
                f"The log {name} has no column {' and none '.join(missing)}; it has "
                f"{', '.join(frame.columns[:20])}. Name its columns under {_WHERE}."
            )

    def _scores(self) -> Sequence[str]:
        return (self.columns.score,) if isinstance(self.columns.score, str) else self.columns.score

    def _named(self) -> list[str]:
        """Return the log's columns that mean something other than an input."""
        log = self.columns
        optional = (log.id, log.decision, log.outcome, log.version, log.arm, log.entity)
        named = [*self._scores(), log.time, *optional, log.latency_ms]
        return [one for one in named if one is not None]

    def _score(self) -> pl.Expr:
        scores = [pl.col(one).cast(pl.Float64) for one in self._scores()]
        return (scores[0] if len(scores) == 1 else pl.concat_list(scores)).alias("score")

    def _decision(self, frame: pl.DataFrame) -> pl.Expr:
        given, kind = self.columns.decision, pl.Float64 if self.amounts else pl.String
        if given is None:
            return pl.lit(None, dtype=kind).alias("decision")
        whole = frame.schema[given].is_float() and not self.amounts
        column = pl.col(given).cast(pl.Int64) if whole else pl.col(given)
        return column.cast(kind).alias("decision")

    def _strange(self, frame: pl.DataFrame) -> list[pl.Expr]:
        """Return a mark for each of the log's columns that nobody asked for."""
        if self.inputs is None:
            return []
        asked = {*self._inputs(frame).values(), *self._named()}
        return [
            pl.lit(value=True).alias(INPUT + one)
            for one in frame.columns
            if one not in asked and one not in self.inputs
        ]

    def _inputs(self, frame: pl.DataFrame) -> dict[str, str]:
        """Return the log's column of each input that it has."""
        renamed = self.columns.inputs
        if self.inputs is not None:
            wanted = {one: renamed.get(one, one) for one in self.inputs}
            return {known: given for known, given in wanted.items() if given in frame.columns}
        back = {given: known for known, given in renamed.items()}
        taken = {*self._named(), *self.leave}
        return {back.get(one, one): one for one in frame.columns if one not in taken}


def _input(frame: pl.DataFrame, given: str, known: str) -> pl.Expr:
    kind = frame.schema[given]
    number = kind.is_numeric() or kind == pl.Boolean
    return pl.col(given).cast(pl.Float64 if number else pl.String).alias(INPUT + known)


def _moment(frame: pl.DataFrame, given: str, name: str) -> pl.Expr:
    """Return moments in UTC without a zone; text is read as ISO 8601, without a zone as UTC."""
    kind, column = frame.schema[given], pl.col(given)
    if kind == pl.String:
        column = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=True)
        kind = pl.Datetime("us", "UTC")
    if isinstance(kind, pl.Datetime):
        column = column.dt.convert_time_zone("UTC") if kind.time_zone else column
        return column.dt.replace_time_zone(None).cast(pl.Datetime("us")).alias("at")
    if kind == pl.Date:
        return column.cast(pl.Datetime("us")).alias("at")
    raise DataError(
        f"The times in column {given} of the log {name} are {kind}: write dates, moments, or text "
        "as 2026-03-01T12:00:00Z."
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".")
