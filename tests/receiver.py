"""A receiver of alerts on this machine, which can be down, slow to recover, or unwilling."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Post:
    """One request that reached the receiver, and what it answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers 200, or first what `answers` says: (status, headers)."""

    posts: list[Post] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def taken(self) -> list[Post]:
        """What it said 200 to."""
        return [one for one in self.posts if one.status == 200]

    @contextmanager
    def up(self) -> Iterator[str]:
        """Listen, always at one port, and give `host:port`."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = False
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{self.port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.posts.append(Post(self.path, named, body, status))
                self.send_response(status)
                for name, value in {"content-length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        return Handler
