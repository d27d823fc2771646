"""The demo's year, three small months of it: the real parts, a real gateway process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from assay.cli import demo_year
from assay.lifecycle.campaign import Campaign
from assay.workspace import Workspace


def _small(directory: Path, campaign: Campaign) -> Workspace:
    """The demo's charter with windows of 300 rows, and a history to match."""
    text = (files("assay.lifecycle") / "campaign_charter.yaml").read_text(encoding="utf-8")
    for pattern, new in (
        (r"window: \d+ rows", "window: 300 rows"),
        (r"uplift_per_month: {at_least: [^}]*}", "uplift_per_month: {at_least: -100000}"),
        (r"calibration_error: {at_most: [^}]*}", "calibration_error: {at_most: 0.5}"),
        (r"families: \[.*\]", "families: [linear]"),
        (r"trials: \d+", "trials: 1"),
    ):
        text, count = re.subn(pattern, new, text)
        assert count == 1, pattern
    (directory / "charter.yaml").write_text(text)
    campaign.history(6000).write_parquet(directory / "history.parquet")
    return Workspace(directory)


def test_a_short_year_goes_through_every_phase(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_year, "set_up", _small)
    monkeypatch.setattr(demo_year, "_MONTHS", 3)
    monkeypatch.setattr(demo_year, "_CLIENTS", 300)
    told = run("demo", tmp_path / "demo")
    assert told.code == 0, told.err
    for words in (
        "are simulated here; everything else is real",
        "Gate      closed: 2 sign-offs are missing",
        "the gate is open",
        "Month  3",
        "The year with the response",
        "The ledger holds together",
    ):
        assert words in told.out
    assert (tmp_path / "demo" / "report.html").is_file()
    assert (tmp_path / "demo" / "year.png").read_bytes().startswith(b"\x89PNG")
    assert Workspace(tmp_path / "demo").audit() > 10
    again = run("demo", tmp_path / "demo", "--json")
    assert again.code == 0, again.err
    document = json.loads(again.out)
    assert [one["number"] for one in document["months"]] == [1, 2, 3]
    assert document["with_response"] == sum(one["earned"] for one in document["months"])
