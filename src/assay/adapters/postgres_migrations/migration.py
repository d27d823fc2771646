"""Brings a ledger in PostgreSQL to the format that this version writes.

To change the format: add `versions/rNNNN_<what>.py` with `revision`, `down_revision` and
`upgrade`, raise `CURRENT`, and change the table in the adapter. Stored bytes and digests are
never touched by a migration. Other tables in the database are left alone.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from assay.errors import StoreError

__all__ = ["CURRENT", "bring_up_to_date", "stored_format"]

CURRENT = "0001"

_TABLE = "assay_ledger_format"

_LOCK = 0x41535341  # "ASSA": one migrates, the others wait


def stored_format(connection: Connection) -> str | None:
    """Return the format of the ledger in a database; None where it holds none.

    Raises StoreError where tables have a ledger's names and are none.
    """
    tables = set(inspect(connection).get_table_names())
    if _TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608
        return None if found is None else str(found)
    if "ledger" in tables or "ledger_head" in tables:
        raise StoreError(
            f"The database {connection.engine.url.database} has tables of a ledger's names that "
            "Assay did not make. Choose another database, or another schema in it."
        )
    return None


def bring_up_to_date(connection: Connection) -> None:
    """Run the steps that a database lacks, within the caller's transaction."""
    # Alembic is imported here, since a database in the current format never needs it.
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    stored = stored_format(connection)  # another process may have been faster
    if stored == CURRENT:
        return
    scripts = ScriptDirectory(str(Path(__file__).parent))
    known = [script.revision for script in scripts.walk_revisions()]
    if stored is not None and stored not in known:
        raise StoreError(
            f"The ledger in {connection.engine.url.database} has format {stored}, and this version "
            f"of Assay knows formats up to {CURRENT}: use the newer version that wrote it."
        )
    steps = list(scripts.iterate_revisions(CURRENT, stored or "base"))
    context = MigrationContext.configure(connection, opts={"version_table": _TABLE})
    with Operations.context(context):
        for step in reversed(steps):
            step.module.upgrade()
    context.stamp(scripts, CURRENT)
