"""Who sends a body is asked for a token first, and a charter needs more than one scope."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.server.running import Running

from assay.adapters.sql_server_store import server_store_of
from assay.lifecycle.access_tokens import made_token

M = "models/campaign"
Server = tuple[Running, Path]


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Basic x"])
@pytest.mark.parametrize("path", [f"{M}/charter", f"{M}/outcomes", f"{M}/release"])
def test_a_body_of_nobody_is_not_waited_for(server: Server, path: str, token: str | None) -> None:
    connection = http.client.HTTPConnection(urlsplit(server[0].url).netloc, timeout=20)
    with closing(connection):
        connection.putrequest("PUT" if path.endswith("charter") else "POST", f"/api/v1/{path}")
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", str(200 * 1024 * 1024))
        if token is not None:
            connection.putheader("authorization", token)
        connection.endheaders()  # and nothing of the body
        answer = connection.getresponse()
        assert answer.status == 401
        assert answer.getheader("www-authenticate") == 'Bearer realm="assay"'
        assert "needs a token" in json.loads(answer.read())["error"]


def test_a_charter_is_changed_by_a_token_that_releases_too(server: Server) -> None:
    running, folder = server
    charter = {"yaml": (folder / "charter.yaml").read_text()}
    for scopes, status in ((["build"], 403), (["release"], 403), (["build", "release"], 200)):
        secret, token = made_token("-".join(scopes), scopes, "", datetime(2026, 1, 2, tzinfo=UTC))
        with closing(server_store_of(folder / ".assay", None)) as store:
            store.add_token(token)
        with httpx.Client(headers={"authorization": f"Bearer {secret}"}, timeout=30) as client:
            answer = _known(client, f"{running.url}/api/v1/{M}/charter", charter)
        assert answer.status_code == status, answer.text


def _known(client: httpx.Client, url: str, charter: dict[str, str]) -> httpx.Response:
    """Ask until the server has looked at its tokens again: within a second or two."""
    end = datetime.now(UTC).timestamp() + 5
    while True:
        answer = client.put(url, json=charter)
        if answer.status_code != 401 or datetime.now(UTC).timestamp() > end:
            return answer
