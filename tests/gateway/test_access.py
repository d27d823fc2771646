"""Keys at the door: who is let in, to what, and when nobody has to show one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from assay.adapters.file_keys import FileKeys
from assay.errors import InputError, StoreError
from assay.gateway.access import Access, demand_keys
from assay.gateway.http_message import Request
from assay.gateway.refusal import Refusal
from assay.ports.keys import Key, Scope


def _key(id_: str, *scopes: Scope, models: tuple[str, ...] = ("*",)) -> tuple[str, Key]:
    secret = f"assay_{id_}_{'x' * 43}"
    return secret, Key(id_, hashlib.sha256(secret.encode()).hexdigest(), scopes, models)


def _request(**headers: str) -> Request:
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request("POST", "/", "", sent, b"", peer="10.0.0.7")


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    return FileKeys(tmp_path / "keys.json")


def test_without_any_key_everything_is_open_and_callers_are_their_addresses() -> None:
    caller = Access({"w": FileKeys(Path("/nowhere/keys.json"))}).demand(_request(), "admin")
    assert (caller.name, caller.key) == ("10.0.0.7", None)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}"])
def test_a_key_is_sent_as_bearer_or_in_its_own_header(keys: FileKeys, form: str) -> None:
    secret, key = _key("ab12", "infer")
    keys.add(key)
    access = Access({"w": keys})
    for request in (_request(authorization=form.format(secret)), _request(x_api_key=secret)):
        assert access.demand(request, "infer", "bank", "w").name == "ab12"


def test_a_key_opens_its_scopes_its_models_and_its_workspace_alone(keys: FileKeys) -> None:
    secret, key = _key("ab12", "infer", models=("bank",))
    keys.add(key)
    access, request = Access({"w": keys}), _request(x_api_key=secret)
    for scope, model, home in (
        ("outcomes", "bank", "w"),
        ("infer", "other", "w"),
        ("infer", "bank", "v"),
        ("metrics", None, None),
    ):
        with pytest.raises(Refusal) as refused:
            access.demand(request, scope, model, home)  # type: ignore[arg-type]
        assert refused.value.status == 403
    admin, all_of_it = _key("cd34", "admin")
    keys.add(all_of_it)
    access.refresh()
    assert access.demand(_request(x_api_key=admin), "metrics").key == all_of_it


@pytest.mark.parametrize(
    "given", ["", "assay_ab12_", "assay_zz_x", "nonsense", "assay_ab12_" + "y" * 43, "\udc80é"]
)
def test_a_wrong_key_is_401(keys: FileKeys, given: str) -> None:
    keys.add(_key("ab12", "infer")[1])
    request = Request("GET", "/", "", {b"x-api-key": given.encode(errors="surrogateescape")}, b"")
    with pytest.raises(Refusal, match="does not hold") as refused:
        Access({"w": keys}).demand(request, "infer")
    assert (refused.value.status, refused.value.headers[0][0]) == (401, b"www-authenticate")


def test_a_revoked_key_lets_nobody_in_and_the_last_one_opens_no_door(keys: FileKeys) -> None:
    secret, key = _key("ab12", "infer")
    keys.add(key)
    access = Access({"w": keys})
    keys.revoke("ab12")
    access.refresh()
    with pytest.raises(Refusal, match="does not hold"):
        access.demand(_request(x_api_key=secret), "infer")
    with pytest.raises(Refusal, match="needs a key"):
        access.demand(_request(), "infer")


def test_keys_that_stop_reading_leave_those_from_before(keys: FileKeys, tmp_path: Path) -> None:
    secret, key = _key("ab12", "infer")
    keys.add(key)
    access = Access({"w": keys})
    (tmp_path / "keys.json").write_text("{")
    access.refresh()
    assert access.demand(_request(x_api_key=secret), "infer").name == "ab12"
    unread = Access({"w": FileKeys(tmp_path / "keys.json")})
    with pytest.raises(Refusal):
        unread.demand(_request(), "infer")
    with pytest.raises(StoreError, match="cannot be read"):
        FileKeys(tmp_path / "keys.json").read()
    (tmp_path / "keys.json").write_text('{"format": 9, "keys": []}')
    with pytest.raises(StoreError, match="format is 9"):
        FileKeys(tmp_path / "keys.json").read()


def test_an_address_that_others_reach_needs_keys_or_a_word(keys: FileKeys) -> None:
    for host in ("0.0.0.0", "::", "10.1.2.3", "assay.example"):  # noqa: S104
        with pytest.raises(InputError, match="assay keys add"):
            demand_keys(host, Access({}), opened=False)
        demand_keys(host, Access({}), opened=True)
    for host in ("127.0.0.1", "::1", "localhost"):
        demand_keys(host, Access({}), opened=False)
    keys.add(_key("ab12", "infer")[1])
    demand_keys("0.0.0.0", Access({"w": keys}), opened=False)  # noqa: S104
