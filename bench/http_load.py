"""Load over HTTP/1.1 with kept connections: by wrk where it is installed, else by asyncio.

`python -m bench.http_load PORT PATH BODY CONNECTIONS SECONDS` is the asyncio one, a process of its
own. An answer other than 200 fails the bench: figures of errors mean nothing.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TOOL = "wrk" if shutil.which("wrk") else "asyncio"


@dataclass(frozen=True)
class Load:
    """How much was answered in which time, and the median and 99th percentile in ms."""

    answers: int
    seconds: float
    p50: float
    p99: float


def run(
    port: int,
    path: str,
    body: Path,
    connections: int,
    seconds: float,
    core: int | None = None,
) -> Load:
    """Send the same request over and over; on one core of the machine where one is given."""
    if TOOL == "wrk" and seconds >= 1:
        return _by_wrk(port, path, body, connections, round(seconds), core)
    command = [sys.executable, "-m", "bench.http_load"]
    given = [str(port), path, str(body), str(connections), str(seconds)]
    told = _told([*command, *given], core)
    answers, *measured = told.split()
    return Load(int(answers), *map(float, measured))


def _told(command: list[str], core: int | None) -> str:
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    ended = subprocess.run([*pinned, *command], check=False, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{command[0]} failed: {ended.stderr or ended.stdout}")
    return ended.stdout


def _by_wrk(
    port: int, path: str, body: Path, connections: int, seconds: int, core: int | None
) -> Load:
    script = f"""
local body = io.open("{body}", "rb")
wrk.method, wrk.body = "POST", body:read("*a")
wrk.headers["Content-Type"] = "application/json"
"""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script)
        lua.flush()
        told = _told(
            [
                *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"),
                *("--latency", "-s", lua.name, f"http://127.0.0.1:{port}{path}"),
            ],
            core,
        )
    return read_wrk(told)


def read_wrk(told: str) -> Load:
    """Read `12345 requests in 2.00s, 4.5MB read`, and the latencies.

    >>> read_wrk("50%  620.00us\\n 99%  1.20ms\\n  24690 requests in 2.00s, 4.50MB read")
    Load(answers=24690, seconds=2.0, p50=0.62, p99=1.2)
    """
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", told)
    if found is None or "Non-2xx" in told:
        raise RuntimeError(f"wrk had no good answers: {told}")
    return Load(
        int(found[1]), float(found[2]) * _UNITS[found[3]], _quantile(told, 50), _quantile(told, 99)
    )


_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def _quantile(told: str, percent: int) -> float:
    """Return a quantile of the latency in ms; NaN where wrk told none."""
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)\b", told)
    return float("nan") if found is None else round(float(found[1]) * _UNITS[found[2]] * 1e3, 6)


class _Client(asyncio.Protocol):
    """Sends a request, waits for the whole answer, sends the next."""

    def __init__(self, request: bytes, failed: asyncio.Future[None]) -> None:
        self.times: list[float] = []
        self._sent = 0.0
        self._request, self._failed = request, failed
        self._seen = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head = self._seen.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._seen.lower().find(b"content-length:") + 15
        length = int(self._seen[start : self._seen.find(b"\r\n", start)])
        if len(self._seen) < head + 4 + length:
            return
        if not self._seen.startswith(b"HTTP/1.1 200"):
            self._fail(bytes(self._seen[:1000]).decode(errors="replace"))
            return
        self._seen.clear()
        self.times.append(time.perf_counter() - self._sent)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed the connection: {exc}")

    def _fail(self, why: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(RuntimeError(why))


async def _by_asyncio(port: int, request: bytes, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    begun = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Client(request, failed), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait([failed], timeout=seconds)
    taken = time.perf_counter() - begun
    if failed.done():
        failed.result()
    times = sorted(1e3 * each for client in clients for each in client.times)
    if not times:
        return Load(0, taken, float("nan"), float("nan"))
    return Load(len(times), taken, times[len(times) // 2], times[int(len(times) * 0.99)])


def _main() -> None:
    port, path, file, connections, seconds = sys.argv[1:]
    body = Path(file).read_bytes()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    load = asyncio.run(
        _by_asyncio(int(port), head.encode() + body, int(connections), float(seconds))
    )
    print(load.answers, load.seconds, load.p50, load.p99)


if __name__ == "__main__":
    _main()
