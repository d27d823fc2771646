from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.head_file import HeadFile
from assay.adapters.sqlite_connections import SqliteConnections
from assay.adapters.sqlite_ledger import SqliteLedger, open_ledger
from assay.adapters.sqlite_ledger_format import CURRENT
from assay.errors import LedgerBroken, StoreError
from assay.evidence.chain import Head
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import GENESIS, Event

AT = "2026-01-02T03:04:05+00:00"
COUNT = 6


def say(ledger: SqliteLedger, reason: str, name: str = "bank") -> Event:
    content = canonical_bytes({"at": AT, "id": "a1", "reason": reason})
    return ledger.append(f"alert:{name}", "alert.closed", content, None)


@contextmanager
def opened(path: Path, patience: float = 10.0) -> Iterator[SqliteLedger]:
    with closing(open_ledger(path, patience)) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with six entries on two subjects; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("written")
    with opened(folder / "ledger.db") as ledger:
        for number in range(COUNT):
            say(ledger, f"reason {number}", f"m{number % 2}")
    return folder


def copy(written: Path, to: Path) -> Path:
    shutil.copytree(written, to, dirs_exist_ok=True)
    return to / "ledger.db"


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def verdict(path: Path) -> str:
    with opened(path) as ledger, pytest.raises(LedgerBroken) as caught:
        ledger.verify()
    return str(caught.value)


def test_a_ledger_outlives_its_process(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    with opened(path) as ledger:
        assert ledger.verify() == COUNT
        assert say(ledger, "later").seq == COUNT + 1
    with opened(path) as ledger:
        assert ledger.verify() == COUNT + 1
    assert HeadFile(tmp_path / "ledger.head").read() is not None


def test_commits_are_synced(tmp_path: Path) -> None:
    database = SqliteConnections(tmp_path / "a.db", 1.0)
    with database.reading() as connection:
        settings = [
            connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("journal_mode", "synchronous")
        ]
    database.close()
    assert settings == [("wal",), (2,)]  # 2 is FULL


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE ledger SET bytes = x'7b7d' WHERE seq = 3", "Entry 3 was changed"),
        ("UPDATE ledger SET bytes = '{}' WHERE seq = 6", "Entry 6 was changed"),
        ("UPDATE ledger SET subject = 'alert:other' WHERE seq = 2", "Entry 2 was changed"),
        ("UPDATE ledger SET subject = x'ff00' WHERE seq = 2", "Entry 2 was changed"),
        ("UPDATE ledger SET subject_revision = 'no' WHERE seq = 2", "Entry 2 was changed"),
        ("UPDATE ledger SET type = 'alert.raised' WHERE seq = 1", "Entry 1 was changed"),
        ("UPDATE ledger SET digest = previous WHERE seq = 4", "Entry 4 was changed"),
        ("DELETE FROM ledger WHERE seq = 1", "Entry 1 is gone"),
        ("DELETE FROM ledger WHERE seq = 4", "Entry 4 is gone"),
        ("DELETE FROM ledger WHERE seq = 6", "Entry 6 is gone"),
        ("DELETE FROM ledger WHERE seq > 4", "Entries 5 to 6 are gone"),
        ("DELETE FROM ledger", "Entries 1 to 6 are gone"),
    ],
)
def test_tampering_is_found_and_named_and_stops_appending(
    written: Path, tmp_path: Path, statement: str, said: str
) -> None:
    path = copy(written, tmp_path)
    run(path, statement)
    assert verdict(path).startswith(said)


@pytest.mark.parametrize("pair", [(1, 2), (2, 5), (5, 6)])
def test_swapped_rows_are_found_and_named(
    written: Path, tmp_path: Path, pair: tuple[int, int]
) -> None:
    path = copy(written, tmp_path)
    one, two = pair
    run(
        path,
        f"UPDATE ledger SET seq = 99 WHERE seq = {one}",  # noqa: S608
        f"UPDATE ledger SET seq = {one} WHERE seq = {two}",  # noqa: S608
        f"UPDATE ledger SET seq = {two} WHERE seq = 99",  # noqa: S608
    )
    assert verdict(path).startswith(f"Entries {one} and {two} were swapped")


