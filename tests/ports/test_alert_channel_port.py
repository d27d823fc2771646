"""One suite for every adapter of the alert channel port, against receivers on this machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.receiver import Receiver

from assay.adapters.alertmanager_channel import AlertmanagerChannel, alertmanager_alerts
from assay.adapters.apprise_channel import open_apprise
from assay.adapters.memory_channel import MemoryChannel, ShutChannel
from assay.adapters.system_clock import FixedClock
from assay.adapters.webhook_channel import WebhookChannel, signature
from assay.errors import MissingLibrary, ReceiverDown, ReceiverRefuses
from assay.ports.alert_channel import AlertChannel, Message
from assay.stats.estimate import Estimate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCK = FixedClock(NOW)
KEY = "whsec_" + base64.b64encode(b"a key of some bytes").decode()
RAISED = Message(
    id="0123456789abcdef",
    what="raised",
    model="bank",
    alert="a1",
    kind="value",
    metric="floor",
    version=3,
    window="w7",
    text="uplift lies below the floor – “surely”",
    reason="",
    value_per_day=Estimate(250.0, 100.0, float("inf"), 200, "a method", "EUR per day"),
    at=NOW - timedelta(hours=1),
    raised_at=NOW - timedelta(hours=1),
)
GROWN = replace(RAISED, id="b" * 16, what="escalated", at=NOW, escalated_at=NOW, reason="doubled")
CLOSED = replace(GROWN, id="c" * 16, what="closed", reason="quiet")

Open = Callable[[str, httpx.Client], AlertChannel]
OVER_HTTP: dict[str, Open] = {
    "webhook": lambda at, client: WebhookChannel(client, f"http://{at}/hook", CLOCK, KEY),
    "alertmanager": lambda at, client: AlertmanagerChannel(client, f"http://{at}/", CLOCK),
    "apprise": lambda at, _: open_apprise(f"json://{at}/chat"),
}


@dataclass
class Served:
    """A channel, and how its receiver is told what to answer and asked what it took."""

    channel: AlertChannel
    fail: Callable[[int], None]
    taken: Callable[[], int]


@pytest.fixture(params=[*OVER_HTTP, "memory"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    if request.param == "memory":
        failures: list[Exception] = []
        memory = MemoryChannel(forgets=False)
        memory._failures = failures
        yield Served(
            memory, lambda _: failures.append(ReceiverDown("down")), lambda: len(memory.taken)
        )
        return
    receiver = Receiver()
    with receiver.up() as at, httpx.Client(timeout=5) as client:
        yield Served(
            OVER_HTTP[request.param](at, client),
            lambda status: receiver.answers.append((status, {})),
            lambda: len(receiver.taken),
        )


def test_a_message_arrives_once(served: Served) -> None:
    for message in (RAISED, GROWN, CLOSED):
        served.channel.send(message)
    assert served.taken() == 3


def test_a_receiver_that_fails_is_worth_another_try(served: Served) -> None:
    served.fail(503)
    with pytest.raises(ReceiverDown):
        served.channel.send(RAISED)
    assert served.taken() == 0
    served.channel.send(RAISED)
    assert served.taken() == 1


@pytest.mark.parametrize("name", OVER_HTTP)
def test_a_receiver_that_is_gone_is_worth_another_try(name: str) -> None:
    receiver = Receiver()
    with receiver.up() as at:
        pass
    with httpx.Client(timeout=5) as client, pytest.raises(ReceiverDown):
        OVER_HTTP[name](at, client).send(RAISED)


@pytest.mark.parametrize("name", ["webhook", "alertmanager"])
@pytest.mark.parametrize(
    ("status", "error"),
    [(408, ReceiverDown), (429, ReceiverDown), (500, ReceiverDown), (502, ReceiverDown)]
    + [(status, ReceiverRefuses) for status in (301, 307, 400, 401, 404, 410)],
)
def test_answers_tell_down_from_unwilling(
    name: str, status: int, error: type[ReceiverDown | ReceiverRefuses]
) -> None:
    receiver = Receiver(answers=[(status, {"location": "http://127.0.0.1:9/"})])
    with receiver.up() as at, httpx.Client() as client, pytest.raises(error, match=str(status)):
        OVER_HTTP[name](at, client).send(RAISED)
    assert len(receiver.posts) == 1


def test_a_receiver_may_say_when_to_come_back() -> None:
    receiver = Receiver(answers=[(429, {"retry-after": "120"}), (429, {"retry-after": "soon"})])
    with receiver.up() as at, httpx.Client(timeout=5) as client:
        channel = OVER_HTTP["webhook"](at, client)
        with pytest.raises(ReceiverDown) as first:
            channel.send(RAISED)
        with pytest.raises(ReceiverDown) as second:
            channel.send(RAISED)
    assert (first.value.retry_after, second.value.retry_after) == (120.0, None)


@pytest.mark.parametrize("address", ["ftp://host/x", "nonsense", "http://host:port/key"])
def test_an_address_that_is_none_is_refused_without_its_secrets(address: str) -> None:
    with httpx.Client() as client, pytest.raises(ReceiverRefuses, match="no address") as raised:
        WebhookChannel(client, address, CLOCK).send(RAISED)
    assert address not in str(raised.value)


def test_a_webhook_is_a_signed_cloud_event() -> None:
    receiver = Receiver()
    with receiver.up() as at, httpx.Client() as client:
        OVER_HTTP["webhook"](at, client).send(RAISED)
    (post,) = receiver.posts
    event = post.document
    assert post.headers["content-type"].startswith("application/cloudevents+json")
    assert (event["specversion"], event["id"], event["source"]) == ("1.0", RAISED.id, "/assay/bank")
    assert (event["type"], event["subject"]) == ("org.assay.alert.raised", "a1")
    assert datetime.fromisoformat(event["time"]) == RAISED.at
    assert event["data"]["text"] == RAISED.text
    assert event["data"]["value_per_day"]["high"] == "inf"
    assert post.headers["webhook-id"] == RAISED.id
    stamp = post.headers["webhook-timestamp"]
    assert int(stamp) == int(NOW.timestamp())
    signed = f"{RAISED.id}.{stamp}.".encode() + post.body
    mac = hmac.new(b"a key of some bytes", signed, hashlib.sha256).digest()
    assert post.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


def test_the_signature_covers_id_time_and_body() -> None:
    whole = signature(KEY, "id", "1", b"{}")
    assert whole == signature(KEY, "id", "1", b"{}")
    others = [("di", "1", b"{}"), ("id", "2", b"{}"), ("id", "1", b"[]")]
    assert whole not in {signature(KEY, *other) for other in others}
    assert signature("plain key", "id", "1", b"{}") != whole
    with pytest.raises(ReceiverRefuses, match="no base64"):
        signature("whsec_?", "id", "1", b"{}")


def test_a_webhook_without_a_key_is_not_signed() -> None:
    receiver = Receiver()
    with receiver.up() as at, httpx.Client() as client:
        WebhookChannel(client, f"http://{at}/", CLOCK).send(RAISED)
    assert "webhook-signature" not in receiver.posts[0].headers


def test_alertmanager_hears_of_opening_escalating_and_closing() -> None:
    receiver = Receiver()
    with receiver.up() as at, httpx.Client() as client:
        for message in (RAISED, GROWN, CLOSED):
            OVER_HTTP["alertmanager"](at, client).send(message)
    assert {post.path for post in receiver.posts} == {"/api/v2/alerts"}
    raised, grown, closed = (post.document for post in receiver.posts)
    (warning,) = raised
    assert warning["labels"]["severity"] == "warning"
    assert warning["startsAt"] == RAISED.raised_at.isoformat()
    assert datetime.fromisoformat(warning["endsAt"]) > NOW + timedelta(days=6)
    assert warning["annotations"]["value_per_day"] == "250 EUR per day [100, inf]"
    # The same labels and start are the same alert there; what escalated ends as a warning.
    assert grown[0]["labels"] == warning["labels"]
    assert (grown[0]["endsAt"], grown[1]["startsAt"]) == (NOW.isoformat(), NOW.isoformat())
    assert grown[1]["labels"] == warning["labels"] | {"severity": "critical"}
    assert [one["labels"] for one in closed] == [one["labels"] for one in grown]
    assert all(datetime.fromisoformat(one["endsAt"]) <= CLOSED.at for one in closed)
    unknown = replace(RAISED, value_per_day=None, version=None)
    assert alertmanager_alerts(unknown, NOW)[0]["annotations"]["value_per_day"] == "not known"


def test_chat_reads_what_happened_why_and_the_id() -> None:
    receiver = Receiver()
    with receiver.up() as at, httpx.Client() as client:
        OVER_HTTP["apprise"](at, client).send(GROWN)
    said = receiver.posts[0].document
    assert (
        said["title"] == "bank: value alert escalated (estimated loss 250 EUR per day [100, inf])"
    )
    assert said["message"].startswith("Escalated: doubled\nuplift lies below the floor")
    assert GROWN.id in said["message"]
    assert said["type"] == "failure"


@pytest.mark.parametrize("address", ["nothing that apprise knows", "json://h/a, json://h/b"])
def test_apprise_takes_one_address(address: str) -> None:
    with pytest.raises(ReceiverRefuses, match="needs one"):
        open_apprise(address)


def test_without_apprise_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'assay\[alerts\]'"):
        open_apprise("json://host")


def test_a_shut_channel_says_why() -> None:
    with pytest.raises(ReceiverDown, match="not set"):
        ShutChannel("HOOK is not set").send(RAISED)
