"""What the ledger in PostgreSQL promises beyond what every ledger does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.postgres import schema

from assay.adapters.head_file import HeadFile
from assay.adapters.postgres_engine import postgres_engine
from assay.adapters.postgres_ledger import PostgresLedger, open_postgres_ledger
from assay.errors import LedgerBroken, StoreError
from assay.evidence.chain import Head
from assay.evidence.digest import canonical_bytes

AT = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def place() -> Iterator[str]:
    with schema() as url:
        yield url


def say(ledger: PostgresLedger, reason: str) -> int:
    content = canonical_bytes({"at": AT, "id": "a1", "reason": reason})
    return ledger.append("alert:bank", "alert.closed", content, None).seq


def run(place: str, *statements: str) -> None:
    engine = postgres_engine(place)
    try:
        with engine.begin() as connection:
            for one in statements:
                connection.execute(text(one))
    finally:
        engine.dispose()


@pytest.fixture
def written(place: str, tmp_path: Path) -> Iterator[PostgresLedger]:
    with closing(open_postgres_ledger(place, tmp_path / "seen.head")) as ledger:
        for number in range(4):
            say(ledger, f"reason {number}")
        yield ledger


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET type = 'alert.raised' WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = 4",
        "TRUNCATE ledger",
        "DELETE FROM ledger_head",
        "TRUNCATE ledger_head",
        "UPDATE ledger_head SET seq = 2",
    ],
)
def test_the_database_refuses_to_change_what_is_written(
    place: str, written: PostgresLedger, statement: str
) -> None:
    with pytest.raises(Exception, match=r"append-only|moves on by one"):
        run(place, statement)
    assert written.verify() == 4


_OFF = (
    "ALTER TABLE ledger DISABLE TRIGGER USER",
    "ALTER TABLE ledger_head DISABLE TRIGGER USER",
)


@pytest.mark.parametrize(
    ("statement", "said", "stops"),
    [
        ("UPDATE ledger SET bytes = '{}' WHERE seq = 2", "Entry 2 was changed", False),
        ("UPDATE ledger SET bytes = '{}' WHERE seq = 4", "Entry 4 was changed", True),
        ("DELETE FROM ledger WHERE seq = 4", "Entry 4 is gone", True),
        ("DELETE FROM ledger WHERE seq = 2", "Entry 2 is gone", False),
        ("DELETE FROM ledger_head", "The head is missing", True),
    ],
)
def test_an_owner_who_takes_the_triggers_away_is_found_out(
    place: str, written: PostgresLedger, statement: str, said: str, stops: bool
) -> None:
    run(place, *_OFF, statement)
    with pytest.raises(LedgerBroken, match=said):
        written.verify()
    if stops:
        with pytest.raises(LedgerBroken, match=said):
            say(written, "more")


def test_a_ledger_that_was_cut_with_its_head_contradicts_the_witness(
    place: str, written: PostgresLedger, tmp_path: Path
) -> None:
    third = list(written.events())[2]
    head = f"UPDATE ledger_head SET seq = 3, digest = '{third.digest}'"  # noqa: S608
    run(place, *_OFF, "DELETE FROM ledger WHERE seq = 4", head)
    with pytest.raises(LedgerBroken, match="Entry 4 is not the one that this machine saw"):
        written.verify()
    with closing(open_postgres_ledger(place, tmp_path / "elsewhere.head")) as elsewhere:
        assert elsewhere.verify() == 3
        say(elsewhere, "other")  # a fourth entry again, and another one
    with pytest.raises(LedgerBroken, match="cut or written anew"):
        written.verify()


def test_an_entry_behind_the_head_is_found(place: str, written: PostgresLedger) -> None:
    fifth = "INSERT INTO ledger SELECT 5, subject, 5, type, bytes, digest, digest FROM ledger"
    run(place, f"{fifth} WHERE seq = 4")
    with pytest.raises(LedgerBroken, match="Entry 5"):
        written.verify()
    with pytest.raises(LedgerBroken):
        say(written, "more")


def test_the_witness_moves_on_and_never_back(written: PostgresLedger, tmp_path: Path) -> None:
    witness = HeadFile(tmp_path / "seen.head")
    last = list(written.events())[-1]
    assert witness.read() == Head(4, last.digest)
    witness.write(Head(1, next(iter(written.events())).digest))  # one that lags
    assert written.verify() == 4
    assert say(written, "more") == 5
    assert witness.read() == Head(5, list(written.events())[-1].digest)


def test_tables_of_others_are_left_alone(place: str) -> None:
    run(place, "CREATE TABLE songs (name TEXT)")
    with closing(open_postgres_ledger(place)) as ledger:
        assert say(ledger, "first") == 1
    with closing(open_postgres_ledger(place)) as again:
        assert again.verify() == 1


def test_another_ledger_of_that_name_is_left_alone(place: str) -> None:
    run(place, "CREATE TABLE ledger (name TEXT)")
    with pytest.raises(StoreError, match="that Assay did not make"):
        open_postgres_ledger(place)


def test_a_newer_format_is_left_alone(place: str, written: PostgresLedger) -> None:
    run(place, "UPDATE assay_ledger_format SET version_num = '0099'")
    with pytest.raises(StoreError, match=r"format 0099, .* knows formats up to 0001"):
        open_postgres_ledger(place)


def test_a_database_that_does_not_answer_is_one_paragraph() -> None:
    with pytest.raises(StoreError, match="does not answer") as caught:
        open_postgres_ledger("postgresql://nobody:secret@127.0.0.1:1/none")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_locked_head_is_one_paragraph(place: str, written: PostgresLedger) -> None:
    engine = postgres_engine(place)
    hasty = PostgresLedger(postgres_engine(place, patience=0.1))
    with engine.begin() as connection:
        connection.execute(text("SELECT * FROM ledger_head FOR UPDATE"))
        with pytest.raises(StoreError, match="locked by another process"):
            say(hasty, "more")
        assert written.verify() == 4  # readers are not held up
    engine.dispose()
    hasty.close()
    assert say(written, "more") == 5


WRITER = """
    import sys
    from assay.adapters.postgres_ledger import open_postgres_ledger
    from assay.evidence.digest import canonical_bytes
    ledger = open_postgres_ledger(sys.argv[1])
    for number in range(int(sys.argv[3])):
        content = {"at": "2026-01-01T00:00:00+00:00", "id": sys.argv[2], "reason": str(number)}
        event = ledger.append("alert:bank", "alert.closed", canonical_bytes(content), None)
        print(event.seq, event.digest, flush=True)
