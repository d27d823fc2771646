"""Real servers and gateways as processes, a released model to serve, and connections that ask.

What the benches under load share: `bench.swaps` and the loops of `bench.kill`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from bench.charter import charter_document
from bench.served_model import MODEL, body_v2, make_bundle
from bench.waiting import until

from assay.adapters.sql_server_store import server_store_of
from assay.evidence.bundle import Bundle
from assay.evidence.event import EventType
from assay.lifecycle.access_tokens import made_token
from assay.lifecycle.approval import write
from assay.workspace import Workspace

__all__ = ["Answer", "Load", "Process", "World"]

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A prediction that a client holds; `at` is when it came, on the monotonic clock."""

    id: str
    version: str
    at: float


class Load:
    """So many connections that ask gateways one request after the other, on a thread.

    `failed` are answers other than 200, `broken` connections that ended. `pause` (seconds) is
    waited between an answer and the next request.
    """

    def __init__(self, urls: Sequence[str], clients: int, pause: float = 0.0) -> None:
        self.answers: list[Answer] = []
        self.failed: list[str] = []
        self.broken: list[str] = []
        self.versions: dict[str, str] = {}
        self._stopped = False
        self._pause = pause
        self._requests = [_request(url) for url in urls]
        self._urls = urls
        self._clients = clients
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()

    def stop(self) -> None:
        """Ask no more, and wait for what is under way; a second call does nothing."""
        self._stopped = True
        self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(n % len(self._urls)) for n in range(self._clients)))

    async def _one(self, which: int) -> None:
        url = self._urls[which]
        host, port = url.removeprefix("http://").split(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError as error:
            self.broken.append(repr(error))
            return
        try:
            while not self._stopped:
                writer.write(self._requests[which])
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                body = await reader.readexactly(int(found[1]) if found else 0)
                self._take(url, head, body)
                await asyncio.sleep(self._pause)
        except (OSError, EOFError) as error:
            self.broken.append(repr(error))
        finally:
            writer.close()

    def _take(self, url: str, head: bytes, body: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200"):
            self.failed.append(body.decode(errors="replace")[:200])
            return
        now, told = time.monotonic(), json.loads(body)["parameters"]
        version = self.versions[url] = str(told["versions"][0])
        self.answers += [Answer(one, version, now) for one in told["prediction_ids"]]


class Process:
    """A server or a gateway as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    @classmethod
    @contextmanager
    def started(cls, *arguments: str, port: str = "0") -> Iterator[Process]:
        """Start `python -m ARGUMENTS`, wait until it is ready, and stop it at the end."""
        command = [sys.executable, "-m", *arguments, "--port", port]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert "ready on" in line, f"{command} did not start: {line}"
            running = cls(process, line.split()[-1])
            try:
                if arguments[0] == "assay.gateway":
                    until(lambda: _ready(running.url))
                yield running
            finally:
                running.stop()

    @property
    def port(self) -> str:
        """The port that it listens on."""
        return self.url.rsplit(":", 1)[1]

    def kill(self) -> None:
        """Kill it as the system would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Stop as a person would; a second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


class World:
    """A workspace with two versions of a model, the first of which serves, and a token."""

    place = "test"
    model = MODEL

    def __init__(self, folder: Path, **release: object) -> None:
        self.folder = folder
        document = charter_document(MODEL, self.place, release)
        (folder / "charter.yaml").write_text(json.dumps(document))
        workspace = self.workspace()
        for version, bundle in enumerate(_bundles(), 1):
            for blob in (*bundle.files.values(), bundle.manifest()):
                workspace.ports.blobs.put(blob)
            charter = workspace.charter
            content: dict[str, object] = {"bundle": bundle.digest, "charter": charter.digest}
            content |= {"sections": charter.digests(), "origin": {}}
            subject, kind = f"model:{MODEL}/{version}", EventType.MODEL_REGISTERED
            write(workspace.ports.ledger, subject, kind, content, datetime.now(UTC))
        if workspace.release(1).champion is None:
            workspace.release(action="promote")
        scopes = ["agent", "serve", "read", "release"]
        self.secret, self._token = made_token("all", scopes, "", datetime.now(UTC))
        self.let_in(None)

    @property
    def captures(self) -> Path:
        """Where what was answered lies."""
        return self.folder / ".assay" / "environments" / self.place / "captures"

    def let_in(self, database: str | None) -> None:
        """Make the token known to servers with a database, or with files."""
        with closing(server_store_of(self.folder / ".assay", database)) as store:
            store.add_token(self._token)

    def workspace(self) -> Workspace:
        """Open the workspace anew."""
        return Workspace(self.folder, environment=self.place)

    def server(self, *options: str, port: str = "0") -> AbstractContextManager[Process]:
        """Start the control plane over the workspace."""
        return Process.started("assay", "server", str(self.folder), *options, port=port)

    def gateway(self, *arguments: str | Path, port: str = "0") -> AbstractContextManager[Process]:
        """Start a gateway over the workspace's folder, or as the arguments say."""
        told = map(str, arguments or [self.folder])
        return Process.started("assay.gateway", *told, "--environment", self.place, port=port)

    def follower(self, url: str) -> AbstractContextManager[Process]:
        """Start a gateway that follows a server."""
        os.environ["ASSAY_TOKEN"] = self.secret  # the gateway inherits it
        trust = self.folder / ".assay" / "keys" / "release.pub"
        named = ["--server", url, "--trust", str(trust), "--agent", "far"]
        return self.gateway(self.folder / "far", *named)


@cache
def _bundles() -> tuple[Bundle, Bundle]:
    return make_bundle(0), make_bundle(1)


def _ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/v2/health/ready") as answer:
            return bool(answer.status == 200)
    except HTTPError:
        return False


def _request(url: str) -> bytes:
    body = body_v2(1)
    head = f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nhost: {url.removeprefix('http://')}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
