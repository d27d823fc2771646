"""What is sent to the server to break it: an answer that is no 500, and nothing written outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.server.running import Running

NAME = "00000000000000000001-1-00000000.log"


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fcharter.yaml",
        "%2e%2e%2fescaped.log",
        "..",
        NAME + "%00",
        NAME.replace("-", "%2F"),
        "x" * 300,
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(name: str, server: tuple[Running, Path]) -> None:
    process, folder = server
    before = {path for path in folder.parent.rglob("*") if "escaped" in path.name}
    answer = process.client.post(f"/models/campaign/captures/{name}", content=b"x")
    assert 400 <= answer.status_code < 500
    assert {path for path in folder.parent.rglob("*") if "escaped" in path.name} == before


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"[" * 100_000, b"PK\x03\x04" + b"\0" * 99])
def test_a_file_that_is_no_log_is_refused_and_not_kept(
    content: bytes, server: tuple[Running, Path]
) -> None:
    process, folder = server
    answer = process.client.post(f"/models/campaign/captures/{NAME}", content=content)
    assert answer.status_code == 422
    assert not (folder / ".assay" / "captures" / NAME).exists()


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"outcomes":' * 50_000, b"\xff", b"1e999"])
@pytest.mark.parametrize("path", ["/models/campaign/outcomes", "/tokens"])
def test_deep_or_broken_json_is_refused(
    path: str, content: bytes, server: tuple[Running, Path]
) -> None:
    process, _ = server
    kind = {"content-type": "application/json"}
    answer = process.client.post(path, content=content, headers=kind)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "digest", ["..%2F..%2Fledger.sqlite", "%2Fetc%2Fpasswd", "A" * 64, "f" * 64]
)
def test_a_digest_names_a_blob_and_no_other_file(digest: str, server: tuple[Running, Path]) -> None:
    process, _ = server
    assert process.client.get(f"/blobs/{digest}").status_code in (404, 422)


@pytest.mark.parametrize("model", ["..%2Fcampaign", "%2e%2e", "campaign%2F..", "x" * 500])
def test_a_model_is_a_name_and_no_path(model: str, server: tuple[Running, Path]) -> None:
    process, _ = server
    assert process.client.get(f"/models/{model}/desired").status_code in (404, 422)
    sent = process.client.post(f"/models/{model}/captures/{NAME}", content=b"x")
    assert sent.status_code in (404, 405, 422)


def test_an_environment_that_is_a_path_is_refused(server: tuple[Running, Path]) -> None:
    process, folder = server
    for environment in ("../../escaped", "/etc", "a/b", "x" * 5000):
        sent = process.client.post(
            f"/models/campaign/captures/{NAME}?environment={environment}", content=b"x"
        )
        assert 400 <= sent.status_code < 500
    assert not (folder.parent / "escaped").exists()