@settings(max_examples=60)
@given(
    entry=st.integers(0, COUNT - 1),
    place=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
)
def test_a_changed_byte_of_any_entry_in_the_file_is_found(
    tmp_path_factory: pytest.TempPathFactory, written: Path, entry: int, place: float, flip: int
) -> None:
    """Whatever byte of a stored value is changed, on the disk itself, `verify` says no."""
    path = copy(written, tmp_path_factory.mktemp("flip"))
    raw = bytearray(path.read_bytes())
    with opened(path) as ledger:
        content = list(ledger.events())[entry].content
    start = raw.index(content)
    begin = start - len("alert:m0alert.closed")  # the subject and the type lie before it
    end = start + len(content) + 2 * 64  # the two digests after it
    raw[begin + int(place * (end - begin))] ^= flip
    path.write_bytes(raw)
    assert verdict(path).startswith(f"Entry {entry + 1} was changed")
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM ledger WHERE seq = 6", "Entry 6 is gone"),
        ("UPDATE ledger SET bytes = '{}' WHERE seq = 6", "Entry 6 was changed"),
        ("UPDATE ledger SET bytes = '{}' WHERE seq = 1", None),
    ],
)
def test_nothing_is_appended_to_an_end_that_does_not_hold(
    written: Path, tmp_path: Path, statement: str, said: str | None
) -> None:
    path = copy(written, tmp_path)
    run(path, statement)
    with opened(path) as ledger:
        if said is None:  # a break further back is for `verify`: appending must stay quick
            assert say(ledger, "more").seq == COUNT + 1
        else:
            with pytest.raises(LedgerBroken, match=said):
                say(ledger, "more")


