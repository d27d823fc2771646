"""Serves an exported model with ONNX Runtime and NumPy alone: `runner.py serve`, `flush`, `score`.

python runner.py serve --port 8081 [--to https://server --token TOKEN]
python runner.py flush --to https://server --token TOKEN
python runner.py score < request.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from assay.deploy.edge.deciding import Refused
from assay.deploy.edge.exported import Exported, Unusable
from assay.deploy.edge.requests import document_of, read_request
from assay.deploy.edge.spool import Spool, flush, sent_to

__all__ = ["Edge", "main"]


class Edge:
    """An exported model and the spool of its captures."""

    def __init__(self, model: Exported, folder: Path) -> None:
        self.model, self.folder = model, folder
        about = model.about
        self.spool = Spool(folder, about["rotate_mib"] * 2**20, about["rotate_minutes"] * 60.0)

    def infer(self, body: bytes) -> dict[str, Any]:
        """Answer a request once it is recorded.

        Raises Refused for a bad request, and OSError where captures cannot be written and the
        charter withholds such answers.
        """
        begun, model = time.perf_counter(), self.model
        asked = read_request(model, body)
        found = model.answer(asked.columns)
        document = document_of(model, asked, found)
        at = datetime.now(UTC).isoformat()
        batch = model.capture(asked.columns, found, asked.ids, asked.entities, at)
        batch["each"]["latency_ms"] = [1000 * (time.perf_counter() - begun)] * asked.rows
        try:
            self.spool.add(batch)
        except OSError as error:
            if model.about["on_failure"] == "withhold":
                raise
            print(f"not recorded: {error}", file=sys.stderr)  # noqa: T201 - a program's own words
            document["parameters"]["captured"] = False
        return document


class _Server(ThreadingHTTPServer):
    """One thread for each connection, over one exported model."""

    daemon_threads = True

    def __init__(self, host: str, port: int, edge: Edge) -> None:
        super().__init__((host, port), _Handler)
        self.edge = edge


class _Handler(BaseHTTPRequestHandler):
    """The Open Inference Protocol's paths."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """Say that the model is there, and what it takes."""
        model = self.server.edge.model
        name, version = model.about["model"], str(model.about["version"])
        kinds = {"number": "FP64", "category": "BYTES"}
        inputs = [
            {"name": one["name"], "shape": [-1], "datatype": kinds[one["kind"]]}
            for one in model.inputs
        ]
        own = f"/v2/models/{name}"
        told: dict[str, Any] = {
            "/v2": {"name": "assay-edge", "version": "1", "extensions": []},
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
            own: {"name": name, "versions": [version], "platform": "onnx", "inputs": inputs},
            f"{own}/ready": {"name": name, "ready": True},
        }
        found = told.get(self.path)
        self._answer(404 if found is None else 200, found or {"error": f"no {self.path} here"})

    def do_POST(self) -> None:
        """Answer an inference request."""
        edge, size = self.server.edge, self.headers.get("Content-Length", "")
        about = edge.model.about
        if not size.isdecimal() or int(size) > about["most_bytes"]:
            self.close_connection = True
            text = f"Send a Content-Length of at most {about['most_bytes']} bytes."
            self._answer(413, {"error": text})
            return
        body = self.rfile.read(int(size))
        if self.path != f"/v2/models/{about['model']}/infer":
            self._answer(404, {"error": f"no {self.path} here"})
            return
        try:
            self._answer(200, edge.infer(body))
        except Refused as error:
            self._answer(400, {"error": str(error)})
        except OSError as error:
            self._answer(503, {"error": f"The answer could not be recorded: {error}."})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """Say nothing of single requests."""

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document, ensure_ascii=False).encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 where all is well, 2 for what was given, 3 for a world that is broken."""
    given = _parsed(arguments)
    try:
        model = Exported(given.directory, given.digest)
        edge = Edge(model, given.spool or given.directory / "captures")
        if given.command == "score":
            print(json.dumps(edge.infer(sys.stdin.buffer.read()), ensure_ascii=False))  # noqa: T201
        elif given.command == "flush":
            count = flush(edge.folder, sent_to(given.to, model.about, given.token))
            print(f"{count} files sent")  # noqa: T201
        else:
            _serve(edge, given)
    except (ValueError, Unusable, OSError) as error:
        print(f"runner: {error}", file=sys.stderr)  # noqa: T201
        return 3 if isinstance(error, OSError) else 2
    return 0


def _serve(edge: Edge, given: argparse.Namespace) -> None:
    server = _Server(given.host, given.port, edge)
    if given.to is not None:
        send = sent_to(given.to, edge.model.about, given.token)
        threading.Thread(target=_flush_often, args=(edge, send, given.every), daemon=True).start()
    print(f"serving on http://{given.host}:{server.server_port}", flush=True)  # noqa: T201
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        edge.spool.close()


def _flush_often(edge: Edge, send: Any, seconds: float) -> None:
    """Send what is there whenever somebody takes it; nobody waits for it."""
    while True:
        time.sleep(seconds)
        edge.spool.close()
        try:
            flush(edge.folder, send)
        except OSError as error:
            print(f"captures stay here for now: {error}", file=sys.stderr)  # noqa: T201


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="runner.py", description=__doc__.split("\n")[0])
    here = Path(__file__).resolve().parent
    parser.add_argument("--directory", type=Path, default=here, help="the exported directory")
    parser.add_argument("--digest", help="what the SHA-256 of MANIFEST.json must be")
    parser.add_argument("--spool", type=Path, help="where captures wait (captures/ beside this)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("score", help="answer one request from the standard input")
    serve = commands.add_parser("serve", help="answer requests over HTTP")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8081)
    serve.add_argument("--every", type=float, default=60.0, help="seconds between two flushes")
    send = commands.add_parser("flush", help="send captures to a server")
    for one in (serve, send):
        one.add_argument("--to", required=one is send, help="the server's address")
        token = os.environ.get("ASSAY_TOKEN", "")
        one.add_argument("--token", default=token, help="its token; ASSAY_TOKEN where not given")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
