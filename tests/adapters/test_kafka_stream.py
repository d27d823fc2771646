"""The Kafka side of streams, over FastStream's own broker for tests: there is none here to ask."""

from __future__ import annotations

import asyncio

import pytest
from faststream.kafka import TestKafkaBroker

from assay.adapters.faststream_stream import FastStreamStream, Subjects
from assay.ports.stream import Arrived, Sent


def test_a_batch_is_answered_and_published_in_order() -> None:
    stream = FastStreamStream("kafka", "127.0.0.1:9092", Subjects("in", "out", "dead"))
    wire = stream._wire
    seen: list[str] = []
    published: list[tuple[str, Sent]] = []

    async def answer(arrived: Arrived) -> Sent:
        seen.append(arrived.id)
        return Sent(arrived.id, arrived.body.upper(), dead=arrived.body == b"bad")

    async def publish(subject: str, sent: Sent) -> None:
        published.append((subject, sent))

    async def run() -> None:
        await wire.prepare(stream._handle)
        stream._answer = answer
        async with TestKafkaBroker(wire.broker) as broker:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(wire, "publish", publish)
                await broker.publish_batch(b"good", b"bad", topic="in")

    asyncio.run(run())
    assert [(subject, sent.body) for subject, sent in published] == [
        ("out", b"GOOD"),
        ("dead", b"BAD"),
    ]
    assert [one.rpartition("-")[0] for one in seen] == ["in-0", "in-0"]
