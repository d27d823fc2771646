"""Several workers on one port: begun together, looked after, ended together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.gateway_folder import lay_out, running

from assay.evidence.bundle import Bundle
from assay.gateway import root
from assay.gateway.quiet_log import Quieted

Body = Callable[..., dict[str, Any]]
INFER = "/v2/models/bank/infer"


def _asked(url: str, body: dict[str, Any]) -> int:
    """Ask on a connection of its own, so that chance picks the worker."""
    with httpx.Client(base_url=url, timeout=10) as client:
        return client.post(INFER, json=body).status_code


def _workers(url: str) -> dict[str, int]:
    text = httpx.get(f"{url}/metrics").text
    found = re.findall(
        r'^assay_requests_total{.*status="200",worker="(\d)"} (\S+)', text, re.MULTILINE
    )
    return {worker: int(float(n)) for worker, n in found}


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
def test_workers_share_the_port_and_one_that_dies_is_begun_again(
    tmp_path: Path, classifiers: tuple[Bundle, Bundle], body: Body
) -> None:
    lay_out(tmp_path, classifiers[0])
    before = set(_children(os.getpid()))
    with running(tmp_path, "--workers", "2") as url:
        (parent,) = set(_children(os.getpid())) - before
        first = _children(parent)
        assert len(first) == 2
        assert {_asked(url, body(1)) for _ in range(40)} == {200}
        until = time.monotonic() + 60  # workers tell each other twice a second
        while sum((counted := _workers(url)).values()) < 40 and time.monotonic() < until:
            time.sleep(0.05)
        assert sorted(counted) == ["0", "1"]
        assert sum(counted.values()) == 40
        os.kill(first[0], signal.SIGKILL)
        until = time.monotonic() + 60
        while len(set(_children(parent)) - set(first)) < 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(set(_children(parent)) - set(first)) == 1
        assert _asked(url, body(1)) == 200


def test_workers_that_cannot_begin_are_told_in_one_paragraph(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assay.gateway", str(tmp_path), "--port", "0"]
    wrong = [*command, "--workers", "2", "--tls-cert", "no.pem", "--tls-key", "no.pem"]
    ended = subprocess.run(wrong, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "do not load" in ended.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--tls-cert", "x"], "both --tls-cert and --tls-key"),
        (["--host", "0.0.0.0"], "assay keys add"),  # noqa: S104
    ],
)
def test_what_cannot_be_begun_is_told_before_anything_listens(
    more: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(root, "log_to_stderr", lambda: None)
    assert root.main([str(tmp_path), "--port", "0", *more]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err


def test_what_is_no_fault_is_never_left_out() -> None:
    quieted = Quieted(most=1)
    assert all(quieted(None, "info", {"event": "serving"}) for _ in range(3))
