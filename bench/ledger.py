"""Durable appends: our hash-chained ledger beside a bare SQLite table, both at full sync."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from bench.turns import compare, rounds

from assay.adapters.sqlite_ledger import open_ledger

_COUNT = 300
_CONTENT = (
    b'{"at":"2026-01-01T00:00:00+00:00","id":"1","kind":"value","text":"' + b"x" * 200 + b'"}'
)


def _ours() -> float:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder) / "ledger.sqlite")
        start = time.perf_counter()
        for _ in range(_COUNT):
            ledger.append("alert:bench", "alert.raised", _CONTENT, None)
        taken = time.perf_counter() - start
        ledger.close()
    return _COUNT / taken


def _bare() -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "bare.sqlite", isolation_level=None)
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.execute("create table entry (seq integer primary key, content blob)")
        start = time.perf_counter()
        for _ in range(_COUNT):
            database.execute("insert into entry (content) values (?)", (_CONTENT,))
        taken = time.perf_counter() - start
        database.close()
    return _COUNT / taken


def run() -> None:
    compare(
        {"bare SQLite, WAL, full sync": _bare, "assay ledger (chain and head file)": _ours},
        rounds=rounds(5),
        unit="appends/s",
        against="bare SQLite, WAL, full sync",
    )
