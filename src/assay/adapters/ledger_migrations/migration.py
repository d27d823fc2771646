"""Brings a ledger's database to the format that this version writes.

To change the format: add `versions/rNNNN_<what>.py` with `revision`, `down_revision` and
`upgrade`, raise `CURRENT`, and change the table in the adapter. Stored bytes and digests are
never touched by a migration.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from assay.errors import StoreError

__all__ = ["CURRENT", "bring_up_to_date", "stored_format"]

CURRENT = "0001"


def stored_format(connection: Connection) -> str | None:
    """Return the format of an open database; None where it is empty.

    Raises StoreError where it holds other tables than a ledger's.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables or "ledger" not in tables:
        raise StoreError(
            f"{connection.engine.url.database} is a database, but no ledger: it holds "
            f"{', '.join(tables)}. Choose another place for the ledger."
        )
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def bring_up_to_date(connection: Connection, stored: str | None) -> None:
    """Run the steps that a database lacks, within the caller's transaction."""
    # Alembic is imported here, since a database in the current format never needs it.
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(str(Path(__file__).parent))
    known = [script.revision for script in scripts.walk_revisions()]
    if stored is not None and stored not in known:
        raise StoreError(
            f"{connection.engine.url.database} is a ledger in format {stored}, and this version "
            f"of Assay knows formats up to {CURRENT}: use the newer version that wrote it."
        )
    steps = list(scripts.iterate_revisions(CURRENT, stored or "base"))
    context = MigrationContext.configure(connection)
    with Operations.context(context):
        for step in reversed(steps):
            step.module.upgrade()
    context.stamp(scripts, CURRENT)
