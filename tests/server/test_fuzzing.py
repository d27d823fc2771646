"""Whatever is sent, by our own description of the interface, is answered in the one form."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.server.running import Running, running

_EACH = 5
"""Cases of each operation."""

_KEPT = {"content-type", "accept"}


@pytest.fixture(scope="module")
def fuzzed(signed_campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("fuzzed") / "campaign"
    shutil.copytree(signed_campaign, folder)
    with running(folder, secret=(folder / "secret").read_text()) as process:
        yield process


@pytest.fixture(scope="module")
def description(fuzzed: Running) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{fuzzed.url}/api/v1/openapi.json").json()
    return found


def test_the_description_names_every_route(description: dict[str, Any]) -> None:
    paths = description["paths"]
    assert "/api/v1/watch" in paths
    operations = [one for path in paths.values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) >= 30
    for one in operations:
        if not one["operationId"].startswith("health"):
            assert one["security"] == [{"HTTPBearer": []}], one["operationId"]


def test_no_input_is_answered_with_500(fuzzed: Running, description: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(description)
    statuses: dict[int, int] = {}
    rules = settings(
        max_examples=_EACH,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )

    def tried(operation: Any) -> None:
        @rules
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            if operation.path.endswith("/watch"):
                case.query = {**(case.query or {}), "hold": 0}
            if "model" in (case.path_parameters or {}):
                case.path_parameters["model"] = "campaign"  # any other is not there
            kwargs = case.as_transport_kwargs(base_url=fuzzed.url)
            sent = {k: v for k, v in (kwargs.get("headers") or {}).items() if k.lower() in _KEPT}
            kwargs["headers"] = {**sent, "authorization": fuzzed.client.headers["authorization"]}
            kwargs.pop("cookies", None)
            if isinstance(kwargs.get("data"), bytes | str):
                kwargs["content"] = kwargs.pop("data")
            answer = httpx.request(**kwargs, timeout=60)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, f"{operation.label}: {answer.text} to {kwargs}"
            if answer.status_code >= 400:
                assert set(answer.json()) - {"faults"} == {"error"}, answer.text

        send()

    for found in schema.get_all_operations():
        tried(cast("Any", found).ok())
    assert sum(statuses.values()) >= 100
    assert {200, 422} <= set(statuses)
