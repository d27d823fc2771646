"""`assay check` tells, before anything is built, that no share will show what actions change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def _moves(campaign: Path, skip: str, release: str = "") -> None:
    path = campaign / "charter.yaml"
    text = path.read_text().replace("revealed_by: [call]", "moved_by: [call]")
    text = text.replace("skip: 0", f"skip: {skip}")
    path.write_text(text.replace("strategy: immediate", f"strategy: immediate{release}"))


@pytest.mark.parametrize(
    ("release", "told"), [("", True), (", control_share: 0.05", False)], ids=["none", "control"]
)
def test_a_note_where_no_share_is_granted(
    run: Run, campaign: Path, release: str, told: bool
) -> None:
    _moves(campaign, '{"yes": 60, "no": 0}', release)
    answer = run("check", campaign)
    assert answer.code == 0, "a note is no fault"
    assert ("once it serves will not be identified" in answer.out) == told
    assert len(run("check", campaign, "--json").document["notes"]) == told


def test_what_comes_anyway_must_be_paid(run: Run, campaign: Path) -> None:
    _moves(campaign, "0")
    answer = run("check", campaign)
    assert answer.code == 2
    assert "`skip` pays 0 also when `yes` comes without it" in answer.err
