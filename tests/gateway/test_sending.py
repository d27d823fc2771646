"""What a gateway elsewhere was told goes home: a faulty outcome costs no other."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.http_control_plane import HttpControlPlane
from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.errors import ServiceError, StoreError
from assay.gateway.sending import send_home
from assay.ports.control_plane import OutcomesRefused
from assay.ports.outcome_inbox import Happened


class _Plane:
    """A server that refuses a request with an amount beyond 100, or with two words on one id.

    It names so many of the faulty; an older one names none.
    """

    def __init__(self, names: int = 0) -> None:
        self.names = names
        self.taken: dict[str, Happened] = {}
        self.asked = 0
        self.refuses_all = self.away = False

    def watch(self, told: Mapping[str, str]) -> bytes:
        raise ServiceError(str(told))

    def blob(self, digest: str) -> bytes:
        raise ServiceError(digest)

    def take_captures(self, model: str, environment: str, name: str, raw: bytes) -> str:
        raise ServiceError(name)

    def take_outcomes(
        self, model: str, outcomes: Sequence[tuple[str, Happened]]
    ) -> OutcomesRefused | None:
        self.asked += 1
        if self.away:
            raise ServiceError("away")
        beyond = [at for at, (_, one) in enumerate(outcomes) if float(one) > 100]
        if self.refuses_all or beyond or len(dict(outcomes)) < len(outcomes):
            return OutcomesRefused("422: no", dict.fromkeys(beyond[: self.names], "beyond"))
        self.taken.update(outcomes)
        return None


def _inbox(folder: Path, *told: tuple[str, Happened]) -> Path:
    inbox = LogOutcomeInbox(folder / "bank" / "outcomes" / "inbox")
    inbox.append("bank", told).result()
    inbox.close()
    return folder / "bank"


def _left(model: Path) -> list[Path]:
    return list((model / "outcomes" / "inbox").glob("*.log"))


def _refused(model: Path) -> list[dict[str, Any]]:
    files = sorted((model / "outcomes" / "refused").glob("*"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def test_faulty_outcomes_are_left_out_alone(tmp_path: Path) -> None:
    plane = _Plane()
    told = [(f"a/{n}", 1000.0 if n in (7, 300, 301) else float(n % 50)) for n in range(500)]
    model = _inbox(tmp_path, *told)
    send_home(plane, model, "production", {})
    assert len(plane.taken) == 497
    assert {"a/7", "a/300", "a/301"}.isdisjoint(plane.taken)
    assert plane.asked < 60
    assert _left(model) == []
    left_out = sorted(_refused(model), key=lambda one: str(one["id"]))
    assert left_out == [
        {"id": f"a/{n}", "outcome": 1000.0, "why": "422: no"} for n in (300, 301, 7)
    ]


@pytest.mark.parametrize("names", [0, 100])
@pytest.mark.parametrize("faulty", ["20 here and there", "500 here and there", "400 in a row"])
def test_many_faulty_outcomes_cost_no_good_one(tmp_path: Path, names: int, faulty: str) -> None:
    n = int(faulty.split(maxsplit=1)[0])
    places = range(n) if "row" in faulty else random.Random(7).sample(range(50_000), n)
    beyond = {f"a/{place}" for place in places}
    ids = [f"a/{place}" for place in range(50_000)]
    model = _inbox(tmp_path, *((one, 1000.0 if one in beyond else 1.0) for one in ids))
    plane = _Plane(names)
    send_home(plane, model, "production", {})
    assert set(plane.taken) == set(ids) - beyond
    assert {one["id"] for one in _refused(model)} == beyond
    assert len(_refused(model)) == n
    assert plane.asked <= (n // names + 2 if names else 25 * n)
    assert _left(model) == []


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        (b'{"error": "no", "faults": [{"at": 1, "id": "a/1", "why": "w"}]}', {1: "w"}),
        (b'{"error": "no", "faults": [{"at": 0, "id": null, "why": "w"}]}', {0: "w"}),
        (b'{"error": "no", "faults": [{"at": 0, "id": "a/1", "why": "w"}]}', {}),
        (b'{"error": "no", "faults": [{"at": 2, "why": ""}, {"at": -1, "why": ""}]}', {}),
        (b'{"error": "no", "faults": {"at": 1}}', {}),
        (b'{"error": "no"}', {}),
        (b"[" * 100_000, {}),
        (b"\xff", {}),
    ],
)
def test_only_outcomes_that_were_sent_are_named(answer: bytes, faults: dict[int, str]) -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(422)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        plane = HttpControlPlane(f"http://127.0.0.1:{server.server_port}", "secret")
        refused = plane.take_outcomes("bank", [("a/0", 1.0), ("a/1", 2.0)])
        thread.join()
    assert refused is not None
    assert refused.why.startswith("422: ")
    assert refused.faults == faults


def test_what_was_refused_is_kept_once_however_often_it_is_sent(tmp_path: Path) -> None:
    inbox = LogOutcomeInbox(tmp_path / "bank" / "outcomes" / "inbox")
    plane, position = _Plane(1), dict[str, int]()
    inbox.append("bank", [("a/0", 1000.0), ("a/1", 1.0)]).result()
    send_home(plane, tmp_path / "bank", "production", position)
    send_home(plane, tmp_path / "bank", "production", {})
    assert [one["id"] for one in _refused(tmp_path / "bank")] == ["a/0"]
    inbox.append("bank", [("a/2", 1000.0)]).result()
    inbox.close()
    send_home(plane, tmp_path / "bank", "production", position)
    assert [one["id"] for one in _refused(tmp_path / "bank")] == ["a/0", "a/2"]
    assert plane.taken == {"a/1": 1.0}


def test_where_the_refused_cannot_be_written_they_stay_in_the_inbox(tmp_path: Path) -> None:
    model = _inbox(tmp_path, ("a/0", 1000.0), ("a/1", 1.0))
    (model / "outcomes" / "refused").write_text("a file, where a folder is to be")
    position = dict[str, int]()
    with pytest.raises(StoreError):
        send_home(_Plane(1), model, "production", position)
    assert (position, len(_left(model))) == ({}, 1)


def test_a_corrected_outcome_is_sent_as_it_was_told_last(tmp_path: Path) -> None:
    plane = _Plane()
    model = _inbox(tmp_path, ("a/0", 1.0), ("a/1", 2.0), ("a/0", 3.0))
    send_home(plane, model, "production", {})
    assert plane.taken == {"a/0": 3.0, "a/1": 2.0}
    assert plane.asked == 1


def test_a_server_that_refuses_whatever_comes_is_not_asked_for_ever(tmp_path: Path) -> None:
    plane = _Plane()
    plane.refuses_all = True
    model = _inbox(tmp_path, *((f"a/{n}", 1.0) for n in range(5000)))
    send_home(plane, model, "production", {})
    assert plane.asked <= 220
    assert _left(model) == []
    assert {one["id"] for one in _refused(model)} == {f"a/{n}" for n in range(5000)}


def test_where_the_server_is_away_everything_stays(tmp_path: Path) -> None:
    plane = _Plane()
    plane.away = True
    model, position = _inbox(tmp_path, ("a/0", 1.0)), dict[str, int]()
    with pytest.raises(ServiceError):
        send_home(plane, model, "production", position)
    assert (position, len(_left(model))) == ({}, 1)
    plane.away = False
    send_home(plane, model, "production", position)
    assert plane.taken == {"a/0": 1.0}
