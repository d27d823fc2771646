"""The bench of swaps, in its short form: its promises hold, whatever the machine is doing."""

from __future__ import annotations

from pathlib import Path

from bench.swaps import Course


def test_swaps_a_way_back_and_a_killed_server_fail_no_request_and_lose_no_capture(
    tmp_path: Path,
) -> None:
    found = Course(tmp_path).run(swaps=2, clients=8, back_every=2)
    assert found.failed == []
    assert (found.lost, found.doubled) == (0, 0)
    assert found.answered > 0
    assert len(found.back) == 1
