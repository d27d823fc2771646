"""What `assay up` does beside serving: it monitors, responds, and goes on whatever fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.test_respond_command import serving
from tests.cli.test_sweep_command import models

from assay.cli.up import monitor_beside
from assay.workspace import Workspace

__all__ = ["models", "serving"]


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Callable[[Path, str, int], list[str]]:
    """Monitor and respond beside serving until a word was said so many times; return all lines."""

    def run(own: Path, word: str, times: int) -> list[str]:
        stopped, waited, said = threading.Event(), threading.Event(), ""
        beside = threading.Thread(
            target=monitor_beside, args=(own, 0.05, stopped), kwargs={"respond": True}
        )
        beside.start()
        for _ in range(3000):
            said += capfd.readouterr().err
            if said.count(word) >= times:
                break
            waited.wait(0.1)
        stopped.set()
        beside.join(timeout=120)
        assert not beside.is_alive()
        return said.splitlines()

    return run


def test_what_is_monitored_is_responded_to_and_proposed_once(
    told: Callable[[Path, str, int], list[str]], serving: Path
) -> None:
    lines = told(serving, "responded: ", 2)
    assert [line.split(":")[0] for line in lines[:4]] == ["monitored", "responded"] * 2
    workspace = Workspace(serving)
    windows, proposed = workspace.observe().windows, workspace.responses().every
    assert windows, "traffic was monitored"
    live = [one for one in workspace.observe().alerts if one.open]
    assert len(proposed) <= 1
    if not live:
        assert "No alert is open: nothing is proposed." in lines[1]
    assert "(0 raised and 0 closed just now)" in lines[2]


def test_a_response_that_fails_is_told_and_monitoring_goes_on(
    told: Callable[[Path, str, int], list[str]], models: Path
) -> None:
    lines = told(models / "models" / "m0000", "monitored: ", 2)
    assert "monitored: " in lines[0]
    assert "responses are not judged for it" in lines[1]
    assert "monitored: " in lines[2]
