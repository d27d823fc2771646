"""Format 1: chained entries, the head apart from them, and triggers that let nobody change them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from assay.evidence.event import GENESIS

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None

_REFUSE = """
CREATE FUNCTION assay_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The ledger is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME;
END $$
"""

_GROWS = """
CREATE FUNCTION assay_ledger_head_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> OLD.seq + 1 THEN
    RAISE EXCEPTION 'The head of the ledger moves on by one entry, not from % to %.',
      OLD.seq, NEW.seq;
  END IF;
  RETURN NEW;
END $$
"""

_TRIGGERS = (
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION assay_ledger_is_append_only()"
    ),
    (
        "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON ledger_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION assay_ledger_is_append_only()"
    ),
    (
        "CREATE TRIGGER grows BEFORE UPDATE ON ledger_head "
        "FOR EACH ROW EXECUTE FUNCTION assay_ledger_head_grows()"
    ),
)


def upgrade() -> None:
    """Create tables and triggers; there is no way down, since a ledger is never taken apart."""
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("subject_revision", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.UniqueConstraint("subject", "subject_revision", name="one_entry_a_revision"),
    )
    head = op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "digest": GENESIS}])
    for statement in (_REFUSE, _GROWS, *_TRIGGERS):
        op.execute(statement)
