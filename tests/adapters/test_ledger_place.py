"""A workspace's ledger that moves into a database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.postgres import schema

from assay.adapters.ledger_address import address_of
from assay.adapters.ledger_place import ledger_of, move_ledger
from assay.adapters.postgres_ledger import PostgresLedger
from assay.adapters.sqlite_ledger import open_ledger
from assay.errors import InputError
from assay.evidence.digest import canonical_bytes
from assay.ports.ledger import Ledger


@pytest.fixture
def place() -> Iterator[str]:
    with schema() as url:
        yield url


def say(ledger: Ledger, reason: str, name: str = "bank") -> None:
    content = {"at": "2026-01-02T03:04:05+00:00", "id": "a1", "reason": reason}
    ledger.append(f"alert:{name}", "alert.closed", canonical_bytes(content), None)


def written(folder: Path, name: str = "bank", count: int = 3) -> Path:
    folder.mkdir()
    with closing(open_ledger(folder / "ledger.sqlite")) as ledger:
        for number in range(count):
            say(ledger, f"reason {number}", name)
    return folder


def test_entries_keep_their_words_and_revisions(place: str, tmp_path: Path) -> None:
    one, other = written(tmp_path / "one"), written(tmp_path / "other", "bike", 2)
    assert move_ledger(one, place) == 3
    assert move_ledger(other, place) == 2
    assert move_ledger(one, place) == 0
    assert address_of(one) == place
    for folder in (one, other):
        ledger = ledger_of(folder)
        assert isinstance(ledger, PostgresLedger)
        with closing(ledger):
            assert ledger.verify() == 5
            told = [(event.revision, event.data["reason"]) for event in ledger.events("alert:bank")]
            assert told == [(1, "reason 0"), (2, "reason 1"), (3, "reason 2")]


def test_a_move_that_was_killed_half_way_is_ended(place: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "one")
    half = Path(shutil.copytree(folder, tmp_path / "half"))
    move_ledger(half, place)
    with closing(open_ledger(folder / "ledger.sqlite")) as ledger:
        say(ledger, "later")
    assert move_ledger(folder, place) == 1


def test_two_models_of_one_name_are_told_apart(place: str, tmp_path: Path) -> None:
    move_ledger(written(tmp_path / "one"), place)
    other = tmp_path / "other"
    other.mkdir()
    with closing(open_ledger(other / "ledger.sqlite")) as ledger:
        say(ledger, "something else")
    with pytest.raises(InputError, match="tells other things of alert:bank"):
        move_ledger(other, place)
    assert address_of(other) is None


def test_a_moved_ledger_stays_where_it_is(place: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "one")
    move_ledger(folder, place)
    with pytest.raises(InputError, match="and not in postgresql://elsewhere"):
        move_ledger(folder, "postgresql://elsewhere/db")


def test_a_password_is_not_kept_beside_the_ledger(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="PGPASSWORD") as caught:
        move_ledger(written(tmp_path / "one"), "postgresql://me:secret@127.0.0.1/db")
    assert "secret" not in str(caught.value)


def test_without_a_move_the_ledger_is_a_file(tmp_path: Path) -> None:
    with closing(open_ledger(written(tmp_path / "one") / "ledger.sqlite")) as ledger:
        assert ledger.verify() == 3
    assert address_of(tmp_path / "one") is None
