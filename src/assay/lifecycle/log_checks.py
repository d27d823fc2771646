"""Whether a log and its reference are fit to monitor by: every fault at once, nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import polars as pl

from assay.adapters.log_frame import LogFrame
from assay.charter.charter import Charter
from assay.errors import InputError
from assay.evidence.evidence import Check
from assay.lifecycle.served_elsewhere import bundle_of_reference
from assay.monitor.readable import faults, reasons, unread_words
from assay.value.valuation import valuation

__all__ = ["log_checks"]

_SHOWN = 20

Labelled = Callable[[], tuple[pl.DataFrame, Mapping[str, int]]]
Newest = Callable[[], tuple[str, pl.DataFrame] | None]


def log_checks(
    charter: Charter,
    frame: LogFrame,
    reference: Callable[[], pl.DataFrame],
    labelled: Labelled,
    newest: Newest,
) -> tuple[Check, ...]:
    """Return checks on the reference, and on the newest file of the log.

    `reference` reads the table as it is, `labelled` the predictions in it with their outcomes
    and why others cannot be read, `newest` a file's name and table (None where the log is empty so
    far). Columns are those that are named in the charter, and those that payoffs and baselines
    read.
    """
    columns = frame.columns
    read = {columns.inputs.get(one, one) for one in valuation(charter.value, charter.data).columns}
    needed = dict.fromkeys([*frame.needed, *columns.inputs.values(), *sorted(read)])
    return (
        *_of_reference(charter, [*needed, str(columns.outcome)], reference, labelled),
        *_of_log(charter, frame, needed, newest),
    )


def _of_reference(
    charter: Charter,
    needed: Iterable[str],
    reference: Callable[[], pl.DataFrame],
    labelled: Labelled,
) -> list[Check]:
    try:
        found = [_columns("reference", reference(), needed)]
    except InputError as error:
        return [_failed("reference", error)]
    if not found[0].passed:
        return found
    try:
        rows, counts = labelled()
        bundle_of_reference(charter, rows, "")
    except InputError as error:
        return [*found, _failed("reference rows", error)]
    return [*found, _unread("reference", counts, rows.height)]


def _of_log(
    charter: Charter, frame: LogFrame, needed: Iterable[str], newest: Newest
) -> list[Check]:
    try:
        file = newest()
    except InputError as error:
        return [_failed("log", error)]
    if file is None:
        note = "the log has no predictions so far: its columns cannot be looked at"
        return [
            Check("log", passed=False, measured=0.0, limit="1 file", severity="warn", note=note)
        ]
    name, table = file
    found = [_columns(f"log {name}", table, needed)]
    if not found[0].passed:
        return found
    try:
        rows = frame.rows(table, name)
    except InputError as error:
        return [*found, _failed(f"log {name}: rows", error)]
    counts = reasons(faults(rows, valuation(charter.value, charter.data), decided=False))
    return [*found, _unread(f"log {name}", counts, rows.height - sum(counts.values()))]


def _unread(what: str, counts: Mapping[str, int], left: int) -> Check:
    """Return the check on odd rows: a warning where there are others, which are monitored."""
    odd, name = sum(counts.values()), f"{what}: rows that cannot be read"
    severity: Literal["block", "warn"] = "warn" if left else "block"
    return Check(name, not odd, float(odd), "0", severity, unread_words(counts))


def _failed(name: str, error: InputError) -> Check:
    return Check(name, passed=False, measured=None, limit="no fault", note=str(error))


def _columns(what: str, table: pl.DataFrame, needed: Iterable[str]) -> Check:
    missing = [one for one in needed if one not in table.columns]
    note = (
        f"it has no column {' and none '.join(missing)}; it has "
        f"{', '.join(table.columns[:_SHOWN])}. Mend `monitoring.source.columns`, or the file"
    )
    name = f"{what}: columns that are missing"
    return Check(name, not missing, float(len(missing)), "0", note=note if missing else "")