def test_an_index_that_hides_an_entry_is_found(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    raw = path.read_bytes()
    size = int.from_bytes(raw[16:18], "big")
    pages = [raw[at : at + size] for at in range(0, len(raw), size)]
    index = next(n for n, page in enumerate(pages) if page[0] == 10 and b"alert:m1" in page)
    pages[index] = pages[index].replace(b"alert:m1", b"alert:m9", 1)
    path.write_bytes(b"".join(pages))
    assert "the database around it was changed or damaged" in verdict(path)


def test_a_head_that_lags_is_healed_by_the_next_writer(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    head = HeadFile(tmp_path / "ledger.head")
    with opened(path) as ledger:
        fourth = list(ledger.events())[3]
        head.write(Head(4, fourth.digest))
        assert ledger.verify() == COUNT
        event = say(ledger, "after a crash")
        assert head.read() == Head(event.seq, event.digest)
        assert ledger.verify() == COUNT + 1


def test_a_lagging_head_is_not_healed_over_a_broken_tail(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    with opened(path) as ledger:
        fourth = list(ledger.events())[3]
        HeadFile(tmp_path / "ledger.head").write(Head(4, fourth.digest))
        run(path, "UPDATE ledger SET bytes = '{}' WHERE seq = 5")
        with pytest.raises(LedgerBroken, match="Entry 5 was changed"):
            say(ledger, "more")


def test_a_head_that_is_ahead_is_never_healed(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    HeadFile(tmp_path / "ledger.head").write(Head(COUNT + 1, "f" * 64))
    assert verdict(path).startswith("Entry 7 is gone")
    with opened(path) as ledger, pytest.raises(LedgerBroken, match="Entry 7 is gone"):
        say(ledger, "more")


@pytest.mark.parametrize("raw", [None, b"", b"{}", b"[1]", b"\xff", b'{"seq":"x","digest":""}'])
def test_a_head_that_is_missing_or_unreadable_is_a_break(
    written: Path, tmp_path: Path, raw: bytes | None
) -> None:
    path = copy(written, tmp_path)
    head = tmp_path / "ledger.head"
    head.unlink() if raw is None else head.write_bytes(raw)
    said = "The head is missing" if raw is None else "The ledger's head .* was changed"
    with opened(path) as ledger:
        with pytest.raises(LedgerBroken, match=said):
            ledger.verify()
        with pytest.raises(LedgerBroken, match=said):
            say(ledger, "more")


def test_a_database_that_is_gone_is_not_begun_anew(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    path.unlink()
    with pytest.raises(LedgerBroken, match="names entry 6 as the last: all entries were removed"):
        open_ledger(path)
    with pytest.raises(LedgerBroken, match="all entries were removed"):
        open_ledger(path)


def test_a_file_that_is_no_database_is_one_paragraph(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database, not at all" * 40)
    with pytest.raises(StoreError, match=r"is damaged or no SQLite file .*backup") as caught:
        open_ledger(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_page_is_found(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    raw = path.read_bytes()
    size = int.from_bytes(raw[16:18], "big")
    table = next(at for at in range(0, len(raw), size) if b"reason 0" in raw[at : at + size])
    path.write_bytes(raw[:table] + b"\0" * size + raw[table + size :])
    with pytest.raises((LedgerBroken, StoreError)), opened(path) as ledger:
        ledger.verify()


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    run(path, "CREATE TABLE songs (name TEXT)")
    with pytest.raises(StoreError, match="no ledger: it holds songs"):
        open_ledger(path)
    assert not (tmp_path / "ledger.head").exists()


def test_a_newer_format_is_left_alone(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    run(path, "UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(StoreError, match=r"format 0099, .* knows formats up to 0001"):
        open_ledger(path)


def test_a_locked_database_is_one_paragraph(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        opened(path, 0.05) as ledger,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process") as caught:
            say(ledger, "more")
        assert "\n" not in str(caught.value)
        assert ledger.verify() == COUNT  # readers are not held up
        other.execute("ROLLBACK")
        assert say(ledger, "more").seq == COUNT + 1


def test_a_missing_directory_is_one_paragraph(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no directory"):
        open_ledger(tmp_path / "nowhere" / "ledger.db")


def test_a_directory_in_the_place_of_a_file_is_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(StoreError, match=r"cannot be used .*can be read and written"):
        open_ledger(tmp_path / "ledger.db")
    with pytest.raises(StoreError, match="cannot be read"):
        HeadFile(tmp_path / "ledger.db").read()


def test_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    database = SqliteConnections(tmp_path / "ledger.db", 1.0)
    ledger = SqliteLedger(database, HeadFile(tmp_path / "ledger.head"))
    ledger.prepare()
    say(ledger, "fits")
    with database.reading() as connection:
        connection.execute("PRAGMA max_page_count=1")  # SQLite keeps what there is
    with pytest.raises(StoreError, match="the disk is full"):
        say(ledger, "x" * 100_000)
    assert ledger.verify() == 1
    ledger.close()


class FailingHead(HeadFile):
    failing = False

    def write(self, head: Head) -> None:
        if self.failing:
            raise StoreError("The ledger's head cannot be written.")
        super().write(head)


def test_an_entry_whose_head_fails_is_not_acknowledged_and_later_healed(tmp_path: Path) -> None:
    head = FailingHead(tmp_path / "ledger.head")
    ledger = SqliteLedger(SqliteConnections(tmp_path / "ledger.db", 1.0), head)
    ledger.prepare()
    say(ledger, "one")
    head.failing = True
    with pytest.raises(StoreError, match=r"head cannot be written.* Entry 2 .* may stand"):
        say(ledger, "two")
    assert ledger.revision("alert:bank") == 2
    head.failing = False
    assert say(ledger, "three").seq == 3
    assert ledger.verify() == 3
    ledger.close()


def test_a_head_that_cannot_be_written_is_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "ledger.head.new").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        HeadFile(tmp_path / "ledger.head").write(Head(1, "f" * 64))


# What earlier versions wrote, by way of SQLAlchemy and Alembic.
_AS_BEFORE = """
CREATE TABLE ledger (
\tseq INTEGER NOT NULL,\x20
\tsubject TEXT NOT NULL,\x20
\tsubject_revision INTEGER NOT NULL,\x20
\ttype TEXT NOT NULL,\x20
\tbytes BLOB NOT NULL,\x20
\tprevious TEXT NOT NULL,\x20
\tdigest TEXT NOT NULL,\x20
\tPRIMARY KEY (seq),\x20
\tCONSTRAINT one_entry_a_revision UNIQUE (subject, subject_revision)
);
CREATE TABLE alembic_version (
\tversion_num VARCHAR(32) NOT NULL,\x20
\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('0001');
"""


def test_the_tables_are_those_of_earlier_versions(written: Path, tmp_path: Path) -> None:
    now, before = copy(written, tmp_path), tmp_path / "before.db"
    with closing(sqlite3.connect(before)) as connection:
        connection.executescript(_AS_BEFORE)
    asked = [
        f"PRAGMA {what}({table})"
        for table in ("ledger", "alembic_version")
        for what in ("table_info", "index_list", "index_xinfo")
    ]
    asked += ["PRAGMA index_xinfo(sqlite_autoindex_ledger_1)", "SELECT * FROM alembic_version"]
    with closing(sqlite3.connect(before)) as one, closing(sqlite3.connect(now)) as other:
        for question in asked:
            assert one.execute(question).fetchall() == other.execute(question).fetchall()
    (tmp_path / "before.head").write_text(f'{{"seq": 0, "digest": "{GENESIS}"}}')
    with opened(before) as ledger:
        assert say(ledger, "goes on").seq == 1
        assert ledger.verify() == 1
    assert CURRENT == "0001"


def test_what_a_transaction_began_is_gone_where_it_fails(tmp_path: Path) -> None:
    database = SqliteConnections(tmp_path / "a.db", 1.0)

    def make_and(statement: str) -> None:
        with database.writing() as connection:
            connection.execute("CREATE TABLE songs (name TEXT)")
            connection.execute(statement)

    with pytest.raises(StoreError, match=r"cannot be used .*films"):
        make_and("SELECT * FROM films")
    make_and("SELECT * FROM songs")
    with pytest.raises(StoreError, match="already exists"):
        make_and("SELECT * FROM songs")
    database.close()


def test_many_threads_at_once_leave_few_connections_open(tmp_path: Path) -> None:
    database, meet = SqliteConnections(tmp_path / "a.db", 10.0), threading.Barrier(9)

    def read() -> None:
        with database.reading():
            meet.wait(30)

    threads = [threading.Thread(target=read) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(database._idle) == 4
    database.close()
    assert not database._idle
    with database.reading() as connection:  # a later use opens anew
        assert connection.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_a_ledger_opens_without_heavy_libraries(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    code = (
        "import sys; from pathlib import Path; from assay.adapters.sqlite_ledger import *; "
        "ledger = open_ledger(Path(sys.argv[1])); print(ledger.verify()); ledger.close(); "
        "assert not {'alembic', 'sqlalchemy', 'numpy'} & {*sys.modules}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{COUNT}\n"


def test_a_forked_child_takes_a_connection_of_its_own(written: Path, tmp_path: Path) -> None:
    path = copy(written, tmp_path)
    code = """
        import os, sys
        from pathlib import Path
        from assay.adapters.sqlite_ledger import open_ledger
        ledger = open_ledger(Path(sys.argv[1]))
        content = b'{"at":"2026-01-01T00:00:00+00:00","id":"1","reason":"x"}'
        child = os.fork()
        ledger.append("alert:bank", "alert.closed", content, None)
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(ledger.verify())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{COUNT + 2}\n"


WRITER = """
    import sys
    from pathlib import Path
    from assay.adapters.sqlite_ledger import open_ledger
    from assay.evidence.digest import canonical_bytes
    ledger = open_ledger(Path(sys.argv[1]))
    for number in range(int(sys.argv[3])):
        content = {"at": "2026-01-01T00:00:00+00:00", "id": sys.argv[2], "reason": str(number)}
        event = ledger.append("alert:bank", "alert.closed", canonical_bytes(content), None)
        print(event.seq, event.digest, flush=True)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def acknowledged(process: subprocess.Popen[str]) -> list[tuple[int, str]]:
    assert process.stdout is not None
    lines = [line.split() for line in process.stdout.read().splitlines()]
    process.stdout.close()
    return [(int(line[0]), line[1]) for line in lines if len(line) == 2 and len(line[1]) == 64]


def test_kill_9_while_appending_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    acks: list[tuple[int, str]] = []
    for round_ in range(3):
        process = writer(path, f"w{round_}", 10_000)
        assert process.stdout is not None
        for _ in range(3 + 4 * round_):
            seq, digest = process.stdout.readline().split()
            acks.append((int(seq), digest))
        os.kill(process.pid, signal.SIGKILL)
        acks += acknowledged(process)
        process.wait()
    with opened(path) as ledger:
        count = ledger.verify()
        digests = {event.seq: event.digest for event in ledger.events()}
        assert say(ledger, "after").seq == count + 1
    assert all(digests[seq] == digest for seq, digest in acks)
    assert len(acks) <= count <= len(acks) + 3  # at most one unacknowledged entry a kill


def test_a_write_ahead_log_that_is_thrown_away_is_found(tmp_path: Path) -> None:
    """Who copies the database without its log copies less than was acknowledged."""
    path = tmp_path / "ledger.db"
    with opened(path) as ledger:
        say(ledger, "first")
    process = writer(path, "w", 10_000)
    assert process.stdout is not None
    seq = int(process.stdout.readline().split()[0])
    os.kill(process.pid, signal.SIGKILL)
    acknowledged(process)
    process.wait()
    assert seq == 2
    (tmp_path / "ledger.db-wal").unlink()
    (tmp_path / "ledger.db-shm").unlink(missing_ok=True)
    assert "removed from the end" in verdict(path)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose writer was killed: its newest entries lie in the write-ahead log only."""
    folder = tmp_path_factory.mktemp("killed")
    process = writer(folder / "ledger.db", "w", 10_000)
    assert process.stdout is not None
    for _ in range(COUNT):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    acknowledged(process)
    process.wait()
    return folder


@settings(max_examples=40)
@given(kept=st.floats(0, 1))
def test_a_write_ahead_log_cut_anywhere_never_passes_for_whole(
    tmp_path_factory: pytest.TempPathFactory, killed: Path, kept: float
) -> None:
    path = copy(killed, tmp_path_factory.mktemp("cut"))
    head = HeadFile(path.with_suffix(".head")).read()
    assert head is not None
    path.with_name("ledger.db-shm").unlink()
    log = path.with_name("ledger.db-wal")
    os.truncate(log, int(kept * log.stat().st_size))
    try:
        with opened(path) as ledger:
            assert ledger.verify() >= head.seq
    except LedgerBroken as error:
        assert "removed" in str(error)  # noqa: PT017
    shutil.rmtree(path.parent)


def test_processes_append_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    processes = [writer(path, f"w{n}", 12) for n in range(3)]  # they also race to create it
    acks = [ack for process in processes for ack in acknowledged(process)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    with opened(path) as ledger:
        assert ledger.verify() == 36
        assert {(event.seq, event.digest) for event in ledger.events()} == set(acks)