"""


def writer(place: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), place, name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def acknowledged(process: subprocess.Popen[str]) -> list[tuple[int, str]]:
    assert process.stdout is not None
    lines = [line.split() for line in process.stdout.read().splitlines()]
    process.stdout.close()
    return [(int(line[0]), line[1]) for line in lines if len(line) == 2 and len(line[1]) == 64]


def test_of_eight_writers_no_entry_is_lost_or_doubled(place: str) -> None:
    processes = [writer(place, f"w{n}", 15) for n in range(8)]  # they also race to create it
    acks = [ack for process in processes for ack in acknowledged(process)]
    assert [process.wait() for process in processes] == [0] * 8
    with closing(open_postgres_ledger(place)) as ledger:
        assert ledger.verify() == 120
        assert {(event.seq, event.digest) for event in ledger.events()} == set(acks)
        told = [(event.data["id"], event.data["reason"]) for event in ledger.events()]
    assert len(acks) == len(set(told)) == 120


def test_kill_9_while_appending_loses_no_acknowledged_entry(place: str) -> None:
    acks: list[tuple[int, str]] = []
    for round_ in range(3):
        process = writer(place, f"w{round_}", 10_000)
        assert process.stdout is not None
        for _ in range(3 + 4 * round_):
            seq, digest = process.stdout.readline().split()
            acks.append((int(seq), digest))
        os.kill(process.pid, signal.SIGKILL)
        acks += acknowledged(process)
        process.wait()
    with closing(open_postgres_ledger(place)) as ledger:
        say(ledger, "after")
        count = ledger.verify()
        digests = {event.seq: event.digest for event in ledger.events()}
    assert all(digests[seq] == digest for seq, digest in acks)
    assert len(acks) <= count - 1 <= len(acks) + 3
