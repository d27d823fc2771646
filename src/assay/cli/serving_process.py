"""A gateway as a process of its own, and a client that sends it tables."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from assay.errors import ServiceError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Gateway", "running_gateway"]

_ROWS = 100
"""Rows sent in one request."""


class Gateway:
    """Sends tables to a gateway by the Open Inference Protocol."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self._client = client

    def wait_for(self, revision: int) -> None:
        """Wait until a gateway serves a revision of the release; ServiceError after 10 seconds."""
        for _ in range(500):
            metrics = self._client.get(f"{self.url}/metrics").text
            served = re.search(r"^assay_desired_revision\S* (\S+)", metrics, re.MULTILINE)
            if served is not None and float(served[1]) >= revision:
                return
            time.sleep(0.02)
        raise ServiceError(f"The gateway {self.url} does not take up revision {revision}.")

    def infer(self, model: str, rows: pl.DataFrame, entity: str, request: str) -> list[str]:
        """Send a table and return the prediction ids, in order of its rows."""
        inputs = [one["name"] for one in self._metadata(model)["inputs"]]
        ids: list[str] = []
        for start in range(0, rows.height, _ROWS):
            part = rows.slice(start, _ROWS)
            body = {
                "id": f"{request}-{start}",
                "parameters": {"entity": part[entity].to_list()},
                "inputs": [_tensor(part, name) for name in inputs],
            }
            answer = self._client.post(f"{self.url}/v2/models/{model}/infer", json=body)
            if answer.status_code != 200:
                raise ServiceError(f"The gateway answered {answer.status_code}: {answer.text}")
            ids += answer.json()["parameters"]["prediction_ids"]
        return ids

    def _metadata(self, model: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(f"{self.url}/v2/models/{model}").json()
        return found


def _tensor(rows: pl.DataFrame, name: str) -> dict[str, Any]:
    values = rows[name].to_list()
    datatype = "FP64" if rows[name].dtype.is_numeric() else "BYTES"
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": values}


@contextmanager
def running_gateway(state: Path) -> Iterator[Gateway]:
    """Start a gateway on a free port over a workspace's state, and stop it at the end."""
    with (state / "gateway.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay.gateway", str(state), "--port", "0", "--poll", "0.05"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "http" not in line:
            raise ServiceError(f"The gateway did not start: {line.strip() or 'it said nothing'}.")
        with httpx.Client(timeout=30) as client:
            yield Gateway(line.rsplit(maxsplit=1)[-1], client)
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout:
            process.stdout.close()
