"""The tables of a ledger's SQLite file, and the steps from one format to the next.

The file says its format in `alembic_version`, as the ledger in PostgreSQL does. To change it: add a
step to `_STEPS` and change the adapter. Stored bytes and digests are never touched by a step, and
there is no way down: a ledger is never taken apart.
"""

from __future__ import annotations

import sqlite3

from assay.errors import StoreError

__all__ = ["CURRENT", "bring_up_to_date", "stored_format"]

_FIRST = """
CREATE TABLE ledger (
    seq INTEGER NOT NULL,
    subject TEXT NOT NULL,
    subject_revision INTEGER NOT NULL,
    type TEXT NOT NULL,
    bytes BLOB NOT NULL,
    previous TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (seq),
    CONSTRAINT one_entry_a_revision UNIQUE (subject, subject_revision)
);
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('')
"""

_STEPS = {"0001": tuple(_FIRST.split(";"))}
"""What leads to each format from the one before it, the first from an empty database."""

CURRENT = max(_STEPS)


def stored_format(connection: sqlite3.Connection, path: str) -> str | None:
    """Return the format of an open database; None where it is empty.

    Raises StoreError where it holds other tables than a ledger's.
    """
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = [str(name) for (name,) in named]
    if not tables:
        return None
    if "alembic_version" not in tables or "ledger" not in tables:
        raise StoreError(
            f"{path} is a database, but no ledger: it holds {', '.join(tables)}. Choose another "
            "place for the ledger."
        )
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if found is None else str(found[0])


def bring_up_to_date(connection: sqlite3.Connection, path: str, stored: str | None) -> None:
    """Take the steps that a database lacks, within the caller's transaction."""
    if stored is not None and stored not in _STEPS:
        raise StoreError(
            f"{path} is a ledger in format {stored}, and this version of Assay knows formats up to "
            f"{CURRENT}: use the newer version that wrote it."
        )
    for number, statements in sorted(_STEPS.items()):
        if stored is None or number > stored:
            for statement in statements:
                connection.execute(statement)
            connection.execute("UPDATE alembic_version SET version_num = ?", (number,))
