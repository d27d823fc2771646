"""Controllers killed by the system: the short form of `python -m bench.kill releases`."""

from __future__ import annotations

from bench.kill import releases


def test_two_controllers_that_are_killed_leave_a_release_whole() -> None:
    (found,) = releases.run(1)
    assert (found.lost, found.doubled, found.faults) == (0, 0, [])
    assert (found.kills, found.kept) == (1, True)
