"""A receiver of alerts is down for a while and comes back: each alert arrives, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.bank_charter import CHARTER
from tests.receiver import Post, Receiver

from assay.adapters.system_clock import FixedClock
from assay.evidence.digest import canonical_bytes
from assay.workspace import Workspace
from assay.workspace.embedded import embedded

T0 = datetime(2026, 3, 1, tzinfo=UTC)

ADDRESSES = {
    "webhook": "http://{at}/hook",
    "apprise": "json://{at}/chat",
    "alertmanager": "http://{at}",
}


def _folder(tmp_path: Path, kind: str) -> Path:
    channel = {"name": "on call", "kind": kind, "address_from": "ONCALL_ADDRESS"}
    if kind == "webhook":
        channel |= {"secret_from": "ONCALL_KEY"}
    watched = {"window": "200 rows", "alerts": {"channels": [channel]}}
    (tmp_path / "charter.yaml").write_text(yaml.safe_dump(CHARTER | {"monitoring": watched}))
    return tmp_path


def _open(folder: Path, after: timedelta = timedelta()) -> Workspace:
    """Open everything anew, as a process that starts later would."""
    ports = embedded(folder / ".assay")
    return Workspace(folder, ports=replace(ports, clock=FixedClock(T0 + after)))


def _say(workspace: Workspace, what: str, id_: str, minute: int) -> None:
    content: dict[str, Any] = {"id": id_, "at": (T0 + timedelta(minutes=minute)).isoformat()}
    if what == "closed":
        content["reason"] = "2 windows in a row without it"
    else:
        content |= {"kind": "value", "metric": "floor", "version": 1, "text": f"{id_} {what}"}
        content |= {"reason": "nobody acknowledged it", "window": "w1"}
    workspace.ports.ledger.append("alert:bank", f"alert.{what}", canonical_bytes(content), None)


def _by_id(post: Post) -> list[str]:
    """What a receiver that drops ids it has seen goes by."""
    return [post.headers["webhook-id"]]


def _by_text(post: Post) -> list[str]:
    return [str(post.document["message"]).rsplit("message ", 1)[1].rstrip(")")]


def _by_labels(post: Post) -> list[str]:
    """What Alertmanager tells alerts apart by, and whether they still last."""
    return [
        f"{one['labels']['alert']} {one['labels']['severity']} "
        f"{'lasts' if one['endsAt'] > (T0 + timedelta(days=2)).isoformat() else 'over'}"
        for one in post.document
    ]


KINDS: dict[str, Callable[[Post], list[str]]] = {
    "webhook": _by_id,
    "apprise": _by_text,
    "alertmanager": _by_labels,
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def receiver(kind: str, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver that is down: its port is known, and nobody listens."""
    receiver = Receiver()
    with receiver.up() as at:
        monkeypatch.setenv("ONCALL_ADDRESS", ADDRESSES[kind].format(at=at))
    monkeypatch.setenv("ONCALL_KEY", "a key")
    return receiver


def test_each_alert_arrives_once_after_the_receiver_was_down(
    kind: str, receiver: Receiver, tmp_path: Path
) -> None:
    folder = _folder(tmp_path, kind)
    workspace = _open(folder)
    assert workspace.send_alerts().complete  # nothing to say: the channel is known from here on
    for number, id_ in enumerate(("a1", "a2", "a3")):
        _say(workspace, "raised", id_, number)
    (first,) = workspace.send_alerts().channels
    assert (first.delivered, first.waiting) == (0, 3)
    _say(workspace, "escalated", "a1", 10)
    _say(workspace, "closed", "a2", 11)
    with receiver.up():
        # Another process, at once: the channel rests, and so it does over restarts.
        (soon,) = _open(folder, timedelta(seconds=1)).send_alerts().channels
        assert (soon.delivered, soon.waiting, receiver.posts) == (0, 5, [])
        (late,) = _open(folder, timedelta(hours=3)).send_alerts().channels
        assert (late.delivered, late.waiting, late.complete) == (5, 0, True)
        arrived = list(receiver.posts)
        (again,) = _open(folder, timedelta(hours=4)).send_alerts().channels
        assert (again.delivered, again.complete) == (0, True)
    assert len(arrived) == 5
    if kind == "alertmanager":
        # It forgets what it is not told again: said anew, and the same alerts as before.
        renewed = {one for post in receiver.posts[5:] for one in _by_labels(post)}
        assert renewed == {"a1 warning over", "a1 critical lasts", "a3 warning lasts"}
        last = {one.rsplit(" ", 1)[0]: one for post in arrived for one in _by_labels(post)}
        assert sorted(last.values()) == [
            "a1 critical lasts",
            "a1 warning over",
            "a2 warning over",
            "a3 warning lasts",
        ]
    else:
        assert receiver.posts == arrived
        ids = [one for post in arrived for one in KINDS[kind](post)]
        assert len(set(ids)) == 5


_KILLED = """
import os, signal, sys
from assay.adapters.sqlite_outbox import SqliteOutbox
from assay.cli import main

def die(*given):
    os.kill(os.getpid(), signal.SIGKILL)

SqliteOutbox.record = die
main(["alerts", "send", sys.argv[1]])
"""


def test_who_is_killed_between_sending_and_noting_sends_the_same_id_again(
    kind: str, receiver: Receiver, tmp_path: Path
) -> None:
    folder = _folder(tmp_path, kind)
    workspace = Workspace(folder)
    _say(workspace, "raised", "a1", 0)
    with receiver.up():
        killed = subprocess.run([sys.executable, "-c", _KILLED, str(folder)], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len(receiver.posts) == 1
        (channel,) = Workspace(folder).send_alerts().channels
        assert (channel.delivered, channel.complete) == (1, True)
    first, second = receiver.posts
    assert KINDS[kind](first) == KINDS[kind](second)
    assert [one.complete for one in workspace.undelivered()] == [True]
