"""A signed campaign and a server over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.server.running import Running, running

from assay.adapters.sql_server_store import server_store_of
from assay.lifecycle.access_tokens import made_token
from assay.workspace import Workspace


@pytest.fixture(scope="session")
def signed_campaign(built_campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign whose version everybody signed, and a token that opens everything."""
    folder = tmp_path_factory.mktemp("signed") / "campaign"
    shutil.copytree(built_campaign, folder)
    workspace = Workspace(folder)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    now = datetime(2026, 1, 2, tzinfo=UTC)
    secret, token = made_token("all", ["admin"], "Ana Costa", now)
    with closing(server_store_of(folder / ".assay", None)) as store:
        store.add_token(token)
    (folder / "secret").write_text(secret)
    return folder


@pytest.fixture
def signed(signed_campaign: Path, tmp_path: Path) -> Path:
    """A copy of the signed campaign that a test may write to."""
    return Path(shutil.copytree(signed_campaign, tmp_path / "campaign"))


@pytest.fixture(scope="module")
def server(
    signed_campaign: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Path]]:
    """A server process over a copy of the signed campaign, one for a file of tests."""
    folder = tmp_path_factory.mktemp("served") / "campaign"
    shutil.copytree(signed_campaign, folder)
    with running(folder, secret=(folder / "secret").read_text()) as process:
        yield process, folder
