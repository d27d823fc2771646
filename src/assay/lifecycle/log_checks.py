"""Whether a log and its reference are fit to monitor by: every fault at once, nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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

Newest = Callable[[], tuple[str, pl.DataFrame] | None]


def log_checks(
    charter: Charter,
    frame: LogFrame,
    reference: Callable[[], pl.DataFrame],
    labelled: Callable[[], pl.DataFrame],
    newest: Newest,
) -> tuple[Check, ...]:
    """Return checks on the reference, and on the newest file of the log.

    `reference` reads the table as it is, `labelled` the predictions in it with their outcomes,
    `newest` a file's name and table (None where the log is empty so far). Columns are those that
    are named in the charter, and those that payoffs and baselines read.
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
    labelled: Callable[[], pl.DataFrame],
) -> list[Check]:
    try:
        found = [_columns("reference", reference(), needed)]
    except InputError as error:
        return [_failed("reference", error)]
    if not found[0].passed:
        return found
    try:
        bundle_of_reference(charter, labelled(), "")
    except InputError as error:
        return [*found, _failed("reference rows", error)]
    return [*found, Check("reference rows", passed=True, measured=0.0, limit="no fault")]


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
    odd = sum(counts.values())
    named, severity = f"log {name}: rows that cannot be read", _severity(odd, rows.height)
    return [*found, Check(named, not odd, float(odd), "0", severity, unread_words(counts))]


def _severity(odd: int, rows: int) -> Literal["block", "warn"]:
    """Return how bad odd rows are: the others are monitored where there are any."""
    return "block" if odd == rows else "warn"


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
