"""A PostgreSQL schema of a test's own, where a server answers; else the test is skipped."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["ADDRESS", "schema"]

ADDRESS = os.environ.get("ASSAY_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")


@contextmanager
def schema() -> Iterator[str]:
    """Give the address of an empty schema, and remove it with all that is in it."""
    psycopg = pytest.importorskip("psycopg")
    name = f"assay_{uuid.uuid4().hex}"
    try:
        admin = psycopg.connect(ADDRESS, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {ADDRESS}: {error}")
    with admin:
        admin.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{ADDRESS}?options=-csearch_path%3D{name}"
        finally:
            # Whoever was killed may hold a connection for a moment longer.
            admin.execute("SET lock_timeout TO '20s'")
            admin.execute(f"DROP SCHEMA {name} CASCADE")
