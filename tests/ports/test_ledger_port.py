"""One suite for every adapter of the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.postgres import schema

from assay.adapters.memory_ledger import MemoryLedger
from assay.adapters.postgres_ledger import open_postgres_ledger
from assay.adapters.sqlite_ledger import SqliteLedger, open_ledger
from assay.errors import LedgerBroken, LedgerConflict
from assay.evidence.digest import canonical_bytes
from assay.evidence.event import GENESIS
from assay.ports.ledger import Ledger

AT = "2026-01-02T03:04:05+00:00"


def closing(reason: str) -> bytes:
    return canonical_bytes({"at": AT, "id": "a1", "reason": reason})


def closed(ledger: Ledger, name: str, reason: str = "over", expected: int | None = None) -> int:
    return ledger.append(f"alert:{name}", "alert.closed", closing(reason), expected).seq


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    if request.param == "postgres":
        with schema() as url:
            postgres = open_postgres_ledger(url, tmp_path / "ledger.head")
            yield postgres
            postgres.close()
        return
    sqlite: SqliteLedger = open_ledger(tmp_path / "ledger.db")
    yield sqlite
    sqlite.close()


def test_an_empty_ledger_has_nothing_and_holds(ledger: Ledger) -> None:
    assert list(ledger.events()) == []
    assert list(ledger.events("alert:bank")) == []
    assert ledger.revision("alert:bank") == 0
    assert ledger.verify() == 0


def test_an_entry_comes_back_as_it_was_written(ledger: Ledger) -> None:
    content = b'{"reason": "spaces  and \xc3\xbc stay", "id":"1", "at":"2026-01-02T03:04:05+00:00"}'
    written = ledger.append("alert:bank", "alert.closed", content, 0)
    assert (written.seq, written.revision, written.previous) == (1, 1, GENESIS)
    assert written.content == content
    assert list(ledger.events()) == [written]
    assert ledger.verify() == 1


def test_entries_are_chained_and_counted_by_subject(ledger: Ledger) -> None:
    for name in ("bank", "bike", "bank"):
        closed(ledger, name)
    one, two, three = ledger.events()
    assert [one.previous, two.previous, three.previous] == [GENESIS, one.digest, two.digest]
    assert [one.revision, two.revision, three.revision] == [1, 1, 2]
    assert list(ledger.events("alert:bank")) == [one, three]
    assert list(ledger.events("alert:bank", after=1)) == [three]
    assert list(ledger.events(after=2)) == [three]
    assert ledger.revision("alert:bank") == 2
    assert ledger.verify() == 3


def test_a_stale_writer_gets_a_conflict_and_writes_nothing(ledger: Ledger) -> None:
    closed(ledger, "bank", expected=0)
    with pytest.raises(LedgerConflict, match="at revision 1, not 0") as caught:
        closed(ledger, "bank", expected=0)
    assert (caught.value.expected, caught.value.actual) == (0, 1)
    assert ledger.verify() == 1
    assert closed(ledger, "bank", expected=1) == 2
    assert closed(ledger, "bank", expected=None) == 3


@pytest.mark.parametrize(
    ("subject", "type_", "content", "said"),
    [
        ("alert:bank", "alert.forgotten", b"{}", "knows no entry of type 'alert.forgotten'"),
        ("model:bank/1", "alert.closed", closing("x"), "goes on `alert:<name>`"),
        ("alert:", "alert.closed", closing("x"), "goes on `alert:<name>`"),
        ("model:bank", "permission.granted", b"{}", "goes on `model:<name>/<version>`"),
        ("model:bank/x", "permission.granted", b"{}", "goes on `model:<name>/<version>`"),
        ("alert:bank", "alert.closed", b"{", "no JSON"),
        ("alert:bank", "alert.closed", b"[]", "no JSON object"),
        ("alert:bank", "alert.closed", b"{}", "lacks `at`, `id`, `reason`"),
        ("alert:bank", "alert.closed", b'{"at":"noon","id":1,"reason":""}', "no time"),
        ("alert:bank", "alert.closed", b'{"at":"2026-01-01","id":1,"reason":""}', "no time"),
        (
            "model:bank/1",
            "signed",
            canonical_bytes({"at": AT, "subject_digest": "1", "person": "A", "role": "king"}),
            "no role: 'king'",
        ),
    ],
)
def test_a_malformed_entry_is_refused(
    ledger: Ledger, subject: str, type_: str, content: bytes, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        ledger.append(subject, type_, content, None)
    assert ledger.verify() == 0


def test_readers_page_through_many_entries_while_others_write(ledger: Ledger) -> None:
    closed(ledger, "bank")
    closed(ledger, "bank")
    reader = ledger.events()
    assert next(reader).seq == 1
    closed(ledger, "bank")
    rest = [event.seq for event in reader]
    assert rest in ([2], [2, 3])  # a reader may or may not see what was written meanwhile


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_append_without_losing_or_crossing(ledger: Ledger) -> None:
    acknowledged: list[int] = []

    def work(number: int) -> None:
        acknowledged.extend(closed(ledger, f"m{number % 2}", f"{number}.{n}") for n in range(4))

    in_threads(4, work)
    assert sorted(acknowledged) == list(range(1, 17))
    assert ledger.verify() == 16
    assert [event.seq for event in ledger.events()] == list(range(1, 17))


def test_of_rival_writers_one_wins(ledger: Ledger) -> None:
    won: list[int] = []
    lost: list[int] = []

    def work(number: int) -> None:
        try:
            won.append(closed(ledger, "bank", str(number), expected=0))
        except LedgerConflict:
            lost.append(number)

    in_threads(5, work)
    assert (len(won), len(lost)) == (1, 4)
    assert ledger.verify() == 1


def test_verifying_while_others_write_never_cries_wolf(ledger: Ledger) -> None:
    counts: list[int] = []

    def work(number: int) -> None:
        for n in range(6):
            if number == 0:
                counts.append(ledger.verify())
            else:
                closed(ledger, "bank", f"{number}.{n}")

    in_threads(3, work)
    assert counts == sorted(counts)
    assert len(counts) == 6
    assert ledger.verify() == 12


def test_a_changed_entry_in_memory_is_found() -> None:
    ledger = MemoryLedger()
    closed(ledger, "bank")
    ledger.entries[0] = replace(ledger.entries[0], content=b"{}")
    with pytest.raises(LedgerBroken, match="Entry 1 was changed"):
        ledger.verify()
