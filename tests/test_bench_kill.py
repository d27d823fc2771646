"""The loops that kill gateways and servers, in their short form: every promise is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.kill.__main__ import main
from bench.kill.gateway import Gateways
from bench.kill.server import Servers
from bench.kill.tally import Tally, table


def test_a_gateway_that_is_killed_loses_no_answered_prediction(tmp_path: Path) -> None:
    found = Gateways(tmp_path, "sync", clients=(16, 24), restart=60.0).kill(2)
    assert (found.lost, found.doubled, found.faults) == (0, 0, [])
    assert (found.kills, found.kept) == (2, True)
    assert found.acknowledged > 0


def test_a_server_that_is_killed_takes_each_step_once_and_stops_no_gateway(tmp_path: Path) -> None:
    loop = Servers(tmp_path)
    found = loop.kill(2)
    assert (found.lost, found.doubled, found.faults) == (0, 0, [])
    assert (found.kills, found.kept) == (2, True)
    assert found.acknowledged > 0
    assert loop.asked > 0


def test_a_table_tells_what_was_lost_and_whether_it_may_be() -> None:
    synced, loose = Tally("sync", 3, 1_000, lost=1), Tally("async", 3, 900, lost=2, allowed=True)
    assert (synced.kept, loose.kept) == (False, True)
    assert not Tally("one", doubled=1).kept
    assert not Tally("one", faults=["two champions"], allowed=True).kept
    loose.notes.append("at most 9 ms before")
    told = table([synced, loose])
    assert told.splitlines()[1].split() == ["sync", "3", "1,000", "1", "0", "0"]
    assert told.endswith("async: at most 9 ms before")


def test_a_loop_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ledgers"])
    assert "no loop 'ledgers'" in capsys.readouterr().err
