"""The interface over a real server process: what is asked, who may, and what is answered."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.server.running import Running, until

from assay.adapters.capture_groups import MAGIC, framed
from assay.adapters.http_control_plane import HttpControlPlane
from assay.adapters.log_outcome_inbox import LogOutcomeInbox
from assay.gateway.sending import send_home
from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace

Server = tuple[Running, Path]
M = "models/campaign"
SEGMENT = "00000000001767322345-4711-0123abcd.log"


def made(server: Server, name: str, *scopes: str, person: str = "") -> httpx.Client:
    answer = server[0].client.post(
        "tokens", json={"name": name, "scopes": scopes, "person": person}
    )
    assert answer.status_code == 201, answer.text
    return server[0].opened_by(answer.json()["secret"])


def got(server: Server, path: str, **query: Any) -> Any:
    answer = server[0].client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    text: str = answer.json()["error"]
    return text


def test_where_a_model_stands(server: Server) -> None:
    (model,) = got(server, "models")
    assert model == got(server, M)
    assert (model["name"], model["newest"], model["gate_open"]) == ("campaign", 1, True)
    charter = got(server, f"{M}/charter")
    workspace = Workspace(server[1])
    assert charter["digest"] == workspace.charter.digest
    assert charter["yaml"].startswith("name: campaign")
    (version,) = got(server, f"{M}/versions")
    assert version == got(server, f"{M}/versions/1")
    assert [(one["person"], one["holds"]) for one in version["sign_offs"]] == [
        ("Ana Costa", True),
        ("Rui Matos", True),
    ]
    evidence = got(server, f"{M}/versions/1/evidence")
    assert {one["kind"] for one in evidence} == set(version["evidence"])
    assert all(one["document"]["kind"] == one["kind"] for one in evidence)
    assert got(server, f"{M}/versions/1/gate")["open"]
    assert got(server, f"{M}/alerts") == []


def test_a_bundle_is_loaded_by_its_digest(server: Server) -> None:
    digest = got(server, f"{M}/versions/1")["bundle"]
    raw = server[0].client.get(f"blobs/{digest}")
    assert raw.content == Workspace(server[1]).ports.blobs.get(digest)
    assert "no blob" in error(server[0].client.get(f"blobs/{'0' * 64}"), 404)
    error(server[0].client.get("blobs/..%2f..%2fcharter.yaml"), 404)
    kept = server[0].client.post(f"{M}/blobs", content=b"some bytes")
    assert kept.status_code == 201
    assert server[0].client.get(f"blobs/{kept.json()['digest']}").content == b"some bytes"


@pytest.mark.parametrize(
    "path", ["models/other", "models/%00", f"{M}/versions/9", f"{M}/versions/9/gate", "nothing"]
)
def test_what_is_not_there_is_named(server: Server, path: str) -> None:
    error(server[0].client.get(path), 404)


def test_nothing_opens_without_a_token(server: Server) -> None:
    for path in ("models", "fleet", "tokens", "metrics", f"blobs/{'0' * 64}", "watch?agent=a"):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}):
            answer = httpx.get(f"{server[0].url}/api/v1/{path}", headers=headers)
            assert "needs a token" in error(answer, 401)
            assert "www-authenticate" in answer.headers
    assert httpx.get(f"{server[0].url}/api/v1/health").json()["status"] == "ok"


OPENS: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "read": lambda client: client.get("models"),
    "build": lambda client: client.post(f"{M}/blobs", content=b"x"),
    "sign": lambda client: client.post(f"{M}/versions/1/sign-offs", json={"role": "none"}),
    "release": lambda client: client.post(f"{M}/versions/1/gate"),
    "serve": lambda client: client.post(
        f"{M}/outcomes", json={"outcomes": [{"id": "x/0", "outcome": "no"}]}
    ),
    "agent": lambda client: client.get("watch", params={"agent": "scoped", "hold": 0}),
    "admin": lambda client: client.get("tokens"),
}


@pytest.mark.parametrize("scope", OPENS)
def test_a_scope_opens_its_own_and_nothing_else(server: Server, scope: str) -> None:
    with made(server, f"only {scope}", scope, person="Rui Matos") as client:
        for name, ask in OPENS.items():
            refused = ask(client).status_code in {401, 403}
            assert refused == (scope not in (name, "admin")), name
    (kept,) = [one for one in got(server, "tokens") if one["name"] == f"only {scope}"]
    assert kept["scopes"] == [scope]


def test_secrets_are_kept_nowhere(server: Server) -> None:
    with made(server, "kept", "read") as client:
        secret = client.headers["authorization"].split()[1].encode()
    state = server[1] / ".assay"
    assert state.is_dir()
    for file in state.rglob("server.sqlite*"):
        assert secret not in file.read_bytes()
        assert secret.removeprefix(b"assay_") not in file.read_bytes()


def test_a_revoked_token_opens_nothing(server: Server) -> None:
    with made(server, "passing", "read") as client:
        assert client.get("models").status_code == 200
        assert server[0].client.delete("tokens/passing").status_code == 204
        error(client.get("models"), 401)
    error(server[0].client.delete("tokens/passing"), 404)
    error(server[0].client.post("tokens", json={"name": "x", "scopes": ["root"]}), 422)


def test_a_person_signs_for_themselves_in_a_role_of_theirs(server: Server) -> None:
    path = f"{M}/versions/1/sign-offs"
    with made(server, "eva", "sign", person="eva  LIMA") as eva:
        assert "does not hold the role" in error(eva.post(path, json={"role": "sponsor"}), 403)
        assert "There is no role" in error(eva.post(path, json={"role": "king"}), 422)
        signed = eva.post(path, json={"role": "risk_officer", "note": "seen"})
        assert signed.status_code == 201
        assert (signed.json()["role"], signed.json()["holds"]) == ("risk_officer", True)
        forged = {"role": "risk_officer", "person": "Rui Matos"}
        assert "person" in error(eva.post(path, json=forged), 422)
    asked = {"name": "nobody", "scopes": ["sign"]}
    assert "only a person signs" in error(server[0].client.post("tokens", json=asked), 422)
    with made(server, "robot", "admin") as robot:
        assert "is nobody's" in error(robot.post(path, json={"role": "risk_officer"}), 403)
    events = Workspace(server[1]).ports.ledger.events("model:campaign/1")
    last = [one.data for one in events if one.type == "signed"][-1]
    assert (last["person"], last["user"]) == ("eva  LIMA", "token eva")


@pytest.mark.parametrize("named", [None, "application/x-www-form-urlencoded", "application/json"])
def test_a_body_is_read_as_json_where_no_other_type_is_named(
    server: Server, named: str | None
) -> None:
    headers = {} if named is None else {"content-type": named}
    path = f"{M}/versions/1/sign-offs"
    sent = server[0].client.post(path, content=b'{"role": "king"}', headers=headers)
    assert "There is no role 'king'" in error(sent, 422)
    text = server[0].client.post(
        path, content=b'{"role": "king"}', headers={"content-type": "text/plain"}
    )
    error(text, 422)


def test_a_waiver_names_a_check_and_stands_for_its_person(server: Server) -> None:
    path = f"{M}/versions/1/waivers"
    wanted = {"check": "roc_auc", "role": "risk_officer", "reason": "A trial.", "days": 3}
    with made(server, "rui", "sign", person="Rui Matos") as rui:
        given = rui.post(path, json=wanted)
        assert given.status_code == 201, given.text
        assert (given.json()["person"], given.json()["check"]) == ("Rui Matos", "roc_auc")
        assert "is named 'nothing'" in error(
            rui.post(path, json={**wanted, "check": "nothing"}), 422
        )
    assert got(server, f"{M}/versions/1")["waivers"][0]["reason"] == "A trial."


def test_a_release_and_its_way_back(server: Server) -> None:
    def act(action: str, **more: Any) -> httpx.Response:
        return server[0].client.post(f"{M}/release", json={"action": action, **more})

    assert "not being tried" in error(act("step"), 409)
    started = act("start", version=1)
    assert started.json()["champion"]["version"] == 1
    assert got(server, f"{M}/release") == started.json()
    assert got(server, f"{M}/desired")["arms"][0]["version"] == 1
    assert "no baseline 'x'" in error(act("fall_back", baseline="x"), 409)
    fallen = act("fall_back", reason="It costs.").json()
    assert (fallen["baseline"], fallen["history"][-1]["reason"]) == ("nobody", "It costs.")
    entries = Workspace(server[1]).ports.ledger.events("release:campaign")
    steps = [json.loads(one.content) for one in entries]
    assert {(one["by"], one["user"]) for one in steps} == {("Ana Costa", "token all")}
    assert act("start", version=1).status_code in {200, 409}
    (place,) = got(server, f"{M}/environments")
    assert place["name"] == "production"
    assert place["release"] == got(server, f"{M}/release")
    turn = server[0].client.post(f"{M}/release/reconcile").json()
    assert (turn["done"], turn["reason"]) == ("hold", "Nothing runs.")
    assert "is running" in error(server[0].client.post(f"{M}/release/decide"), 409)
    assert "immediate" in error(server[0].client.get(f"{M}/release/plan"), 409)
    error(server[0].client.get(f"{M}/release?environment=moon"), 422)


def test_a_charter_is_changed_whole_or_not_at_all(server: Server) -> None:
    before = got(server, f"{M}/charter")
    path = f"{M}/charter"
    faulty = before["yaml"].replace("currency: EUR", "currency: 7")
    assert "value.currency" in error(server[0].client.put(path, json={"yaml": faulty}), 422)
    other = before["yaml"].replace("name: campaign", "name: other")
    assert "is of 'other'" in error(server[0].client.put(path, json={"yaml": other}), 422)
    assert got(server, path)["yaml"] == before["yaml"]
    fresh = before["yaml"].replace("Whom to call", "Whom to ring")
    changed = server[0].client.put(path, json={"yaml": fresh})
    assert changed.status_code == 200
    assert got(server, M)["title"].startswith("Whom to ring")
    assert changed.json()["versions"][-1]["by"] == "Ana Costa"
    server[0].client.put(path, json={"yaml": before["yaml"]})


def test_outcomes_count_once(server: Server) -> None:
    told = {"outcomes": [{"id": "q/0", "outcome": "yes"}, {"id": "q/1", "outcome": "no"}]}
    first = server[0].client.post(f"{M}/outcomes", json=told)
    assert first.json() == {"rows": 2, "new": True, "strangers": 2}
    assert server[0].client.post(f"{M}/outcomes", json=told).json()["new"] is False
    kept = Workspace(server[1]).ports.outcomes.read().filter(pl.col("id").str.starts_with("q/"))
    assert kept["outcome"].to_list() == ["yes", "no"]
    mixed = {"outcomes": [{"id": "a", "outcome": "yes"}, {"id": "b", "outcome": 1}]}
    (named,) = faults(server[0].client.post(f"{M}/outcomes", json=mixed))
    assert (named["at"], named["id"]) == (1, "b")
    assert "the outcome `1`" in named["why"]


def faults(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"error", "faults"}
    found: list[dict[str, Any]] = answer.json()["faults"]
    return found


@pytest.mark.parametrize(
    ("faulty", "at"),
    [
        ([{"id": "f/1", "outcome": "ye"}], [1]),
        ([{"id": "f/1", "outcome": None}, {"id": "", "outcome": "no"}], [1, 2]),
        ([{"id": "f/1", "outcome": "no"}, {"id": "f/1", "outcome": "yes"}], [1, 2]),
        ([{"id": f"f/{n}", "outcome": "ye"} for n in range(1, 1501)], list(range(1, 1001))),
    ],
)
def test_faulty_outcomes_are_named_by_their_places(
    server: Server, faulty: list[dict[str, Any]], at: list[int]
) -> None:
    told = {"outcomes": [{"id": "f/0", "outcome": "yes"}, *faulty]}
    found = faults(server[0].client.post(f"{M}/outcomes", json=told))
    assert [one["at"] for one in found] == at
    assert all(one["why"] and one["id"] in {None, faulty[one["at"] - 1]["id"]} for one in found)


def test_the_description_tells_of_faulty_outcomes(server: Server) -> None:
    described = got(server, "openapi.json")
    answer = described["paths"]["/api/v1/models/{model}/outcomes"]["post"]["responses"]["422"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/OutcomesProblem")
    assert "faults" in described["components"]["schemas"]["OutcomesProblem"]["properties"]


def test_a_gateway_s_faulty_outcomes_cost_no_other(server: Server, tmp_path: Path) -> None:
    told = [(f"h/{n}", "ye" if n % 3 == 1 else "yes") for n in range(6000)]
    told[5] = ("h/5", "y" * 20_000)
    inbox = LogOutcomeInbox(tmp_path / "campaign" / "outcomes" / "inbox")
    inbox.append("campaign", told).result()
    inbox.close()
    secret = server[0].client.post("tokens", json={"name": "home", "scopes": ["serve"]})
    plane = HttpControlPlane(server[0].url, secret.json()["secret"])
    send_home(plane, tmp_path / "campaign", "production", {})
    kept = Workspace(server[1]).ports.outcomes.read().filter(pl.col("id").str.starts_with("h/"))
    assert set(kept["id"]) == {id_ for id_, outcome in told if outcome == "yes"}
    (aside,) = (tmp_path / "campaign" / "outcomes" / "refused").iterdir()
    lines = [json.loads(line) for line in aside.read_bytes().splitlines()]
    assert {(one["id"], one["outcome"]) for one in lines} == set(told) - {
        one for one in told if one[1] == "yes"
    }
    assert all(one["why"] for one in lines)


def test_a_gateway_s_captures_are_taken_once(server: Server, traffic: Any) -> None:
    workspace = Workspace(server[1])
    clients = Campaign(seed=5).month(1, 3).clients
    now = workspace.ports.clock.now()
    records = traffic(workspace, clients, "up", now)
    import orjson

    raw = MAGIC + framed(b"".join(orjson.dumps(one) + b"\n" for one in records))
    path = f"{M}/captures/{SEGMENT}"
    assert server[0].client.post(path, content=raw).json() == {"name": SEGMENT, "new": True}
    assert server[0].client.post(path, content=raw).json()["new"] is False
    error(server[0].client.post(path, content=raw + framed(b"{}\n")), 422)
    served = [one["id"] for one in Workspace(server[1]).ports.captures.read()]
    assert served == ["up/0", "up/1", "up/2"]
    other = SEGMENT.replace("4711", "4712")
    for content in (b"", b"nothing of ours", raw[:9] + b"\0\0\0\1\0\0\0\0{" + raw):
        answer = server[0].client.post(f"{M}/captures/{other}", content=content)
        assert answer.status_code in {200, 422}
    strangers = MAGIC + framed(orjson.dumps({**records[0], "model": "bank"}) + b"\n")
    last = SEGMENT.replace("4711", "4713")
    assert "speaks of 'bank'" in error(
        server[0].client.post(f"{M}/captures/{last}", content=strangers), 422
    )
    for name in ("..%2f..%2fx.log", "x.log", "a" * 101):
        assert server[0].client.post(f"{M}/captures/{name}", content=raw).status_code in {404, 422}


def test_a_change_on_the_command_line_reaches_who_waits(server: Server) -> None:
    client = server[0].client
    if not got(server, f"{M}/release")["revision"]:
        client.post(f"{M}/release", json={"action": "start"})
    released = got(server, f"{M}/release")["revision"]

    def told_all() -> Any:
        asked = {"agent": "w", "labels": "host=w1", "hold": "0"}
        told = client.get("watch", params=asked).json()
        there = told["models"].get("campaign", {}).get("revision") == released
        return told if there else None

    there = until(told_all)
    assert there["full"] is True
    since = there["revision"]
    waited = client.get("watch", params={"agent": "w", "revision": since, "hold": 0})
    assert waited.json()["full"], "labels that are new to the server get everything"
    asked = {"agent": "w", "revision": since, "hold": 0.2}
    assert client.get("watch", params=asked).json() == {
        **there,
        "full": False,
        "models": {},
        "removed": [],
    }
    Workspace(server[1]).fall_back(reason="beside the server")
    news = client.get("watch", params={**asked, "hold": 20}).json()
    assert (news["full"], list(news["models"])) == (False, ["campaign"])
    assert news["models"]["campaign"]["arms"][0]["baseline"] == "nobody"
    seen = until(lambda: [a for a in got(server, "fleet")["listed"] if a["agent"] == "w"])
    assert seen[0]["behind"]
    client.get("watch", params={**asked, "revision": news["revision"], "health": "failed"})
    told = until(
        lambda: [a for a in got(server, "fleet")["listed"] if a["revision"] == news["revision"]]
    )
    assert (told[0]["health"], told[0]["behind"]) == ("failed", False)
    assert got(server, "fleet")["failed"] == 1
    assert client.delete("fleet/w").status_code == 204
    error(client.delete("fleet/w"), 404)


def test_the_server_s_numbers_are_told(server: Server) -> None:
    text = server[0].client.get("metrics").text
    assert re.search(r"^assay_server_leads 1.0$", text, re.MULTILINE)


def test_bodies_that_do_not_read(server: Server) -> None:
    client = server[0].client
    for body in (b"", b"{", b"[]", b"\xff", b'{"action": "start", "version": 1e400}'):
        answer = client.post(
            f"{M}/release", content=body, headers={"content-type": "application/json"}
        )
        assert error(answer, answer.status_code)
        assert answer.status_code in {400, 422}
    line = http.client.HTTPConnection(server[0].url.removeprefix("http://"))
    line.putrequest("POST", f"/api/v1/{M}/blobs")
    line.putheader("content-length", str(2**40))
    line.endheaders()
    large = line.getresponse()
    assert (large.status, b"at most" in large.read()) == (413, True)
    line.close()
    chunked = client.post(f"{M}/blobs", content=iter([b"a", b"b"]))
    assert "content-length" in error(chunked, 411)
    error(client.post("watch"), 405)
    error(client.put("models"), 405)
