"""The gateway's composition root: a folder and a port make a server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import fsspec
import structlog
import uvicorn
from fastapi import FastAPI

from assay.adapters.file_desired import FileDesired
from assay.adapters.fsspec_blobs import FsspecBlobs
from assay.adapters.log_captures import LogCaptures
from assay.adapters.onnx_engine import OnnxEngine
from assay.adapters.system_clock import SystemClock
from assay.errors import AssayError, ServiceError
from assay.gateway.app import Gateway, create_app
from assay.gateway.follower import Follower
from assay.gateway.metrics import Metrics

__all__ = ["build_gateway", "main"]


def build_gateway(folder: Path) -> Gateway:
    """Return a gateway over `folder`: blobs/, desired.json and captures/ in it."""
    metrics = Metrics()
    follower = Follower(
        FileDesired(folder / "desired.json"),
        FsspecBlobs(fsspec.filesystem("file"), str((folder / "blobs").resolve())),
        lambda model, signature: OnnxEngine(model, signature.inputs),
        metrics,
    )
    return Gateway(follower, LogCaptures(folder / "captures"), SystemClock(), metrics)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until stopped; prints one line when ready. Returns the exit code."""
    given = _parser().parse_args(argv)
    _log_to_stderr()
    signal.signal(signal.SIGTERM, _stop)
    try:
        listening = _listen(given.host, given.port)
        app = create_app(build_gateway(given.folder), given.poll)
        asyncio.run(_serve(app, listening))
    except AssayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(app: FastAPI, listening: socket.socket) -> None:
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=30)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        host, port = listening.getsockname()[:2]
        sys.stdout.write(f"Assay gateway ready on http://{host}:{port}\n")
        sys.stdout.flush()
    await serving


def _stop(_: int, __: FrameType | None) -> None:
    """Make being told to stop an ordinary end; the server raises the signal anew when done."""
    raise KeyboardInterrupt


def _log_to_stderr() -> None:
    """Leave standard output to the one line that says where the gateway listens."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol named, asyncio does not switch Nagle's algorithm off on the connections,
    # and each answer waits 40 ms for the client's delayed acknowledgement of its headers.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ServiceError(
            f"The gateway cannot listen on {host}:{port}: {error}. Give another --port."
        ) from error
    return listening


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m assay.gateway", description="Serve a workspace's released model over HTTP."
    )
    parser.add_argument("folder", type=Path, help="the workspace's .assay directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free port")
    parser.add_argument(
        "--poll", type=float, default=0.2, help="seconds between looks at the desired state"
    )
    return parser
