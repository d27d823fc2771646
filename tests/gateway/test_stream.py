"""Messages over real brokers: answered at least once, captured once, bad ones told apart."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateway_folder import lay_out

from assay.adapters.lake_captures import LakeCaptures
from assay.deploy.stream import dead_letter, request_of
from assay.errors import DataError
from assay.evidence.bundle import Bundle
from assay.ports.stream import Arrived

PORTS = {"nats": 4222, "redis": 6379, "rabbit": 5672}
URLS = {
    "nats": "nats://127.0.0.1:4222",
    "redis": "redis://127.0.0.1:6379",
    "rabbit": "amqp://guest:guest@127.0.0.1:5672/",
}


def _row(number: int, **changes: Any) -> bytes:
    row = {"age": 20 + number % 60, "job": "retired", "fee": 1, "id": f"m{number}", **changes}
    return json.dumps(row).encode()


class Nats:
    """Subjects of a broker, written and read by a client of its own."""

    def __init__(self, name: str) -> None:
        self.into, self.out, self.dead = f"{name}.in", f"{name}.out", f"{name}.out.dead"
        self.reached: dict[str, bytes] = {}

    async def _open(self) -> Any:
        import nats

        return await nats.connect(URLS["nats"])

    async def prepare(self) -> None:
        client = await self._open()
        name = self.into.replace(".", "-")
        await client.jetstream().add_stream(name=name, subjects=[self.into])
        await client.close()

    async def send(self, bodies: list[bytes]) -> None:
        client = await self._open()
        for body in bodies:
            await client.jetstream().publish(self.into, body)
        await client.close()

    async def read(self, subject: str, count: int, seconds: float) -> list[bytes]:
        from nats.errors import TimeoutError as Nothing
        from nats.js.errors import NotFoundError

        client = await self._open()
        found: list[bytes] = []
        until = asyncio.get_running_loop().time() + seconds
        try:
            subscription = None
            while len(found) < count and asyncio.get_running_loop().time() < until:
                try:
                    subscription = subscription or await client.jetstream().pull_subscribe(
                        subject, durable="test"
                    )
                    for one in await subscription.fetch(100, timeout=0.3):
                        await one.ack()
                        found.append(one.data)
                except (Nothing, NotFoundError):
                    await asyncio.sleep(0.05)
        finally:
            await client.close()
        return found

    async def remove(self) -> None:
        client = await self._open()
        jetstream = client.jetstream()
        for one in await jetstream.streams_info():
            if set(one.config.subjects or []) & {self.into, self.out, self.dead}:
                await jetstream.delete_stream(one.config.name or "")
        await client.close()


class Redis(Nats):
    async def _open(self) -> Any:
        import redis.asyncio

        return redis.asyncio.Redis.from_url(URLS["redis"])

    async def prepare(self) -> None:
        pass

    async def send(self, bodies: list[bytes]) -> None:
        client = await self._open()
        for body in bodies:
            await client.xadd(self.into, {"data": body})
        await client.aclose()

    async def read(self, subject: str, count: int, seconds: float) -> list[bytes]:
        client = await self._open()
        until = asyncio.get_running_loop().time() + seconds
        found: list[bytes] = []
        while len(found) < count and asyncio.get_running_loop().time() < until:
            after = self.reached.get(subject)
            entries = await client.xrange(subject, "-" if after is None else b"(" + after)
            found += [fields[b"data"] for _, fields in entries]
            if entries:
                self.reached[subject] = entries[-1][0]
            await asyncio.sleep(0.05)
        await client.aclose()
        return found

    async def remove(self) -> None:
        client = await self._open()
        await client.delete(self.into, self.out, self.dead)
        await client.aclose()


class Rabbit(Nats):
    async def _open(self) -> Any:
        import aio_pika

        return await aio_pika.connect(URLS["rabbit"])

    async def prepare(self) -> None:
        client = await self._open()
        await (await client.channel()).declare_queue(self.into, durable=True)
        await client.close()

    async def send(self, bodies: list[bytes]) -> None:
        import aio_pika

        client = await self._open()
        channel = await client.channel()
        for body in bodies:
            await channel.default_exchange.publish(aio_pika.Message(body), self.into)
        await client.close()

    async def read(self, subject: str, count: int, seconds: float) -> list[bytes]:
        client = await self._open()
        queue = await (await client.channel()).declare_queue(subject, durable=True)
        until = asyncio.get_running_loop().time() + seconds
        found: list[bytes] = []
        while len(found) < count and asyncio.get_running_loop().time() < until:
            one = await queue.get(fail=False)
            if one is None:
                await asyncio.sleep(0.05)
            else:
                await one.ack()
                found.append(one.body)
        await client.close()
        return found

    async def remove(self) -> None:
        client = await self._open()
        channel = await client.channel()
        for name in (self.into, self.out, self.dead):
            await channel.queue_delete(name)
        await client.close()


@pytest.fixture(params=["nats", "redis", "rabbit"])
def broker(request: pytest.FixtureRequest) -> Iterator[tuple[str, Nats]]:
    kind = request.param
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", PORTS[kind])):
            pytest.skip(f"no {kind} answers on port {PORTS[kind]}")
    made = {"nats": Nats, "redis": Redis, "rabbit": Rabbit}[kind](f"t{secrets.token_hex(6)}")
    asyncio.run(made.prepare())
    try:
        yield kind, made
    finally:
        asyncio.run(made.remove())


@pytest.fixture
def folder(tmp_path: Path, classifiers: tuple[Bundle, Bundle]) -> Path:
    lay_out(tmp_path / ".assay", *classifiers[:1])
    return tmp_path


@contextmanager
def _streaming(
    folder: Path, kind: str, at: Nats, *more: str, again: str = "30"
) -> Iterator[tuple[Any, str]]:
    command = [sys.executable, "-m", "assay", "stream", str(folder), "--broker", kind, "--url"]
    command += [URLS[kind], "--in", at.into, "--out", at.out, "--again", again, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "Assay stream ready" in line, line
            yield process, line
        finally:
            process.kill()


def _captured(folder: Path) -> list[str]:
    return [str(one["id"]) for one in LakeCaptures(folder / ".assay" / "captures").read()]


def test_messages_are_answered_and_bad_ones_are_told_apart(
    folder: Path, broker: tuple[str, Nats], classifiers: tuple[Bundle, Bundle]
) -> None:
    kind, at = broker
    bodies = [_row(number) for number in range(30)]
    bodies += [b"{torn", b"[1]", _row(30, age="old"), _row(31, fee=99, age=None)]
    tensors = [("age", "FP64", [40, 41]), ("job", "BYTES", ["a", "b"]), ("fee", "FP64", [1, 2])]
    request = {
        "inputs": [
            {"name": name, "datatype": kind_, "shape": [2], "data": data}
            for name, kind_, data in tensors
        ]
    }
    bodies.append(json.dumps(request).encode())
    with _streaming(folder, kind, at, "--metrics-port", "0") as (process, line):
        asyncio.run(at.send(bodies))
        answers = [json.loads(one) for one in asyncio.run(at.read(at.out, 31, 20))]
        dead = [json.loads(one) for one in asyncio.run(at.read(at.dead, 4, 20))]
        rows = {one["id"]: one for one in answers if "prediction_id" in one}
        (whole,) = [one for one in answers if "outputs" in one]
        assert len(rows) == 30
        assert rows["m3"]["decision"] in {"call", "skip"}
        assert rows["m3"]["version"] == "1"
        assert whole["outputs"][0]["shape"] == [2]
        assert {one["message"] for one in dead} == {body.decode() for body in bodies[30:34]}
        assert any("no JSON" in one["error"] for one in dead)
        lay_out(folder / ".assay", classifiers[1], revision=2)
        asyncio.run(at.send([_row(100 + number) for number in range(60)]))
        later = [json.loads(one) for one in asyncio.run(at.read(at.out, 60, 20))]
        assert len(later) >= 60
        port = line.rsplit(maxsplit=1)[-1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as told:
            text = told.read().decode()
        assert 'assay_stream_messages_total{outcome="dead"} 4' in text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    ids = _captured(folder)
    assert len(set(ids)) == len(ids) == 92
    records = LakeCaptures(folder / ".assay" / "captures").read()
    assert {one["revision"] for one in records} == {1, 2}


def test_killed_in_the_middle_nothing_is_lost_and_each_counts_once(
    folder: Path, broker: tuple[str, Nats]
) -> None:
    kind, at = broker
    sent = 240
    asyncio.run(at.send([_row(number) for number in range(sent)]))
    for begun in (30, 100):
        with _streaming(folder, kind, at, "--in-flight", "16", again="1") as (process, _):
            end = time.monotonic() + 120
            while len(_captured(folder)) < begun:
                assert time.monotonic() < end, "nothing is answered"
                time.sleep(0.02)
            process.kill()
            process.wait()
    answers: list[bytes] = []
    with _streaming(folder, kind, at, "--in-flight", "16", again="1") as (process, _):
        seen: set[str] = set()
        for _ in range(120):
            answers = asyncio.run(at.read(at.out, len(answers) + sent, 1))
            seen |= {json.loads(one)["id"] for one in answers}
            if len(seen) == sent:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert seen == {f"m{number}" for number in range(sent)}
    assert len(set(_captured(folder))) == sent


def test_no_broker_is_one_paragraph(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "assay", "stream", str(folder), "--broker", "redis", "--url"]
    command += [f"redis://:secret@127.0.0.1:{port}", "--in", "a", "--out", "b"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3
    assert f"The broker at redis://127.0.0.1:{port} cannot be used" in done.stderr
    assert "secret" not in done.stderr


def test_a_message_that_names_itself_not_has_the_name_of_its_delivery() -> None:
    kinds: Any = {"age": "number", "id": None}
    found = request_of(Arrived("s-7", b'{"age": 1, "id": null, "x": true}'), kinds)
    document = msgspec.json.decode(found.body)
    assert document["id"] == "s-7"
    assert [one["name"] for one in document["inputs"]] == ["age", "id", "x"]
    with pytest.raises(DataError, match="must be a number"):
        request_of(Arrived("s-7", b'{"age": "1"}'), kinds)
    assert b"base64" in dead_letter(Arrived("a", b"\xff"), "why").body
