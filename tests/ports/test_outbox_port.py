"""One suite for every adapter of the outbox port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.adapters.memory_outbox import MemoryOutbox
from assay.adapters.sqlite_outbox import SqliteOutbox
from assay.errors import StoreError
from assay.ports.outbox import ChannelState, Outbox, Receipt

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Make = Callable[[Path], Outbox]
ADAPTERS: dict[str, Make] = {
    "memory": lambda _: MemoryOutbox(),
    "sqlite": lambda folder: SqliteOutbox(folder / "outbox.sqlite"),
}


@pytest.fixture(params=ADAPTERS)
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Outbox:
    return ADAPTERS[request.param](tmp_path)


def test_an_unknown_channel_has_nothing(outbox: Outbox) -> None:
    assert outbox.receipts("hook") == {}
    assert outbox.channel("hook") is None


def test_the_newest_receipt_of_a_message_counts(outbox: Outbox) -> None:
    failing = Receipt("failing", 1, NOW, NOW + timedelta(seconds=30), "HTTP 500")
    delivered = Receipt("delivered", 2, NOW + timedelta(minutes=1))
    outbox.record("hook", "m1", failing)
    outbox.record("hook", "m2", failing)
    outbox.record("hook", "m1", delivered)
    assert outbox.receipts("hook") == {"m1": delivered, "m2": failing}
    assert outbox.receipts("chat") == {}


def test_how_a_channel_stands_is_replaced_whole(outbox: Outbox) -> None:
    outbox.keep("hook", ChannelState(17, 3, NOW + timedelta(hours=1)))
    assert outbox.channel("hook") == ChannelState(17, 3, NOW + timedelta(hours=1))
    outbox.keep("hook", ChannelState(17))
    assert outbox.channel("hook") == ChannelState(17)


def test_one_sends_at_a_time(outbox: Outbox) -> None:
    with outbox.sending() as first:
        with outbox.sending() as second:
            assert (first, second) == (True, False)
        with outbox.sending() as third:
            assert not third
    with outbox.sending() as later:
        assert later


def test_receipts_outlive_the_process(tmp_path: Path) -> None:
    receipt = Receipt("refused", 4, NOW, None, "gone")
    SqliteOutbox(tmp_path / "o.sqlite").record("hook", "m1", receipt)
    assert SqliteOutbox(tmp_path / "o.sqlite").receipts("hook") == {"m1": receipt}


def test_a_killed_sender_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from assay.adapters.sqlite_outbox import SqliteOutbox\n"
        "with SqliteOutbox(Path(sys.argv[1])).sending() as mine:\n"
        "    print(mine, flush=True)\n"
        "    time.sleep(60)\n"
    )
    path = tmp_path / "o.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        with SqliteOutbox(path).sending() as mine:
            assert not mine
        os.kill(other.pid, signal.SIGKILL)
    with SqliteOutbox(path).sending() as mine:
        assert mine


def test_a_file_that_is_no_outbox_is_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    path.write_bytes(b"something else, and long enough to be looked at by a database" * 40)
    with pytest.raises(StoreError, match="damaged or no SQLite file"):
        SqliteOutbox(path).record("hook", "m1", Receipt("delivered", 1, NOW))
    assert path.read_bytes().startswith(b"something else")
    with pytest.raises(StoreError, match="cannot be locked"), SqliteOutbox(path / "x").sending():
        pass
