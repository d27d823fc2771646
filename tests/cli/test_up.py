"""`assay up` as a process: it says where it listens, answers, and stops when told to."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import polars as pl
import pytest

from assay.cli.serving_process import running_gateway
from assay.errors import ServiceError
from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace


@pytest.fixture
def released(run: Callable[..., Any], campaign: Path) -> Path:
    """A campaign whose first version is released."""
    workspace = Workspace(campaign)
    workspace.sign("Ana Costa", "product_manager")
    workspace.sign("Rui Matos", "risk_officer")
    workspace.release()
    return campaign


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(released: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "assay", "up", str(released), "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as serving:
        assert serving.stdout is not None
        told = json.loads(serving.stdout.readline())
        assert httpx.get(f"{told['url']}/v2/health/ready").status_code == 200
        serving.send_signal(number)
        rest = serving.stdout.read()
        assert serving.wait(timeout=30) == 0
    assert rest == ""


def test_it_serves_https_to_anybody_where_it_is_asked_to(released: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    making = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made = [*making, "-nodes", "-subj", "/CN=here", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    command = [sys.executable, "-m", "assay", "up", str(released), "--port", "0", "--json"]
    command += ["--no-server", "--no-monitor", "--tls-cert", str(cert), "--tls-key", str(key)]
    command += ["--open", "--memory-mib", "512"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as serving:
        assert serving.stdout is not None
        url = json.loads(serving.stdout.readline())["url"]
        assert url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(cert))
        trusting.check_hostname = False
        assert httpx.get(f"{url}/v2/health/ready", verify=trusting).status_code == 200
        serving.terminate()
        assert serving.wait(timeout=30) == 0


def test_a_table_is_sent_and_captured(released: Path) -> None:
    workspace = Workspace(released)
    clients = Campaign(seed=5).month(1, 130).clients
    with running_gateway(workspace.serving_state()) as gateway:
        gateway.wait_for(workspace.release_state().revision)
        ids = gateway.infer("campaign", clients, "client", "month")
    assert len(set(ids)) == 130
    captured = {one["id"]: one["entity"] for one in workspace.ports.captures.read()}
    assert [captured[one] for one in ids] == clients["client"].to_list()
    assert sum(one.measured.n for one in workspace.observe().windows) == 130


def test_a_refusal_of_the_gateway_is_told(released: Path) -> None:
    clients = Campaign(seed=5).month(1, 3).clients.drop("age")
    with running_gateway(Workspace(released).serving_state()) as gateway:
        spoiled = clients.with_columns(pl.lit("young").alias("age"))
        with pytest.raises(ServiceError, match="The gateway answered 4"):
            gateway.infer("campaign", spoiled, "client", "month")


def test_a_gateway_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        pytest.raises(ServiceError, match="did not start: it said nothing"),
        running_gateway(tmp_path) as gateway,
    ):
        raise AssertionError(f"nothing can serve on {gateway.url}")


def test_serving_goes_on_when_the_server_dies_and_the_server_comes_back(released: Path) -> None:
    command = [sys.executable, "-m", "assay", "up", str(released), "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--no-monitor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        told = json.loads(serving.stdout.readline())
        said = lines_of(serving.stderr)
        url = next(line.split()[-1] for line in said if "server ready on" in line)
        assert httpx.get(f"{url}/api/v1/health").json()["status"] == "ok"
        os.kill(server_under(serving.pid), signal.SIGKILL)
        assert httpx.get(f"{told['url']}/v2/health/ready").status_code == 200
        assert any("started again" in line for line in said)
        assert next(line.split()[-1] for line in said if "server ready on" in line) == url
        assert httpx.get(f"{url}/api/v1/health").json()["status"] == "ok"
        child = server_under(serving.pid)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=30) == 0
        assert not Path(f"/proc/{child}").exists(), "one stop stops all"


def lines_of(stream: IO[str]) -> Iterator[str]:
    """Yield lines as they are said."""
    return iter(stream.readline, "")


def server_under(pid: int) -> int:
    """Return the process of the control plane that `assay up` runs."""
    for child in children(pid):
        if b"assay.server" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            return int(child)
    raise AssertionError("no server runs")


def children(pid: int) -> list[str]:
    """Return the children that any of its threads started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for one in tasks for child in one.read_text().split()]
