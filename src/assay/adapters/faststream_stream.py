"""Streams over FastStream: NATS JetStream, Redis streams, RabbitMQ and Kafka."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import structlog

from assay.errors import AssayError, MissingLibrary, ServiceError
from assay.ports.stream import Answer, Arrived, Sent

__all__ = ["BrokerKind", "FastStreamStream", "Subjects"]

_LOG: Any = structlog.get_logger("assay.stream")
BrokerKind = Literal["nats", "redis", "rabbit", "kafka"]
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0


@dataclass(frozen=True)
class Subjects:
    """What is read and written: subjects, streams, queues or topics, as the broker calls them.

    Consumers of one `group` share the messages. `in_flight` are those that are under way at most.
    After `again` seconds without an acknowledgement a message comes again.
    """

    into: str
    out: str
    dead: str
    group: str = "assay"
    in_flight: int = 256
    again: float = 30.0


class _Wire(Protocol):
    """What differs between brokers."""

    broker: Any

    async def prepare(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        """Make what is missing, and subscribe."""
        ...

    def arrived(self, message: Any) -> Sequence[Arrived]:
        """Return the messages that were delivered together."""
        ...

    async def publish(self, subject: str, sent: Sent) -> None:
        """Return when the broker has it."""
        ...


class FastStreamStream:
    """A `Stream` over a broker that FastStream knows.

    Raises MissingLibrary without the extra `stream`.
    """

    def __init__(self, kind: BrokerKind, url: str, subjects: Subjects) -> None:
        try:
            self._wire: _Wire = _WIRES[kind](url, subjects)
        except ImportError as error:
            raise MissingLibrary("faststream", "stream") from error
        self._url, self._subjects = url, subjects
        self._stopping = False
        self._answer: Answer | None = None

    async def start(self, answer: Answer) -> None:
        """Begin to take messages in; ServiceError where the broker does not answer."""
        self._answer = answer
        try:
            await self._wire.prepare(self._handle)
            await self._wire.broker.start()
        except Exception as error:  # each broker's client has errors of its own
            await self._wire.broker.stop()
            raise ServiceError(
                f"The broker at {_shown(self._url)} cannot be used: {type(error).__name__}: "
                f"{error}. Check --url, and that it runs and lets this consumer in."
            ) from error

    async def stop(self) -> None:
        """Take nothing in any more, and finish what was begun."""
        self._stopping = True
        await self._wire.broker.stop()

    async def _handle(self, message: Any) -> None:
        """Answer what was delivered, and acknowledge it once all of it was published."""
        answer = self._answer
        if answer is None:
            return
        try:
            sent = await asyncio.gather(*map(answer, self._wire.arrived(message)))
            for one in sent:
                await self._publish(one)
        except AssayError as error:
            _LOG.warning("a message is left for later", error=str(error))
            await message.nack()
            return
        await message.ack()

    async def _publish(self, sent: Sent) -> None:
        """Publish until the broker took it."""
        wait = _FIRST_WAIT
        subject = self._subjects.dead if sent.dead else self._subjects.out
        while True:
            try:
                await self._wire.publish(subject, sent)
            except Exception as error:  # each broker's client has errors of its own
                _LOG.error("an answer could not be published", error=repr(error))
                if self._stopping:
                    raise ServiceError(f"{sent.id} could not be published.") from error
            else:
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


class _Nats:
    """JetStream, pulled. Streams that no subject belongs to yet are made, kept in files."""

    def __init__(self, url: str, subjects: Subjects) -> None:
        from faststream.nats import NatsBroker  # noqa: PLC0415 - optional

        self.broker = NatsBroker(url, **_PLAIN, max_reconnect_attempts=-1, connect_timeout=3)
        self._subjects = subjects
        self._streams: dict[str, str] = {}

    async def prepare(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        from faststream import AckPolicy  # noqa: PLC0415 - optional
        from faststream.nats import JStream, PullSub  # noqa: PLC0415 - optional
        from nats.js.api import ConsumerConfig  # noqa: PLC0415 - optional

        wanted, client = self._subjects, await _soon(self.broker.connect())
        for subject in (wanted.into, wanted.out, wanted.dead):
            self._streams[subject] = await _stream_of(client.jetstream(), subject)
        self.broker.subscriber(
            wanted.into,
            stream=JStream(self._streams[wanted.into], declare=False),
            pull_sub=PullSub(batch_size=wanted.in_flight, timeout=0.5),
            durable=wanted.group,
            config=ConsumerConfig(ack_wait=wanted.again, max_ack_pending=8 * wanted.in_flight),
            ack_policy=AckPolicy.MANUAL,
            decoder=_whole,
        )(handle)

    def arrived(self, message: Any) -> Sequence[Arrived]:
        told = message.raw_message.metadata
        return [Arrived(f"{told.stream}-{told.sequence.stream}", message.raw_message.data)]

    async def publish(self, subject: str, sent: Sent) -> None:
        # A broker that sees the same id again within its window drops the second one.
        headers = {"Nats-Msg-Id": f"{subject}/{sent.id}", "content-type": "application/json"}
        stream = self._streams[subject]
        await self.broker.publish(sent.body, subject, headers=headers, stream=stream, timeout=5)


class _Redis:
    """Redis streams with a consumer group; what a dead consumer left is claimed."""

    def __init__(self, url: str, subjects: Subjects) -> None:
        from faststream.redis import RedisBroker  # noqa: PLC0415 - optional

        self.broker = RedisBroker(url, **_PLAIN)
        self._subjects = subjects
        self._client: Any = None

    async def prepare(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        from faststream import AckPolicy  # noqa: PLC0415 - optional
        from faststream.redis import StreamSub  # noqa: PLC0415 - optional
        from redis.exceptions import ResponseError  # noqa: PLC0415 - optional

        wanted = self._subjects
        self._client = await _soon(self.broker.connect())
        try:
            await self._client.xgroup_create(wanted.into, wanted.group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        common: dict[str, Any] = {
            "group": wanted.group,
            "consumer": f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            "last_id": ">",
            "polling_interval": 100,
        }
        fresh = StreamSub(wanted.into, max_records=wanted.in_flight, **common)
        left = StreamSub(wanted.into, min_idle_time=int(wanted.again * 1000), **common)
        for place, workers in ((fresh, wanted.in_flight), (left, 1)):
            self.broker.subscriber(
                stream=place, ack_policy=AckPolicy.MANUAL, decoder=_whole, max_workers=workers
            )(handle)

    def arrived(self, message: Any) -> Sequence[Arrived]:
        raw: Mapping[bytes, bytes] = message.raw_message["data"]
        (number,) = message.raw_message["message_ids"]
        body = message.body if b"__data__" in raw else raw.get(b"data", message.body)
        return [Arrived(f"{self._subjects.into}-{number.decode()}", body)]

    async def publish(self, subject: str, sent: Sent) -> None:
        await self._client.xadd(subject, {"data": sent.body, "id": sent.id})


class _Rabbit:
    """Durable queues of the default exchange; a message without an id is known by its content."""

    def __init__(self, url: str, subjects: Subjects) -> None:
        from faststream.rabbit import Channel, RabbitBroker  # noqa: PLC0415 - optional

        channel = Channel(prefetch_count=subjects.in_flight)
        self.broker = RabbitBroker(url, **_PLAIN, default_channel=channel)
        self._subjects = subjects

    async def prepare(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        from faststream import AckPolicy  # noqa: PLC0415 - optional
        from faststream.rabbit import RabbitQueue  # noqa: PLC0415 - optional

        wanted = self._subjects
        await _soon(self.broker.connect())
        for subject in (wanted.out, wanted.dead):
            await self.broker.declare_queue(RabbitQueue(subject, durable=True))
        self.broker.subscriber(
            RabbitQueue(wanted.into, durable=True), ack_policy=AckPolicy.MANUAL, decoder=_whole
        )(handle)

    def arrived(self, message: Any) -> Sequence[Arrived]:
        raw = message.raw_message
        name = raw.message_id or hashlib.sha256(raw.body).hexdigest()[:32]
        return [Arrived(str(name), raw.body)]

    async def publish(self, subject: str, sent: Sent) -> None:
        await self.broker.publish(
            sent.body, subject, persist=True, message_id=sent.id, content_type="application/json"
        )


class _Kafka:
    """Topics, in batches: an offset is committed once its whole batch was published."""

    def __init__(self, url: str, subjects: Subjects) -> None:
        from faststream.kafka import KafkaBroker  # noqa: PLC0415 - optional

        self.broker = KafkaBroker(url.split(","), **_PLAIN, acks="all")
        self._subjects = subjects

    async def prepare(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        from faststream import AckPolicy  # noqa: PLC0415 - optional

        wanted = self._subjects
        self.broker.subscriber(
            wanted.into,
            batch=True,
            group_id=wanted.group,
            auto_offset_reset="earliest",
            max_records=wanted.in_flight,
            batch_timeout_ms=20,
            ack_policy=AckPolicy.MANUAL,
            decoder=_whole,
        )(handle)

    def arrived(self, message: Any) -> Sequence[Arrived]:
        return [
            Arrived(f"{one.topic}-{one.partition}-{one.offset}", one.value or b"")
            for one in message.raw_message
        ]

    async def publish(self, subject: str, sent: Sent) -> None:
        await self.broker.publish(sent.body, subject, key=sent.id.encode())


_PLAIN: Mapping[str, Any] = {"apply_types": False, "logger": None, "graceful_timeout": 15.0}
_WIRES: Mapping[BrokerKind, Callable[[str, Subjects], _Wire]] = {
    "nats": _Nats,
    "redis": _Redis,
    "rabbit": _Rabbit,
    "kafka": _Kafka,
}


async def _whole(message: Any) -> Any:
    """Hand the message itself on: what is in it is read later, where it can be a dead letter."""
    return message


async def _soon(connecting: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(connecting, 10)


async def _stream_of(jetstream: Any, subject: str) -> str:
    """Return the stream that a subject belongs to, made where there is none."""
    from nats.js.errors import NotFoundError  # noqa: PLC0415 - optional

    try:
        return str(await jetstream.find_stream_name_by_subject(subject))
    except NotFoundError:
        name = "assay-" + re.sub(r"[^A-Za-z0-9_-]", "-", subject)
        await jetstream.add_stream(name=name, subjects=[subject])
        return name


def _shown(url: str) -> str:
    """Return a URL without what stands in it for a password."""
    return re.sub(r"//[^@/]*@", "//", url)
