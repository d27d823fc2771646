"""Names of predictions: a request sent again keeps its own, and nobody reads values out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.gateway_folder import lay_out
from tests.handler_client import client_of

from assay.adapters.installation_key import installation_key
from assay.evidence.bundle import Bundle
from assay.gateway.prediction_id import fresh_names, request_name
from assay.gateway.protocol import decode_body
from assay.gateway.root import build_gateway

INFER = "/v2/models/bank/infer"
Body = Callable[..., dict[str, Any]]


def _names(folder: Path, *asked: dict[str, Any]) -> list[str]:
    with client_of(build_gateway([folder])) as client:
        answers = [client.post(INFER, json=one).json() for one in asked]
    return [one["parameters"]["prediction_ids"][0] for one in answers]


def test_a_name_lasts_and_hangs_on_the_installations_key(
    tmp_path: Path, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    asked = body(1, id="q1", parameters={"entity": "4711"})
    lay_out(tmp_path / "a", classifiers[0])
    lay_out(tmp_path / "b", classifiers[0])
    first, again = _names(tmp_path / "a", asked, asked)
    (after,) = _names(tmp_path / "a", asked)
    (elsewhere,) = _names(tmp_path / "b", asked)
    assert first == again == after, "also of another process"
    assert first != elsewhere, "whoever has no key cannot find out what was asked"

    read = decode_body(json.dumps(asked).encode())

    def own() -> bytes:
        return installation_key(tmp_path / "a" / "capture.key")

    assert first == f"{request_name(read, ('4711',), fresh_names(), own)}/0"
    assert first != f"{request_name(read, ('4711',), fresh_names())}/0"


def test_no_key_is_made_where_nobody_names_a_request(
    tmp_path: Path, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    lay_out(tmp_path, classifiers[0])
    _names(tmp_path, body(1))
    assert not (tmp_path / "capture.key").exists()
